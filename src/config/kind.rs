//! The kind of a key's value, as a type: how the value is read, and how it is shown.

use toml::Value;
use toml::de::DeValue;

use super::problem::Problem;
use super::reader::SectionReader;
use super::schema::ValueKind;
use super::value::Base;

/// A kind of value. Rows of `sections` name one for each key; `kinds` has them all.
pub(super) trait Kind {
    /// The parsed value.
    type Value;
    /// For messages, the reference and editors.
    const KIND: ValueKind;

    /// Parses a value of the file, or says what is wrong with it.
    fn read(value: &DeValue<'_>, place: &Place<'_>) -> Result<Self::Value, Problem>;

    /// The value as `config check --show` prints it; `None` if it prints none.
    fn show(value: &Self::Value) -> Option<ShownValue>;

    /// Merges `above` over `below`.
    fn over(above: Self::Value, _below: Self::Value) -> Self::Value {
        above
    }

    /// The value of a key; `None` if it is missing or wrong, which is then reported.
    fn take(section: &SectionReader<'_>, key: &'static str) -> Option<Self::Value> {
        let place = Place { key, base: section.base() };
        section.read(key, |value| Self::read(value, &place))
    }
}

/// The place of a value, for kinds that depend on it.
pub(super) struct Place<'a> {
    /// The key.
    pub(super) key: &'static str,
    /// What a relative path is relative to.
    pub(super) base: Base<'a>,
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShownValue {
    /// In the form of the file.
    pub(super) value: Value,
    /// A comment after it.
    pub(super) comment: Option<String>,
}

/// A key with its value, if it is shown.
pub(crate) type ShownKey = (&'static str, Option<ShownValue>);

impl<V: Into<Value>> From<V> for ShownValue {
    fn from(value: V) -> Self {
        Self { value: value.into(), comment: None }
    }
}

/// Merges `above` over `below`.
pub(super) fn over<K: Kind>(above: Option<K::Value>, below: Option<K::Value>) -> Option<K::Value> {
    match (above, below) {
        (Some(above), Some(below)) => Some(K::over(above, below)),
        (above, below) => above.or(below),
    }
}

/// A default as the reference shows it.
pub(super) fn told<K: Kind>(value: &K::Value) -> Value {
    K::show(value).map_or_else(|| Value::Table(toml::Table::new()), |shown| shown.value)
}
