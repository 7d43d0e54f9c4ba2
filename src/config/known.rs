//! The providers that an account could use, for people: what `ringback provider` shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::catalog::{Catalog, CatalogEntry, Origin, built_in_names, mistakes, texts};
use super::file::document;
use super::input::Sources;
use super::problem::{ConfigErrors, Diagnostics, ProblemScope};
use super::reader::{Reading, SectionReader};
use super::schema::Fallback;
use super::sections::{SCHEMA, daemon, providers};

use crate::oauth::dialect::Dialect;

/// A provider that an account could use.
#[derive(Debug, Clone)]
pub struct KnownProvider {
    /// What the config calls it.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) label: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Its effective keys as TOML, each with the text that it comes from.
    pub(crate) keys: String,
    /// The scopes that `ringback account add` suggests.
    pub(crate) suggested_scope: Vec<String>,
    /// The provider with its own values for its URL variables, or why it can't be used like this.
    pub(crate) usual: Result<Arc<Dialect>, NotUsable>,
}

/// Why a provider can't be used without more in the config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotUsable {
    /// A preset that is made to be completed.
    #[error("it has no {0}")]
    Lacks(&'static str),
    /// Its URLs have variables.
    #[error("its accounts must give values for its URL variables")]
    OpenVariables,
    /// Its section has a mistake.
    #[error("{0}")]
    Mistaken(String),
}

/// Every provider that an account could use, by name, whatever else is wrong with the config; and the
/// mistakes.
pub fn known_providers(sources: &Sources<'_>) -> (Vec<KnownProvider>, ConfigErrors) {
    let built_in = built_in_names();
    let texts = texts(&built_in, sources.providers);
    let sheet = Diagnostics::new(sources.path, sources.text);
    let document = document(sources.text, &sheet).unwrap_or_default();
    let reading = Reading { sheet: &sheet, base: sources.base(), schema: SCHEMA, document: None };
    let top = SectionReader::of_text(&daemon::TOP, &document, reading, ProblemScope::Everything);
    let catalog = Catalog::new(&texts, top.children("providers", ProblemScope::Provider));
    let known = catalog.iter().map(known).collect();
    let of_providers = sheet.errors().into_iter().filter(|error| !matches!(error.blame, ProblemScope::Account(_)));
    (known, ConfigErrors(of_providers.chain(mistakes(&texts)).collect()))
}

fn known(entry: &CatalogEntry<'_>) -> KnownProvider {
    let layer = entry.layer();
    let usual = match entry.lacks() {
        // Not built: what it lacks would be reported as missing.
        Some(what) => Err(NotUsable::Lacks(what)),
        None => entry
            .provider()
            .map_err(|why| NotUsable::Mistaken(why.to_owned()))
            .and_then(|provider| provider.usual.clone().ok_or(NotUsable::OpenVariables)),
    };
    KnownProvider {
        name: entry.name.clone(),
        label: layer.keys.label.clone().unwrap_or_else(|| entry.name.clone()),
        origin: entry.origin.clone(),
        suggested_scope: layer.keys.suggested_scope.clone().unwrap_or_default(),
        keys: written(&layer.written),
        usual,
    }
}

/// The written keys, in the order of the schema; defaults as comments.
fn written(written: &BTreeMap<&'static str, (toml::Value, String)>) -> String {
    let mut text = String::new();
    for key in providers::PROVIDER.keys.iter().filter(|key| key.name != "preset") {
        // Writing to a `String` can't fail.
        let _ = match (written.get(key.name), key.fallback) {
            (Some((value, file)), _) => writeln!(text, "{} = {value}  # {file}", key.name),
            (None, Fallback::Value(value)) => writeln!(text, "# {} = {}  # default", key.name, value()),
            (None, _) => Ok(()),
        };
    }
    text
}
