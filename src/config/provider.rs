//! Providers: the keys of `[providers.NAME]` and of the presets, merged into a dialect.

mod check;
mod endpoints;

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

pub(super) use self::check::refuse_repeated;
use self::check::{check, refuse_unused};
pub(super) use self::endpoints::shown as endpoints_shown;
use self::endpoints::{Filled, Unfilled};
use super::kinds::merged;
use super::problem::Problem;
use super::reader::SectionReader;
use super::schema::ValueKind;
use super::sections::providers::ProviderKeys;
use super::template::Variables;
use super::value::plain;
use super::words::RevokeBy;
use crate::oauth::dialect::{Dialect, Revoke};

/// The keys of a provider in one text, or in several merged ones.
#[derive(Debug, Clone, Default)]
pub(super) struct ProviderLayer {
    pub(super) keys: ProviderKeys,
    /// Every key as it was written, and the text that has it.
    pub(super) written: Written,
}

/// A provider that accounts can use.
#[derive(Debug)]
pub(super) struct ProviderConfig {
    name: String,
    keys: ProviderKeys,
    /// The dialect with the provider's own values for variables; `None` if the account has to give some.
    pub(super) usual: Option<Arc<Dialect>>,
}

impl ProviderLayer {
    /// Reads a section or preset.
    pub(super) fn read(section: &SectionReader<'_>) -> Self {
        let keys = ProviderKeys::read(section);
        let file = section.file().display().to_string();
        let written = section.written().filter(|(name, _)| *name != "preset" && endpoints::may_show(&keys, name));
        let written = written.map(|(name, value)| (name, (plain(value), file.clone()))).collect();
        Self { keys, written }
    }

    /// Merges this layer over `below`.
    pub(super) fn over(self, below: Self) -> Self {
        Self { keys: self.keys.over(below.keys), written: written_over(self.written, below.written) }
    }
}

/// The dialect with these keys, and the defaults of the schema for the others.
fn dialect(keys: &ProviderKeys, name: &str, filled: Filled) -> Dialect {
    let Filled { endpoints, revoke: revoke_url, issuer } = filled;
    let mut dialect = Dialect {
        provider: name.to_owned(),
        label: keys.label.clone().unwrap_or_else(|| name.to_owned()),
        revoke: revoke(keys.revoke, revoke_url, endpoints.token.as_ref()),
        endpoints,
        issuer,
        ..Dialect::default()
    };
    keys.clone().apply(&mut dialect);
    dialect
}

impl ProviderConfig {
    /// Merges `own` over `below`; mistakes in the result are reported in the section that `own` comes from.
    pub(super) fn new(name: &str, own: &ProviderKeys, below: &ProviderKeys, section: &SectionReader<'_>) -> Self {
        let mut keys = own.clone().over(below.clone());
        // The API of another server is elsewhere, too.
        if own.token_url.is_some() && own.api_urls.is_none() {
            keys.api_urls = None;
        }
        check(&keys, section);
        if let Some(values) = &own.variables {
            refuse_unused(name, values, &keys, section);
        }
        let (found, wrong) = endpoints::fill(&keys, &keys.variables.clone().unwrap_or_default());
        if let (Some(url), Some(extra)) = (&found.endpoints.authorize, &keys.extra_authorize) {
            refuse_repeated(url, extra, section);
        }
        let mut is_open = false;
        for wrong in wrong {
            match wrong {
                Unfilled::Missing { .. } => is_open = true,
                Unfilled::Unfit { key, problem } => {
                    let what = format!("{}, with its variables filled in", problem.what);
                    let expected = problem.expected.unwrap_or_else(|| ValueKind::Url.expected());
                    section.refuse(key, Problem::new(what).expected(expected));
                }
            }
        }
        let usual = (!is_open).then(|| Arc::new(dialect(&keys, name, found)));
        Self { name: name.to_owned(), keys, usual }
    }

    /// As an account with these values of variables uses it; reports what is wrong with them.
    pub(super) fn with(&self, values: Variables, account: &SectionReader<'_>) -> Option<Arc<Dialect>> {
        if values.is_empty() && self.usual.is_some() {
            return self.usual.clone();
        }
        refuse_unused(&self.name, &values, &self.keys, account);
        let own = self.keys.variables.clone().unwrap_or_default();
        let (found, wrong) = endpoints::fill(&self.keys, &merged(values, own));
        for wrong in &wrong {
            let problem = match wrong {
                Unfilled::Missing { key, name } => {
                    Problem::new(format!("has no `{name}`, which `{key}` of provider `{}` needs", self.name))
                        .expected(format!("such as `{{ {name} = \"...\" }}`"))
                }
                Unfilled::Unfit { key, problem } => {
                    Problem::new(format!("makes `{key}` of provider `{}` a URL that {}", self.name, problem.what))
                        .expected(problem.expected.clone().unwrap_or_else(|| ValueKind::Url.expected()))
                }
            };
            account.refuse("variables", problem);
        }
        wrong.is_empty().then(|| Arc::new(dialect(&self.keys, &self.name, found)))
    }
}

/// How a token is revoked. `delete-bearer` follows the token endpoint unless it has a URL of its own.
fn revoke(by: Option<RevokeBy>, url: Option<Url>, token_url: Option<&Url>) -> Revoke {
    match (by, url) {
        (Some(RevokeBy::Nothing), _) => Revoke::None,
        (Some(RevokeBy::DeleteBearer), url) => {
            url.or_else(|| token_url.cloned()).map_or(Revoke::Unsaid, Revoke::DeleteBearer)
        }
        (None | Some(RevokeBy::Rfc7009), url) => url.map_or(Revoke::Unsaid, Revoke::Rfc7009),
    }
}

pub(super) type Written = BTreeMap<&'static str, (toml::Value, String)>;

/// Tables are merged, as their meanings are; everything else replaces what is below it.
fn written_over(above: Written, mut below: Written) -> Written {
    for (name, (mut value, file)) in above {
        if let (toml::Value::Table(above), Some((toml::Value::Table(under), _))) = (&mut value, below.get(name)) {
            let mut both = under.clone();
            both.extend(std::mem::take(above));
            *above = both;
        }
        below.insert(name, (value, file));
    }
    below
}
