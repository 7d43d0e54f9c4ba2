//! Reads the tables of a config file by its schema: a key that the schema does not know can be neither
//! written by the user nor asked for by the code.

use toml::de::{DeTable, DeValue};

use super::problem::{Diagnostics, MayFollow, Problem, ProblemScope, nearest};
use super::schema::{self, ConfigKey, SECTIONS, Section, SectionForm, ValueKind};
use super::value;
use super::words::{self, Words};

/// One table of the file and the section that it has to be.
pub(super) struct SectionReader<'a> {
    section: &'static Section,
    /// Dotted path as the user wrote it; empty at the top.
    path: String,
    /// Where the table begins, for what is missing from it.
    at: usize,
    table: &'a DeTable<'a>,
    sheet: &'a Diagnostics<'a>,
    /// What a mistake in it stands in the way of.
    blame: ProblemScope,
}

/// A key that is there.
pub(super) struct Field<'a> {
    key: &'static ConfigKey,
    path: String,
    at: usize,
    value: &'a DeValue<'a>,
    sheet: &'a Diagnostics<'a>,
    blame: ProblemScope,
}

impl<'a> SectionReader<'a> {
    /// Reports the keys that the section does not have.
    pub(super) fn new(
        section: &'static Section,
        path: String,
        at: usize,
        table: &'a DeTable<'a>,
        sheet: &'a Diagnostics<'a>,
        blame: ProblemScope,
    ) -> Self {
        let reader = Self { section, path, at, table, sheet, blame };
        let names = section.names();
        for (key, _) in table {
            if !names.contains(&key.get_ref().as_ref()) {
                let path = reader.path_of(key.get_ref());
                sheet.report(key.span().start, &path, reader.unknown(key.get_ref()), &reader.blame);
            }
        }
        reader
    }

    /// The key, if it is there.
    pub(super) fn field(&self, name: &'static str) -> Option<Field<'a>> {
        let key = self.section.key(name);
        debug_assert!(key.is_some(), "`{name}` is not in the schema of [{}]", self.section.path);
        #[cfg(test)]
        self.sheet.asked.borrow_mut().insert((self.section.path, name));
        let value = self.table.get(name)?;
        let (at, value) = (value.span().start, value.get_ref());
        Some(Field { key: key?, path: self.path_of(name), at, value, sheet: self.sheet, blame: self.blame.clone() })
    }

    /// Its value; `None` if it is missing or wrong, which is then reported.
    pub(super) fn read<T>(
        &self,
        name: &'static str,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        self.field(name)?.read(convert)
    }

    /// As [`SectionReader::read`]; reports it, too, if it is missing.
    pub(super) fn require<T>(
        &self,
        name: &'static str,
        convert: impl FnOnce(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        if !self.table.contains_key(name) {
            self.missing(name);
        }
        self.read(name, convert)
    }

    /// The meaning of one of the words that the schema has for this key.
    pub(super) fn word<T: Copy>(&self, name: &'static str, words: Words<T>) -> Option<T> {
        self.choice(name, |word| words::meaning(words, word))
    }

    /// As [`SectionReader::word`], for words whose meaning is no value.
    pub(super) fn choice<T>(&self, name: &'static str, meaning: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let field = self.field(name)?;
        let words: &[&str] = if let ValueKind::Choice(words) = field.key.kind { words } else { &[] };
        field.read(|value| {
            let word = value::text(value)?;
            let known = words.contains(&word.as_str()).then(|| meaning(&word)).flatten();
            known.ok_or_else(|| {
                Problem::new(format!("is `{}`", word.escape_debug())).nearest(nearest(&word, words.iter().copied()))
            })
        })
    }

    /// Reports that a key is missing.
    pub(super) fn missing(&self, name: &'static str) {
        let expected = self.section.key(name).map_or_else(String::new, |key| key.kind.expected());
        self.lacks(name, &[name], Problem::new("is missing").expected(expected));
    }

    /// Reports that something is missing, or has no use, because of what these keys say; not if a mistake in one of them
    /// was reported, since it may follow from that.
    pub(super) fn lacks(&self, name: &'static str, because_of: &[&str], problem: Problem) {
        if !because_of.iter().any(|key| self.is_mistaken(key)) {
            self.sheet.note(self.place(name), &self.path_of(name), problem, &self.blame, MayFollow::Yes);
        }
    }

    /// Whether a mistake was reported in this key or table, or in what is likely meant to be it.
    pub(super) fn is_mistaken(&self, name: &str) -> bool {
        let names = self.section.names();
        let is_meant = |key: &str| !names.contains(&key) && nearest(key, names.iter().copied()) == Some(name);
        self.sheet.is_wrong(&self.path_of(name)) || self.table.keys().any(|key| is_meant(key.get_ref()))
    }

    /// Reports a mistake in a key: where its value is, or where the table begins.
    pub(super) fn refuse(&self, name: &str, problem: Problem) {
        self.sheet.report(self.place(name), &self.path_of(name), problem, &self.blame);
    }

    /// Notes what works and should not be done: where its value is, or where the table begins.
    pub(super) fn warn(&self, name: &str, why: &str) {
        self.sheet.warn(self.place(name), &self.path_of(name), Problem::new(why), &self.blame);
    }

    /// Where the key's value is, or where the table begins.
    fn place(&self, name: &str) -> usize {
        self.table.get(name).map_or(self.at, |value| value.span().start)
    }

    /// The first mistake in it and what is below it.
    pub(super) fn first_mistake(&self) -> Option<String> {
        self.sheet.first(&self.blame)
    }

    /// The text's name.
    pub(super) fn file(&self) -> &'a std::path::Path {
        self.sheet.file()
    }

    /// Every key that is there, in the order of the schema.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, &'a DeValue<'a>)> {
        let of = |name| self.table.get(name).map(|value| (name, value.get_ref()));
        self.section.keys.iter().filter_map(move |key| of(key.name))
    }

    /// The table of this name, if there is one.
    pub(super) fn child(&self, name: &'static str) -> Option<Self> {
        let section = Section::at(&join(self.section.path, name))?;
        let (key, value) = self.table.get_key_value(name)?;
        let (path, at, blame) = (self.path_of(name), key.span().start, self.blame.clone());
        let table = self.as_table(&path, at, value.get_ref(), &blame)?;
        Some(Self::new(section, path, at, table, self.sheet, blame))
    }

    /// The tables below the table of this name, each with its name. A mistake in one of them is its own.
    pub(super) fn children(&self, name: &'static str, blame: fn(String) -> ProblemScope) -> Vec<(String, Self)> {
        let (Some((key, value)), Some(section)) =
            (self.table.get_key_value(name), Section::at(&format!("{name}.NAME")))
        else {
            return Vec::new();
        };
        let path = self.path_of(name);
        let tables = self.as_table(&path, key.span().start, value.get_ref(), &self.blame);
        let Some(tables) = tables else { return Vec::new() };
        let mut children = Vec::new();
        for (key, value) in tables {
            let (child, at) = (key.get_ref(), key.span().start);
            let path = join(&path, &segment(child));
            let blame = blame(child.to_string());
            if let Err(problem) = value::name(child) {
                self.sheet.report(at, &path, problem, &blame);
            }
            if let Some(table) = self.as_table(&path, at, value.get_ref(), &blame) {
                children.push((child.to_string(), Self::new(section, path, at, table, self.sheet, blame)));
            }
        }
        children
    }

    fn as_table(&self, path: &str, at: usize, value: &'a DeValue<'a>, blame: &ProblemScope) -> Option<&'a DeTable<'a>> {
        let table = value.as_table();
        if table.is_none() {
            self.sheet.report(at, path, value::is_a(value).expected("a table"), blame);
        }
        table
    }

    fn path_of(&self, name: &str) -> String {
        join(&self.path, &segment(name))
    }

    /// What to say of a key that the section does not have.
    fn unknown(&self, name: &str) -> Problem {
        let problem = Problem::new("is not a known key");
        if let Some(place) = self.belongs(name) {
            return Problem::new(format!("is not a known key here: it belongs {place}"));
        }
        let elsewhere = SECTIONS.iter().find(|other| other.form != SectionForm::Top && other.key(name).is_some());
        let names = self.section.names();
        match (elsewhere, nearest(name, names.iter().copied())) {
            (Some(other), _) => problem.expected(format!("it in [{}]", other.path)),
            (None, Some(meant)) => problem.nearest(Some(meant)),
            (None, None) => problem.expected(format!("one of {}", list(&names))),
        }
    }

    /// Where a key or table of the config's top belongs, if it stands elsewhere.
    fn belongs(&self, name: &str) -> Option<String> {
        let top = schema::top();
        if self.section.form == SectionForm::Top || !top.names().contains(&name) {
            return None;
        }
        let section = SECTIONS.iter().find(|section| section.path.split('.').next() == Some(name));
        match section {
            // A file of the `providers` folder has one provider's keys.
            Some(section) if self.path.is_empty() && self.section.path == section.path => {
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

/// A name as it is written in a dotted key: bare where TOML allows, else in quotes.
pub fn segment(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { format!("\"{}\"", name.escape_debug()) }
}
