//! Mistakes in a config file: each with its place, what was expected and what may have been meant. No message quotes a
//! value that could be a secret.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use super::fix::ConfigFix;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or which preset.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// Dotted path of the key; empty if there is none (bad TOML).
    pub(crate) key: String,
    /// What is wrong, what was expected, what may have been meant.
    pub(crate) problem: Problem,
    /// What can't be used because of it.
    pub(crate) blame: ProblemScope,
}

/// The part of the config that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemScope {
    /// All of it.
    Everything,
    /// This account.
    Account(String),
    /// This provider, and so the accounts that use it.
    Provider(String),
}

/// What is wrong, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A predicate for the key: "is an integer".
    pub(super) what: String,
    /// A noun phrase.
    pub(super) expected: Option<String>,
    /// The most similar valid spelling.
    pub(super) nearest: Option<String>,
    /// What certainly puts it right.
    pub(super) fix: Option<ConfigFix>,
}

/// All mistakes of a config, file by file, each in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl Problem {
    /// Only what is wrong.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), expected: None, nearest: None, fix: None }
    }

    /// With what was expected.
    #[must_use]
    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    /// With what may have been meant.
    #[must_use]
    pub fn nearest(self, nearest: Option<impl Into<String>>) -> Self {
        Self { nearest: nearest.map(Into::into), ..self }
    }

    /// With what certainly puts it right, if anything does.
    #[must_use]
    pub(super) fn fixed_by(self, fix: Option<ConfigFix>) -> Self {
        Self { fix, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    /// `FILE:LINE:COLUMN: KEY: what is wrong; expected ...; did you mean ...?`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// What certainly puts it right, if anything does.
    pub(crate) fn fix(&self) -> Option<&ConfigFix> {
        self.problem.fix.as_ref()
    }

    /// Whether it says the same of the same key, wherever that stands by now.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        // What puts it right depends on the rest of the file.
        self.key == other.key && self.problem.to_string() == other.problem.to_string()
    }
}

impl ConfigErrors {
    /// One by one, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing can be used.
    pub(super) fn is_fatal(&self) -> bool {
        self.iter().any(|error| error.blame == ProblemScope::Everything)
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ConfigErrors {
    /// A line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// A message, and whether it may follow from another mistake.
type Noted = (ConfigError, MayFollow);

/// Whether a mistake may disappear once another is fixed: a missing key may be there, but misspelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MayFollow {
    No,
    Yes,
}

/// Collects the mistakes and warnings of one text.
pub(super) struct Diagnostics<'a> {
    file: &'a Path,
    text: &'a str,
    errors: RefCell<Vec<Noted>>,
    warnings: RefCell<Vec<Noted>>,
    /// The keys that the deserialiser asked for, to compare with the schema.
    #[cfg(test)]
    pub(super) asked: RefCell<std::collections::BTreeSet<(&'static str, &'static str)>>,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            errors: RefCell::default(),
            warnings: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// The text's name.
    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// Records a mistake at byte `offset`.
    pub(super) fn report(&self, offset: usize, key: &str, problem: Problem, blame: &ProblemScope) {
        self.note(offset, key, problem, blame, MayFollow::No);
    }

    /// As [`Self::report`], with whether it may follow from another mistake.
    pub(super) fn note(&self, offset: usize, key: &str, problem: Problem, blame: &ProblemScope, follows: MayFollow) {
        self.errors.borrow_mut().push((self.at(offset, key, problem, blame), follows));
    }

    /// Whether a mistake was reported in the key of this path.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.errors.borrow().iter().any(|(error, _)| error.key == key)
    }

    /// Records a warning about a setting that works but is discouraged.
    pub(super) fn warn(&self, offset: usize, key: &str, problem: Problem, blame: &ProblemScope) {
        self.warnings.borrow_mut().push((self.at(offset, key, problem, blame), MayFollow::No));
    }

    fn at(&self, offset: usize, key: &str, problem: Problem, blame: &ProblemScope) -> ConfigError {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError { file: self.file.to_owned(), line, column, key: key.to_owned(), problem, blame: blame.clone() }
    }

    /// The first mistake that disables `what`.
    pub(super) fn first(&self, what: &ProblemScope) -> Option<String> {
        self.errors().iter().find(|error| error.blame == *what).map(ToString::to_string)
    }

    /// All mistakes, in the order of the file, but grouped by account, by provider and the rest, and with those that
    /// may follow from others last.
    pub(super) fn errors(&self) -> Vec<ConfigError> {
        sorted(&self.errors)
    }

    /// All warnings, in the order of the file.
    pub(super) fn warnings(&self) -> Vec<ConfigError> {
        sorted(&self.warnings)
    }
}

fn sorted(noted: &RefCell<Vec<Noted>>) -> Vec<ConfigError> {
    let mut noted = noted.borrow().clone();
    noted.sort_by_key(|(error, _)| (error.line, error.column));
    let mut groups: Vec<ProblemScope> = Vec::new();
    for (error, _) in &noted {
        if !groups.contains(&error.blame) {
            groups.push(error.blame.clone());
        }
    }
    noted.sort_by_key(|(error, follows)| (groups.iter().position(|blame| *blame == error.blame), *follows));
    noted.into_iter().map(|(error, _)| error).collect()
}

/// The candidate that `word` is most likely a misspelling of, if any is similar.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
