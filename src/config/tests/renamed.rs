//! A renamed key can still be set by its old name.

use std::path::Path;
use std::time::Duration;

use toml::de::DeTable;

use crate::config::kinds::{Length, MINUTE, Text};
use crate::config::problem::{Diagnostics, ProblemScope};
use crate::config::reader::{Reading, SectionReader};
use crate::config::row::settings;
use crate::config::schema::{Schema, Section};
use crate::config::value::Base;

settings! {
    /// A section with renamed keys.
    section "", Top, AtReload;
    pub(crate) struct Renamed, static RENAMED;

    /// How long.
    patience: Duration = Length<1, MINUTE>, default(Duration::from_secs(9)), example(r#""5s""#), formerly("timeout");

    /// Whose.
    owner: Option<String> = Text, required(), example(r#""me""#), formerly("user");
}

static SECTIONS: &[&Section] = &[&RENAMED];

/// The values, the mistakes and the warnings.
fn read(text: &str) -> (u64, Option<String>, Vec<String>, Vec<String>) {
    let sheet = Diagnostics::new(Path::new("/c"), text);
    let table = DeTable::parse(text).unwrap().into_inner();
    let base = Base { folder: Path::new("/"), home: None };
    let reading = Reading { sheet: &sheet, base, schema: Schema(SECTIONS), document: Some(&table) };
    let section = SectionReader::of_text(&RENAMED, &table, reading, ProblemScope::Everything);
    let keys = Renamed::read(Some(&section));
    let lines = |all: Vec<crate::config::ConfigError>| all.iter().map(ToString::to_string).collect();
    (keys.patience.as_secs(), keys.owner, lines(sheet.errors()), lines(sheet.warnings()))
}

#[test]
fn the_old_name_of_a_key_is_read_with_a_warning() {
    let none: &[&str] = &[];
    for (text, patience, owner, mistakes, warnings) in [
        ("patience = 5\nowner = \"a\"\n", 5, Some("a"), none, none),
        (
            "timeout = 5\nuser = \"a\"\n",
            5,
            Some("a"),
            none,
            &[
                "/c:1:1: timeout: is called `patience` now; the old name still works",
                "/c:2:1: user: is called `owner` now; the old name still works",
            ],
        ),
        (
            "timeout = 5\npatience = 6\nowner = \"a\"\n",
            6,
            Some("a"),
            &["/c:1:1: timeout: stands beside `patience`, which is its name now; expected one of the two"],
            none,
        ),
        (
            "timeout = 500\nowner = \"a\"\n",
            9,
            Some("a"),
            &["/c:1:11: timeout: is too long; expected from 1s to 1m"],
            &["/c:1:1: timeout: is called `patience` now; the old name still works"],
        ),
        (
            "timeot = 5\n",
            9,
            None,
            &[
                "/c:1:1: timeot: is not a known key; expected one of `patience`, `owner`",
                "/c:1:1: owner: is missing; expected a text in quotes",
            ],
            none,
        ),
    ] {
        let (is, whose, wrong, warned) = read(text);
        assert_eq!((is, whose.as_deref()), (patience, owner), "{text}");
        assert_eq!(
            (wrong, warned),
            (mistakes.iter().map(ToString::to_string).collect(), warnings.iter().map(ToString::to_string).collect()),
            "{text}"
        );
    }
}

#[test]
fn the_old_name_is_deprecated_for_editors() {
    let schema = crate::config::json_schema::table(&RENAMED);
    let old = &schema["properties"]["timeout"];
    assert_eq!((&old["deprecated"], &old["description"]), (&true.into(), &"Called `patience` now.".into()));
    assert!(schema["properties"]["patience"].get("deprecated").is_none());
}
