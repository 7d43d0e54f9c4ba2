//! The catalog of all providers that an account can name, with their origin: built in, a file in the user's `providers`
//! folder over a built-in one, or a section of the config over either.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::input::ProviderFile;
use super::problem::{ConfigError, Diagnostics, Problem, ProblemScope, nearest};
use super::provider::{ProviderConfig, ProviderLayer};
use super::reader::{Reading, SectionReader};
use super::schema::ValueKind;
use super::sections::{SCHEMA, providers};
use super::value::{self, Base};
use crate::oauth::preset::{self, PRESETS};

/// Where a provider comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built into ringback.
    BuiltIn,
    /// This file of the user.
    File(PathBuf),
    /// A section of the config.
    Section,
}

/// The text of a preset, parsed.
pub(super) struct PresetText<'a> {
    name: &'a str,
    origin: Origin,
    pub(super) sheet: Diagnostics<'a>,
    document: DeTable<'a>,
}

/// The built-in presets and those of the user. `built_in`, the names of the built-in ones, has to live as long.
pub(super) fn texts<'a>(built_in: &'a [PathBuf], files: &'a [ProviderFile]) -> Vec<PresetText<'a>> {
    let ours = PRESETS.iter().zip(built_in).map(|(preset, path)| {
        let (sheet, document) = parse(preset.name, path, preset.text);
        PresetText { name: preset.name, origin: Origin::BuiltIn, sheet, document }
    });
    let users = files.iter().map(|file| {
        let read = file.text.as_ref().map(String::as_str);
        let (sheet, document) = parse(&file.name, &file.path, read.unwrap_or_default());
        let blame = ProblemScope::Provider(file.name.clone());
        if let Err(why) = read {
            sheet.report(0, "", Problem::new(format!("can't be used: {why}")), &blame);
        }
        if let Err(problem) = value::name(&file.name) {
            let what = format!("has the name `{}`, which {}", file.name.escape_debug(), problem.what);
            sheet.report(0, "", Problem { what, ..problem }, &blame);
        }
        PresetText { name: &file.name, origin: Origin::File(file.path.clone()), sheet, document }
    });
    ours.chain(users).collect()
}

/// The names of the built-in presets in messages, in order.
pub(super) fn built_in_names() -> Vec<PathBuf> {
    PRESETS.iter().map(|preset| PathBuf::from(format!("preset {}", preset.name))).collect()
}

fn parse<'a>(name: &str, path: &'a Path, text: &'a str) -> (Diagnostics<'a>, DeTable<'a>) {
    let sheet = Diagnostics::new(path, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        let at = error.span().map_or(0, |span| span.start);
        sheet.report(at, "", Problem::new(error.message()), &ProblemScope::Provider(name.to_owned()));
    }
    (sheet, document.into_inner())
}

/// A provider in the catalog.
pub(super) struct CatalogEntry<'a> {
    pub(super) name: String,
    pub(super) origin: Origin,
    section: SectionReader<'a>,
    own: ProviderLayer,
    base: ProviderLayer,
    /// The first mistake in its base, or why it can't be read at all.
    unfounded: Option<String>,
    /// Created when first needed: a preset that others complete need not be complete.
    made: OnceCell<Result<ProviderConfig, String>>,
}

impl<'a> CatalogEntry<'a> {
    fn new(
        name: &str,
        origin: Origin,
        section: SectionReader<'a>,
        own: ProviderLayer,
        base: Option<&CatalogEntry<'_>>,
    ) -> Self {
        let name = name.to_owned();
        let unfounded = match base {
            Some(base) => base.unfounded.clone().or_else(|| base.section.first_mistake()),
            // Its `preset` is wrong, which was reported; the right one may have what is missing.
            None if section.field("preset").is_some() => section.first_mistake(),
            None => None,
        };
        let base = base.map(CatalogEntry::layer).unwrap_or_default();
        Self { name, origin, section, own, base, unfounded, made: OnceCell::new() }
    }

    /// Its keys over those of its base.
    pub(super) fn layer(&self) -> ProviderLayer {
        self.own.clone().over(self.base.clone())
    }

    /// The provider, or the first mistake that prevents its use. All mistakes are then reported.
    pub(super) fn provider(&self) -> Result<&ProviderConfig, &str> {
        let make = || {
            if let Some(mistake) = &self.unfounded {
                return Err(mistake.clone());
            }
            let provider = ProviderConfig::new(&self.name, &self.own.keys, &self.base.keys, &self.section);
            self.section.first_mistake().map_or(Ok(provider), Err)
        };
        self.made.get_or_init(make).as_ref().map_err(String::as_str)
    }

    /// What the user has to add before an account can use it, in a word; for built-in ones.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        let preset = preset::find(&self.name).filter(|_| self.origin == Origin::BuiltIn)?;
        preset.lacks
    }
}

/// All providers, by name.
pub(super) struct Catalog<'a>(BTreeMap<String, CatalogEntry<'a>>);

impl<'a> Catalog<'a> {
    /// Reads all texts and sections, and reports what is wrong with them.
    pub(super) fn new(texts: &'a [PresetText<'a>], sections: Vec<(String, SectionReader<'a>)>) -> Self {
        let (built_in, files): (Vec<_>, Vec<_>) = texts.iter().partition(|text| text.origin == Origin::BuiltIn);
        let reader = |text: &'a PresetText<'a>| {
            let blame = ProblemScope::Provider(text.name.to_owned());
            // Presets have no relative paths.
            let base = Base { folder: Path::new(""), home: None };
            let reading = Reading { sheet: &text.sheet, base, schema: SCHEMA, document: None };
            SectionReader::of_text(&providers::PROVIDER, &text.document, reading, blame)
        };
        let entry = |text: &'a PresetText<'a>| {
            let section = reader(text);
            let own = ProviderLayer::read(&section);
            (text.name.to_owned(), CatalogEntry::new(text.name, text.origin.clone(), section, own, None))
        };
        let mut presets: BTreeMap<String, CatalogEntry<'a>> = built_in.into_iter().map(entry).collect();
        let mut own = Vec::new();
        for text in files {
            // A text that can't be read is not reported as incomplete, too.
            let unreadable = text.sheet.first(&ProblemScope::Provider(text.name.to_owned()));
            let section = reader(text);
            let layer = ProviderLayer::read(&section);
            let base = base(text.name, &section, &layer, &presets);
            let entry = CatalogEntry::new(text.name, text.origin.clone(), section, layer, base);
            let unfounded = unreadable.or(entry.unfounded);
            own.push((text.name.to_owned(), CatalogEntry { unfounded, ..entry }));
        }
        presets.extend(own);
        let mut own = Vec::new();
        for (name, section) in sections {
            let layer = ProviderLayer::read(&section);
            let base = base(&name, &section, &layer, &presets);
            let entry = CatalogEntry::new(&name, Origin::Section, section, layer, base);
            // A mistake in a section is reported even if no account uses the section.
            let _ = entry.provider();
            own.push((name, entry));
        }
        presets.extend(own);
        Self(presets)
    }

    /// The provider of this name.
    pub(super) fn get(&self, name: &str) -> Option<&CatalogEntry<'a>> {
        self.0.get(name)
    }

    /// All, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &CatalogEntry<'a>> {
        self.0.values()
    }

    /// The names that an account can use without additions.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().filter(|entry| entry.lacks().is_none()).map(|entry| entry.name.as_str())
    }
}

/// The base of a text or section: the preset that it names, else the one of its own name, else the plain standard.
fn base<'e, 'a>(
    name: &str,
    section: &SectionReader<'_>,
    layer: &ProviderLayer,
    presets: &'e BTreeMap<String, CatalogEntry<'a>>,
) -> Option<&'e CatalogEntry<'a>> {
    let Some(named) = &layer.keys.preset else {
        let usual = presets.get(name).or_else(|| presets.get(preset::GENERIC));
        return usual.filter(|_| section.field("preset").is_none());
    };
    let found = presets.get(named);
    if found.is_none() {
        let problem = Problem::new(format!("is `{}`", named.escape_debug()))
            .expected(ValueKind::Preset.expected())
            .nearest(nearest(named, presets.keys().map(String::as_str)));
        section.refuse("preset", problem);
    }
    found
}

/// All mistakes in the user's texts and, if there should be any, in the built-in ones.
pub(super) fn mistakes(texts: &[PresetText<'_>]) -> impl Iterator<Item = ConfigError> {
    texts.iter().flat_map(|text| text.sheet.errors())
}

/// Warnings about the user's presets: settings that work but are discouraged.
pub(super) fn warnings(texts: &[PresetText<'_>]) -> impl Iterator<Item = ConfigError> {
    texts.iter().flat_map(|text| text.sheet.warnings())
}
