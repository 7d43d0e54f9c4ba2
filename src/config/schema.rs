//! What may stand in the config file, as data: from here come the check for unknown keys, the words
//! "expected ..." of every message, the example and the reference. The deserialiser can only ask for
//! keys that are here, and a test shows that it asks for all of them.

mod accounts;
mod daemon;
mod providers;

use crate::oauth::preset::PRESETS;

/// A table of the config file.
#[derive(Debug)]
pub struct Section {
    /// Dotted path; `NAME` stands for a name of the user's choice; empty is the top of the file.
    pub path: &'static str,
    /// How it is written.
    pub form: SectionForm,
    /// One paragraph.
    pub doc: &'static str,
    /// When a change of it does something.
    pub takes_effect: TakesEffect,
    /// In the order of the example and the reference.
    pub keys: &'static [ConfigKey],
}

/// When a changed setting does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesEffect {
    /// When the daemon reads the config again (SIGHUP).
    AtReload,
    /// When it is started again.
    AfterRestart,
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionForm {
    /// The top of the file.
    Top,
    /// Once, under a `[header]`.
    Single,
    /// Any number of times, under `[header.NAME]`; the value is the name that the example uses.
    Named(&'static str),
    /// As the value of a key: `key = { ... }`.
    Inline,
}

/// One key of a section.
#[derive(Debug)]
pub struct ConfigKey {
    /// As it is written.
    pub name: &'static str,
    /// What its value may be.
    pub kind: ValueKind,
    /// What holds where it is missing.
    pub fallback: Fallback,
    /// One paragraph.
    pub doc: &'static str,
    /// A value, in TOML.
    pub example: &'static str,
    /// How the example shows it.
    pub shown: Shown,
}

/// What holds where a key is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: it has to be there.
    Required,
    /// This value, in TOML.
    Value(&'static str),
    /// Something that is no fixed value.
    Words(&'static str),
}

/// How the example shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As a line that works once its `#` is taken away.
    Line,
    /// As an alternative to the lines around it, with which it can't stand together.
    Instead,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A text.
    Text,
    /// A text that no message may quote.
    Secret,
    /// `true` or `false`.
    Flag,
    /// A whole number of at least one.
    Count,
    /// A length of time.
    Duration,
    /// https, or http on loopback.
    Url,
    /// The literal redirect URI of a login.
    RedirectUri,
    /// A file or folder.
    Path,
    /// `true`, `false` or a path.
    FlagOrPath,
    /// Loopback addresses with port.
    Addresses,
    /// A program with its arguments.
    Command,
    /// The name of a file in systemd's `$CREDENTIALS_DIRECTORY`.
    Credential,
    /// Scopes: a list, or one text.
    Scopes,
    /// Names with texts.
    Texts,
    /// Names of URL variables with their values.
    Variables,
    /// The name of a preset.
    Preset,
    /// Absolute URIs (RFC 8707).
    Resources,
    /// Members of the token reply with the paths to them.
    Paths,
    /// How many in how long.
    Rate,
    /// One of these.
    Choice(&'static [&'static str]),
    /// An inline table with these keys (see the section of the same path).
    Inline(&'static [&'static str]),
}

impl ValueKind {
    /// What was expected, as a noun phrase.
    pub fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret => "a text in quotes".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Count => "a whole number from 1 to 65536".into(),
            Self::Duration => "a duration such as `\"90s\"`, `\"10m\"` or `\"1h 30m\"`, or whole seconds".into(),
            Self::Url => "an https URL, or http on loopback (127.0.0.1, [::1], localhost)".into(),
            Self::RedirectUri => {
                "an http URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`".into()
            }
            Self::Path => "a path: absolute, from `~/`, or relative to the config file's folder".into(),
            Self::FlagOrPath => "`true`, `false` or a path".into(),
            Self::Addresses => {
                "a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`".into()
            }
            Self::Command => "a list of texts: the program (absolute, or found in PATH) and its arguments".into(),
            Self::Credential => "the name of a file in $CREDENTIALS_DIRECTORY, without `/`".into(),
            Self::Scopes => "a list of scopes, or one text with spaces between them".into(),
            Self::Texts => "a table of texts, such as `{ prompt = \"consent\" }`".into(),
            Self::Variables => {
                "a table such as `{ tenant = \"common\" }`; values have A-Z, a-z, 0-9, `.` and `-`".into()
            }
            Self::Preset => format!("a built-in preset ({}) or a file of the `providers` folder", presets()),
            Self::Resources => "a list of absolute URIs without fragment".into(),
            Self::Paths => "a table such as `{ access_token = \"authed_user.access_token\" }`".into(),
            Self::Rate => "a number and a duration such as `\"30/30s\"`".into(),
            Self::Choice(words) => one_of(words),
            Self::Inline(keys) => format!("a table with {}", and(keys)),
        }
    }
}

fn presets() -> String {
    PRESETS.iter().map(|preset| format!("`{}`", preset.name)).collect::<Vec<_>>().join(", ")
}

/// Every section there is.
pub static SECTIONS: &[&Section] = &[
    &daemon::TOP,
    &daemon::LISTEN,
    &daemon::STORE,
    &daemon::SERVE,
    &daemon::AUDIT,
    &providers::PROVIDER,
    &accounts::ACCOUNT,
    &accounts::CLIENT_SECRET_ITEM,
    &accounts::PASSWORD_ITEM,
];

/// The section at the top of the file.
pub fn top() -> &'static Section {
    &daemon::TOP
}

/// The section of providers, whose keys presets have at their top.
pub fn provider() -> &'static Section {
    &providers::PROVIDER
}

impl Section {
    /// The section at `path`.
    pub fn at(path: &str) -> Option<&'static Self> {
        SECTIONS.iter().copied().find(|section| section.path == path)
    }

    /// Its key of this name.
    pub fn key(&self, name: &str) -> Option<&'static ConfigKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Everything that may stand in it: its keys, then the tables directly below it.
    pub fn names(&self) -> Vec<&'static str> {
        let keys = self.keys.iter().map(|key| key.name);
        keys.chain(self.tables()).collect()
    }

    fn tables(&self) -> impl Iterator<Item = &'static str> {
        let top = matches!(self.form, SectionForm::Top);
        SECTIONS
            .iter()
            .filter(move |section| top && matches!(section.form, SectionForm::Single | SectionForm::Named(_)))
            .filter_map(|section| section.path.split('.').next())
    }

    /// Its header as a person writes it, `name` standing for `NAME`.
    pub fn header(&self, name: &str) -> String {
        self.path.replace("NAME", name)
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn and(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        for section in SECTIONS {
            assert!(!section.doc.is_empty(), "{}", section.path);
            let mut names = section.names();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "a name is twice in [{}]", section.path);
            for key in section.keys {
                assert!(key.doc.ends_with('.'), "{}.{}: one or more sentences", section.path, key.name);
            }
        }
    }
}
