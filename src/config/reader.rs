//! Reads the tables of a config file by its schema: a key that the schema does not know can be neither
//! written by the user nor asked for by the code.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::dotted::{dotted, segment};
use super::fix::ConfigFix;
use super::misplaced::Misplaced;
use super::problem::{Diagnostics, MayFollow, Problem, ProblemScope, nearest};
use super::schema::{ConfigKey, Fallback, Schema, Section, SectionForm};
use super::value::{self, Base};

/// The context of all tables of one text.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Collects the mistakes.
    pub(super) sheet: &'a Diagnostics<'a>,
    /// What relative paths are relative to.
    pub(super) base: Base<'a>,
    /// All sections there are.
    pub(super) schema: Schema,
    /// The whole text, if it is the config file: there, keys can be moved.
    pub(super) document: Option<&'a DeTable<'a>>,
}

/// One table of the file and the section that it has to be.
pub(crate) struct SectionReader<'a> {
    section: &'static Section,
    /// The names on the way to it, as the user wrote them; none at the top.
    names: Vec<String>,
    /// Which of the tables of a list it is. A fix can't name a place in one.
    item: Option<usize>,
    /// Where the table begins, for reports of missing keys.
    at: usize,
    table: &'a DeTable<'a>,
    reading: Reading<'a>,
    /// What a mistake in it disables.
    blame: ProblemScope,
}

/// A key that is set.
pub(super) struct Field<'a> {
    key: &'static ConfigKey,
    path: String,
    at: usize,
    value: &'a DeValue<'a>,
    sheet: &'a Diagnostics<'a>,
    blame: ProblemScope,
}

impl<'a> SectionReader<'a> {
    /// A whole text as one section: the top of the config file, or a file with one provider's keys.
    pub(super) fn of_text(
        section: &'static Section,
        table: &'a DeTable<'a>,
        reading: Reading<'a>,
        blame: ProblemScope,
    ) -> Self {
        Self { section, names: Vec::new(), item: None, at: 0, table, reading, blame }.checked()
    }

    /// Reports the keys that the section does not have, and those that were renamed.
    fn checked(self) -> Self {
        let names = self.reading.schema.names_in(self.section);
        for (key, _) in self.table {
            let (written, at) = (key.get_ref().as_ref(), key.span().start);
            let path = self.path_of(written);
            if names.contains(&written) {
                continue;
            }
            match self.section.renamed(written) {
                None => self.sheet().report(at, &path, self.unknown(written), &self.blame),
                Some(key) if self.table.contains_key(key.name) => {
                    let problem = Problem::new(format!("stands beside `{}`, which is its name now", key.name));
                    self.sheet().report(at, &path, problem.expected("one of the two"), &self.blame);
                }
                Some(key) => {
                    let problem = Problem::new(format!("is called `{}` now; the old name still works", key.name));
                    let rename = ConfigFix::Rename { from: self.names_to(written), to: key.name };
                    let fix = self.fixable().map(|_| rename);
                    self.sheet().warn(at, &path, problem.fixed_by(fix), &self.blame);
                }
            }
        }
        self
    }

    fn sheet(&self) -> &'a Diagnostics<'a> {
        self.reading.sheet
    }

    /// What relative paths are relative to.
    pub(super) fn base(&self) -> Base<'a> {
        self.reading.base
    }

    /// The key, if it is set.
    pub(super) fn field(&self, name: &'static str) -> Option<Field<'a>> {
        let key = self.section.key(name);
        debug_assert!(key.is_some(), "`{name}` is not in the schema of [{}]", self.section.path);
        #[cfg(test)]
        self.sheet().asked.borrow_mut().insert((self.section.path, name));
        let (written, value) = self.find(name)?;
        let (at, value) = (value.span().start, value.get_ref());
        Some(Field {
            key: key?,
            path: self.path_of(written),
            at,
            value,
            sheet: self.sheet(),
            blame: self.blame.clone(),
        })
    }

    /// The value of a key, and the name that it is written under: the current one, or an earlier one.
    fn find<'n>(&self, name: &'n str) -> Option<(&'n str, &'a Spanned<DeValue<'a>>)> {
        let of = |name: &'n str| self.table.get(name).map(|value| (name, value));
        of(name).or_else(|| of(self.section.key(name)?.formerly?))
    }

    /// The dotted path of a key, with the name that it is written under.
    fn path_as_written(&self, name: &str) -> String {
        self.path_of(self.find(name).map_or(name, |(written, _)| written))
    }

    /// Its value; `None` if it is missing or wrong. A wrong value is reported, and a missing one if it is required.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        let Some(field) = self.field(name) else {
            if self.section.key(name).is_some_and(|key| matches!(key.fallback, Fallback::Required)) {
                self.missing(name);
            }
            return None;
        };
        field.read(convert)
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, name: &'static str) {
        let expected = self.section.key(name).map_or_else(String::new, |key| key.kind.expected());
        self.lacks(name, &[name], Problem::new("is missing").expected(expected));
    }

    /// Reports that something is missing, or has no effect, because of the values of these keys; but not if a mistake
    /// in one of them was reported, since it may follow from that.
    pub(super) fn lacks(&self, name: &'static str, because_of: &[&str], problem: Problem) {
        if !because_of.iter().any(|key| self.is_mistaken(key)) {
            self.sheet().note(self.place(name), &self.path_as_written(name), problem, &self.blame, MayFollow::Yes);
        }
    }

    /// Whether a mistake was reported in this key or table.
    pub(super) fn is_wrong(&self, name: &str) -> bool {
        self.sheet().is_wrong(&self.path_as_written(name))
    }

    /// Whether a mistake was reported in this key or table, or in a likely misspelling of it.
    pub(super) fn is_mistaken(&self, name: &str) -> bool {
        let names = self.reading.schema.names_in(self.section);
        let is_unknown = |key: &str| !names.contains(&key) && self.section.renamed(key).is_none();
        let is_meant = |key: &str| is_unknown(key) && nearest(key, names.iter().copied()) == Some(name);
        self.is_wrong(name) || self.table.keys().any(|key| is_meant(key.get_ref()))
    }

    /// Reports a mistake in a key: where its value is, or where the table begins.
    pub(super) fn refuse(&self, name: &str, problem: Problem) {
        self.sheet().report(self.place(name), &self.path_as_written(name), problem, &self.blame);
    }

    /// Warns of a setting that works but is discouraged: at its value, or where the table begins.
    pub(super) fn warn(&self, name: &str, why: &str) {
        self.sheet().warn(self.place(name), &self.path_as_written(name), Problem::new(why), &self.blame);
    }

    /// Where the key's value is, or where the table begins.
    fn place(&self, name: &str) -> usize {
        self.find(name).map_or(self.at, |(_, value)| value.span().start)
    }

    /// The first mistake in it and in the tables below it.
    pub(super) fn first_mistake(&self) -> Option<String> {
        self.sheet().first(&self.blame)
    }

    /// The text's name.
    pub(super) fn file(&self) -> &'a std::path::Path {
        self.sheet().file()
    }

    /// Every key that is set, in the order of the schema.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, &'a DeValue<'a>)> {
        self.section.keys.iter().filter_map(|key| Some((key.name, self.find(key.name)?.1.get_ref())))
    }

    /// The table of this name, if there is one.
    pub(super) fn child(&self, name: &'static str) -> Option<Self> {
        let section = self.reading.schema.at(&join(self.section.path, name))?;
        let (key, value) = self.table.get_key_value(name)?;
        let (at, blame) = (key.span().start, self.blame.clone());
        let table = self.as_table(&self.path_of(name), at, value.get_ref(), &blame)?;
        Some(
            Self { section, names: self.names_to(name), item: None, at, table, reading: self.reading, blame }.checked(),
        )
    }

    /// The tables of the list of this name; `None` if there is none, or it is something else, which is then reported.
    pub(super) fn items(&self, name: &'static str) -> Option<Vec<Self>> {
        let section = self.reading.schema.at(&join(self.section.path, name))?;
        let field = self.field(name)?;
        let Some(items) = field.value.as_array() else {
            field.refuse(value::is_a(field.value));
            return None;
        };
        let reader = |(number, item): (usize, &'a Spanned<DeValue<'a>>)| {
            let (names, at, blame) = (self.names_to(name), item.span().start, self.blame.clone());
            let table = self.as_table(&format!("{}[{number}]", dotted(&names)), at, item.get_ref(), &blame)?;
            Some(Self { section, names, item: Some(number), at, table, reading: self.reading, blame }.checked())
        };
        items.iter().enumerate().map(reader).collect()
    }

    /// The tables below the table of this name, each with its name. A mistake in one of them disables only that one.
    pub(super) fn children(&self, name: &'static str, blame: fn(String) -> ProblemScope) -> Vec<(String, Self)> {
        let (Some((key, value)), Some(section)) =
            (self.table.get_key_value(name), self.reading.schema.at(&format!("{name}.NAME")))
        else {
            return Vec::new();
        };
        let path = self.path_of(name);
        let tables = self.as_table(&path, key.span().start, value.get_ref(), &self.blame);
        let Some(tables) = tables else { return Vec::new() };
        let mut children = Vec::new();
        for (key, value) in tables {
            let (child, at) = (key.get_ref(), key.span().start);
            let names = [self.names_to(name), vec![child.to_string()]].concat();
            let path = dotted(&names);
            let blame = blame(child.to_string());
            if let Err(problem) = value::name(child) {
                self.sheet().report(at, &path, problem, &blame);
            }
            if let Some(table) = self.as_table(&path, at, value.get_ref(), &blame) {
                let reader = Self { section, names, item: None, at, table, reading: self.reading, blame }.checked();
                children.push((child.to_string(), reader));
            }
        }
        children
    }

    fn as_table(&self, path: &str, at: usize, value: &'a DeValue<'a>, blame: &ProblemScope) -> Option<&'a DeTable<'a>> {
        let table = value.as_table();
        if table.is_none() {
            self.sheet().report(at, path, value::is_a(value).expected("a table"), blame);
        }
        table
    }

    /// The names on the way to a key of this section.
    fn names_to(&self, name: &str) -> Vec<String> {
        self.names.iter().cloned().chain([name.to_owned()]).collect()
    }

    fn path_of(&self, name: &str) -> String {
        match self.item {
            None => dotted(&self.names_to(name)),
            Some(number) => format!("{}[{number}].{}", dotted(&self.names), segment(name)),
        }
    }

    /// The document whose keys a fix could change.
    fn fixable(&self) -> Option<&'a DeTable<'a>> {
        self.reading.document.filter(|_| self.item.is_none())
    }

    /// The problem of a key that the section does not have.
    fn unknown(&self, name: &str) -> Problem {
        self.what_is_unknown(name).fixed_by(self.moved(name))
    }

    /// Moves the key to where it belongs, if that is certain.
    fn moved(&self, name: &str) -> Option<ConfigFix> {
        let document = self.fixable()?;
        let place = Misplaced { document, section: &self.names, key: name }.only_place(self.reading.schema)?;
        Some(ConfigFix::Move { from: self.names_to(name), to: place })
    }

    fn what_is_unknown(&self, name: &str) -> Problem {
        let problem = Problem::new("is not a known key");
        if let Some(place) = self.belongs(name) {
            return Problem::new(format!("is not a known key here: it belongs {place}"));
        }
        let elsewhere =
            self.reading.schema.sections().find(|other| other.form != SectionForm::Top && other.key(name).is_some());
        let names = self.reading.schema.names_in(self.section);
        match (elsewhere, nearest(name, names.iter().copied())) {
            (Some(other), _) => problem.expected(format!("it in [{}]", other.path)),
            (None, Some(meant)) => problem.nearest(Some(meant)),
            (None, None) => problem.expected(format!("one of {}", list(&names))),
        }
    }

    /// Where a key or table of the config's top belongs, if it is elsewhere.
    fn belongs(&self, name: &str) -> Option<String> {
        let schema = self.reading.schema;
        let is_of_top = schema.at("").is_some_and(|top| schema.names_in(top).contains(&name));
        if self.section.form == SectionForm::Top || !is_of_top {
            return None;
        }
        let section = schema.sections().find(|section| section.path.split('.').next() == Some(name));
        match section {
            // A file of the `providers` folder has one provider's keys.
            Some(section) if self.names.is_empty() && self.section.path == section.path => {
                Some("at the top of this file, without the header".into())
            }
            Some(section) => Some(format!("in the config file, under a header of its own, `[{}]`", section.path)),
            None => Some("at the top of the config file, above the first `[...]`".into()),
        }
    }
}

impl Field<'_> {
    /// Its value; `None` if it is wrong, which is then reported with what was expected.
    pub(super) fn read<T>(&self, convert: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>) -> Option<T> {
        convert(self.value).map_err(|problem| self.refuse(problem)).ok()
    }

    /// Reports a mistake in it.
    pub(super) fn refuse(&self, mut problem: Problem) {
        problem.expected.get_or_insert_with(|| self.key.kind.expected());
        self.sheet.report(self.at, &self.path, problem, &self.blame);
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
