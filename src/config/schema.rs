//! The schema of the config file, as data, made from the rows of `sections/`. It is the source of the check for unknown
//! keys, the words "expected ..." of every message, the example, the reference and the JSON Schema for editors.

use crate::oauth::preset::PRESETS;

/// Every section of the config file, in the order of the reference. The first is the top of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema(pub(super) &'static [&'static Section]);

/// A table of the config file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Dotted path; `NAME` stands for a name of the user's choice; empty is the top of the file.
    pub(super) path: &'static str,
    /// How it is written.
    pub(super) form: SectionForm,
    /// One paragraph.
    pub(super) doc: &'static str,
    /// When a change of it takes effect.
    pub(super) takes_effect: TakesEffect,
    /// In the order of the example and the reference.
    pub(super) keys: &'static [ConfigKey],
}

/// When a changed setting takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TakesEffect {
    /// When the daemon reads the config again (SIGHUP).
    AtReload,
    /// When it is started again.
    AfterRestart,
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SectionForm {
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
pub(super) struct ConfigKey {
    /// As it is written.
    pub(super) name: &'static str,
    /// What its value may be.
    pub(super) kind: ValueKind,
    /// What applies if it is missing.
    pub(super) fallback: Fallback,
    /// One paragraph.
    pub(super) doc: &'static str,
    /// A value, in TOML.
    pub(super) example: &'static str,
    /// How the example shows it.
    pub(super) shown: Shown,
    /// Whether `config check --show` leaves it out if it has its default.
    pub(super) quiet: bool,
    /// Its name in earlier versions, which is read with a warning.
    pub(super) formerly: Option<&'static str>,
    /// Another key: exactly one of the two is required.
    pub(super) or: Option<&'static str>,
}

/// What applies if a key is missing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fallback {
    /// Nothing: it has to be there.
    Required,
    /// This value.
    Value(fn() -> toml::Value),
    /// Something other than a fixed value.
    Words(&'static str),
}

/// How the example shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// As a line that works once its `#` is removed.
    Line,
    /// As an alternative to the lines around it, with which it can't be combined.
    Instead,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum ValueKind {
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
    /// An address with port.
    Address,
    /// Host names, with or without a port.
    Hosts,
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
    /// URLs of APIs, or their hosts.
    ApiUrls,
    /// Members of the token reply with the paths to them.
    Paths,
    /// How many requests in how long.
    Rate,
    /// One of these.
    Choice(fn() -> Vec<&'static str>),
    /// An inline table (see the section of the same path) with these keys.
    Inline(&'static [&'static str]),
    /// Any number of such tables, of which each needs these keys.
    Tables(&'static [&'static str]),
}

impl ConfigKey {
    /// A key that the example shows as a line.
    pub(super) const fn new(
        name: &'static str,
        kind: ValueKind,
        fallback: Fallback,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            fallback,
            doc: doc.trim_ascii_start(),
            example,
            shown: Shown::Line,
            quiet: false,
            formerly: None,
            or: None,
        }
    }

    /// The example shows it as an alternative.
    pub(super) const fn instead(self) -> Self {
        Self { shown: Shown::Instead, ..self }
    }

    /// `config check --show` leaves it out if it has its default.
    pub(super) const fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Exactly one of it and the key of this name is required. The code that reads both checks it.
    pub(super) const fn or(self, name: &'static str) -> Self {
        Self { or: Some(name), ..self }
    }

    /// It had another name in earlier versions.
    #[cfg_attr(not(test), allow(dead_code, reason = "no key has got another name yet"))]
    pub(super) const fn formerly(self, name: &'static str) -> Self {
        Self { formerly: Some(name), ..self }
    }
}

impl ValueKind {
    /// What was expected, as a noun phrase.
    pub(super) fn expected(self) -> String {
        match self {
            Self::Text | Self::Secret => "a text in quotes".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::Count => "a whole number from 1 to 65536".into(),
            Self::Duration => "a duration such as `\"90s\"`, `\"10m\"` or `\"1h 30m\"`, or whole seconds".into(),
            Self::Url => "an https URL, or http on loopback (127.0.0.1, [::1], localhost)".into(),
            Self::RedirectUri => {
                "an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`".into()
            }
            Self::Path => "a path: absolute, from `~/`, or relative to the config file's folder".into(),
            Self::FlagOrPath => "`true`, `false` or a path".into(),
            Self::Addresses => {
                "a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`".into()
            }
            Self::Address => "an address with port, such as `\"10.88.0.1:7464\"` or `\"[fd00::1]:7464\"`".into(),
            Self::Hosts => "a list of host names, such as `[\"host.containers.internal\"]`".into(),
            Self::Command => "a list of texts: the program (absolute, or found in PATH) and its arguments".into(),
            Self::Credential => "the name of a file in $CREDENTIALS_DIRECTORY, without `/`".into(),
            Self::Scopes => "a list of scopes, or one text with spaces between them".into(),
            Self::Texts => "a table of texts, such as `{ prompt = \"consent\" }`".into(),
            Self::Variables => {
                "a table such as `{ tenant = \"common\" }`; values have A-Z, a-z, 0-9, `.` and `-`".into()
            }
            Self::Preset => format!("a built-in preset ({}) or a file of the `providers` folder", presets()),
            Self::Resources => "a list of absolute URIs without fragment".into(),
            Self::ApiUrls => {
                "a list of hosts or URLs (https, or http on loopback) without query, such as `[\"https://api.example.com/v1\"]`"
                    .into()
            }
            Self::Paths => "a table such as `{ access_token = \"authed_user.access_token\" }`".into(),
            Self::Rate => "a number and a duration such as `\"30/30s\"`".into(),
            Self::Choice(words) => one_of(&words()),
            Self::Inline(keys) => format!("a table with {}", and(keys)),
            Self::Tables([]) => "a list of tables".into(),
            Self::Tables(keys) => format!("a list of tables, each with {}", and(keys)),
        }
    }
}

fn presets() -> String {
    PRESETS.iter().map(|preset| format!("`{}`", preset.name)).collect::<Vec<_>>().join(", ")
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

impl Schema {
    /// All sections, in the order of the reference.
    pub(super) fn sections(self) -> impl Iterator<Item = &'static Section> {
        self.0.iter().copied()
    }

    /// The section at `path`.
    pub(super) fn at(self, path: &str) -> Option<&'static Section> {
        self.sections().find(|section| section.path == path)
    }

    /// Everything that a section may have: its keys, then the tables directly below it.
    pub(super) fn names_in(self, section: &Section) -> Vec<&'static str> {
        section.keys.iter().map(|key| key.name).chain(self.tables_in(section)).collect()
    }

    /// When a change of a key takes effect: of tables, their own section says that.
    pub(super) fn effect_of(self, section: &Section, key: &ConfigKey) -> TakesEffect {
        let own = self.at(&format!("{}.{}", section.path, key.name));
        own.map_or(section.takes_effect, |own| own.takes_effect)
    }

    fn tables_in(self, section: &Section) -> impl Iterator<Item = &'static str> {
        let top = section.form == SectionForm::Top;
        self.sections()
            .filter(move |section| top && matches!(section.form, SectionForm::Single | SectionForm::Named(_)))
            .filter_map(|section| section.path.split('.').next())
    }
}

impl Section {
    /// Its key of this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static ConfigKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Its key that had this name in earlier versions.
    pub(super) fn renamed(&self, name: &str) -> Option<&'static ConfigKey> {
        self.keys.iter().find(|key| key.formerly == Some(name))
    }

    /// Its header as a user writes it, with `name` for `NAME`.
    pub(super) fn header(&self, name: &str) -> String {
        self.path.replace("NAME", name)
    }
}
