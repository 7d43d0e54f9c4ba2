//! Edits of the config file's text: what is not asked for stays as it is, byte by byte, comments, order and line ends
//! included. Places are those of the parser. Each edit is checked: the new text has to mean what was asked for, and
//! nothing else.

mod places;

use std::ops::Range;

use toml::de::DeTable;
use toml::{Table, Value};
use zeroize::Zeroizing;

use self::places::{Lines, header_starts, is_header, last_end, sections_below, values_below};
use super::dotted::{dotted, segment};

/// One change of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigEdit {
    /// The names on the way to a key or section.
    path: Vec<String>,
    act: Act,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq)]
enum Act {
    Set(Value),
    Remove,
    /// Its names from then on.
    Relocate(Vec<String>),
}

/// Why the text can't be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It is not TOML.
    #[error("it is not valid TOML")]
    NotToml,
    /// It says the same in another form, such as an inline table.
    #[error("`{0}` is not written in a form that can be changed without touching the rest")]
    Form(String),
}

impl ConfigEdit {
    /// Sets a key. Its section is added at the end if it is not there.
    pub fn set(path: &[&str], value: impl Into<Value>) -> Self {
        Self { act: Act::Set(value.into()), ..Self::remove(path) }
    }

    /// Removes a key, or a section with everything below it. Succeeds if it is not there.
    pub fn remove(path: &[&str]) -> Self {
        Self { path: path.iter().map(|name| (*name).to_owned()).collect(), act: Act::Remove }
    }

    /// Gives a key another name or place, with its value as it is written and the comments beside and directly above it.
    pub(super) fn relocate(from: Vec<String>, to: Vec<String>) -> Self {
        Self { path: from, act: Act::Relocate(to) }
    }

    /// The edited text.
    pub fn apply(&self, text: &str) -> Result<Zeroizing<String>, EditError> {
        let before = meaning(text)?;
        let old = found(&before, &self.path);
        let unchanged = || Ok(Zeroizing::new(text.to_owned()));
        let mut asked = before.clone();
        let new = match &self.act {
            // In whatever form it says so already.
            Act::Set(value) if old == Some(value) => return unchanged(),
            Act::Remove if old.is_none() => return unchanged(),
            Act::Set(value) => {
                change(&mut asked, &self.path, Some(value));
                self.insert(text, value)
            }
            Act::Remove => {
                change(&mut asked, &self.path, None);
                self.cut(text)
            }
            Act::Relocate(to) => {
                let value = old.filter(|_| found(&before, to).is_none()).ok_or_else(|| self.unfit())?;
                change(&mut asked, &self.path, None);
                change(&mut asked, to, Some(value));
                self.moved(text, to)
            }
        }?;
        let is_right = meaning(&new).is_ok_and(|found| without_empty(found) == without_empty(asked));
        if is_right { Ok(new) } else { Err(self.unfit()) }
    }

    fn unfit(&self) -> EditError {
        EditError::Form(dotted(&self.path))
    }

    fn insert(&self, text: &str, value: &Value) -> Result<Zeroizing<String>, EditError> {
        let document = parse(text)?;
        match places::find(&document, &self.path) {
            Some(found) if !is_header(text, found.value) && !found.is_spread() => {
                Ok(replaced(text, &[(found.value.span(), value.to_string())]))
            }
            // Under a header of its own, or with dots: written again, as one value.
            Some(_) => {
                let cut = self.cut(text)?;
                if places::find(&parse(&cut)?, &self.path).is_some() {
                    return Err(self.unfit());
                }
                self.insert(&cut, value)
            }
            None => added(text, &self.path, &format!("{} = {value}{}", last(&self.path), Lines { text }.end())),
        }
    }

    fn moved(&self, text: &str, to: &[String]) -> Result<Zeroizing<String>, EditError> {
        let document = parse(text)?;
        let found = places::find(&document, &self.path);
        let found = found.filter(|found| !is_header(text, found.value) && !found.is_spread());
        let found = found.ok_or_else(|| self.unfit())?;
        let (key, name) = (found.key.span(), last(to));
        let is_beside = self.path.iter().rev().skip(1).eq(to.iter().rev().skip(1));
        if is_beside {
            return Ok(replaced(text, &[(key, name)]));
        }
        let lines = Lines { text };
        let [comment, own] = lines.of_key(&(key.start..found.value.span().end));
        let part = |place: Range<usize>| text.get(place).unwrap_or_default();
        let block = [part(comment.clone()), &name, part(key.end..own.end)];
        // Allocated at once: the value may be a secret.
        let mut line = Zeroizing::new(String::with_capacity(block.iter().map(|part| part.len()).sum::<usize>() + 2));
        for part in block {
            line.push_str(part);
        }
        if !line.ends_with('\n') {
            line.push_str(lines.end());
        }
        let rest = replaced(text, &[(comment.start..own.end, "")]);
        added(&rest, to, &line)
    }

    fn cut(&self, text: &str) -> Result<Zeroizing<String>, EditError> {
        let document = parse(text)?;
        let Some(found) = places::find(&document, &self.path) else { return Ok(Zeroizing::new(text.to_owned())) };
        let lines = Lines { text };
        let ends = header_starts(text, &document);
        let mut ranges: Vec<Range<usize>> = sections_below(text, found.value)
            .into_iter()
            .map(|section| lines.of_section(section.span(), last_end(text, &document, section), &ends))
            .collect();
        // What has no header of its own: a plain key, or several with dots.
        ranges.extend(values_below(text, &found).into_iter().map(|value| lines.whole(&value)));
        ranges.sort_by_key(|range| range.start);
        ranges.dedup();
        let cuts: Vec<_> = ranges.into_iter().map(|range| (range, "")).collect();
        Ok(replaced(text, &cuts))
    }
}

/// The name of a key as it is written.
fn last(path: &[String]) -> String {
    path.last().map(|key| segment(key)).unwrap_or_default()
}

/// The text with the lines of a new key in its section, which is added at the end if it is not there.
fn added(text: &str, path: &[String], new: &str) -> Result<Zeroizing<String>, EditError> {
    let document = parse(text)?;
    let section = path.split_last().map(|(_, section)| section).unwrap_or_default();
    let lines = Lines { text };
    if section.is_empty() {
        let (at, gap) = lines.for_top_key(&document, &last(path));
        let gap = if gap { lines.end() } else { "" };
        return Ok(replaced(text, &[(at..at, lines.fresh(at).as_str()), (at..at, new), (at..at, gap)]));
    }
    if let Some(found) = places::find(&document, section).filter(|found| is_header(text, found.value)) {
        let at = lines.after(last_end(text, &document, found.value));
        return Ok(replaced(text, &[(at..at, lines.fresh(at).as_str()), (at..at, new)]));
    }
    let gap = if text.trim().is_empty() { "" } else { lines.end() };
    let at = text.len();
    let header = format!("{}{gap}[{}]{}", lines.fresh(at), dotted(section), lines.end());
    Ok(replaced(text, &[(at..at, header.as_str()), (at..at, new)]))
}

/// Applies one edit after the other.
pub fn apply_edits(text: &str, edits: &[ConfigEdit]) -> Result<Zeroizing<String>, EditError> {
    let begin = Zeroizing::new(text.to_owned());
    edits.iter().try_fold(begin, |text, edit| edit.apply(&text))
}

/// The text as it may be shown: values that may be secrets are hidden. Its lines are those of the text. Arguments of
/// programs may be secrets, too; they are shown if `with_programs`.
pub fn without_secrets(text: &str, with_programs: bool) -> String {
    let Ok(document) = parse(text) else { return String::new() };
    let mut spans = Vec::new();
    let is_hidden =
        |key: &str| key == "client_secret" || !with_programs && (key == "hook" || key.ends_with("_command"));
    places::values_of(&document, &is_hidden, &mut spans);
    let hidden = spans.into_iter().map(|span| {
        let breaks = text.get(span.clone()).unwrap_or_default().matches('\n').count();
        (span, format!("\"[hidden]\"{}", "\n".repeat(breaks)))
    });
    let mut hidden: Vec<_> = hidden.collect();
    hidden.sort_by_key(|(span, _)| span.start);
    replaced(text, &hidden).to_string()
}

fn parse(text: &str) -> Result<DeTable<'_>, EditError> {
    DeTable::parse(text).map(toml::Spanned::into_inner).map_err(|_| EditError::NotToml)
}

fn meaning(text: &str) -> Result<Table, EditError> {
    toml::from_str(text).map_err(|_| EditError::NotToml)
}

/// What the file says there.
fn found<'t>(table: &'t Table, path: &[String]) -> Option<&'t Value> {
    let (last, above) = path.split_last()?;
    above.iter().try_fold(table, |table, name| table.get(name)?.as_table())?.get(last)
}

/// What the edit is to do, on the parsed file.
fn change(table: &mut Table, path: &[String], value: Option<&Value>) {
    let Some((name, rest)) = path.split_first() else { return };
    match (rest, value) {
        ([], Some(value)) => _ = table.insert(name.clone(), value.clone()),
        ([], None) => _ = table.remove(name),
        (rest, Some(_)) => {
            let below = table.entry(name.clone()).or_insert_with(|| Table::new().into());
            if let Value::Table(below) = below {
                change(below, rest, value);
            }
        }
        (rest, None) => {
            if let Some(Value::Table(below)) = table.get_mut(name) {
                change(below, rest, None);
            }
        }
    }
}

/// Without tables that have nothing in them: a section whose last key is gone may stay or go.
fn without_empty(table: Table) -> Table {
    let kept = table.into_iter().filter_map(|(name, value)| match value {
        Value::Table(below) => Some(without_empty(below)).filter(|below| !below.is_empty()).map(|t| (name, t.into())),
        value => Some((name, value)),
    });
    kept.collect()
}

/// The text with these places replaced; they are in order and don't overlap.
fn replaced(text: &str, places: &[(Range<usize>, impl AsRef<str>)]) -> Zeroizing<String> {
    let more: usize = places.iter().map(|(_, new)| new.as_ref().len()).sum();
    // Allocated at once, since a buffer that grows leaves copies behind.
    let mut new = Zeroizing::new(String::with_capacity(text.len().saturating_add(more)));
    let mut from = 0;
    for (place, with) in places {
        new.push_str(text.get(from..place.start).unwrap_or_default());
        new.push_str(with.as_ref());
        from = place.end.max(from);
    }
    new.push_str(text.get(from..).unwrap_or_default());
    new
}
