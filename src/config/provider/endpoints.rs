//! The URLs of a provider: templates, which become endpoints once the values of their variables are known.

use std::collections::BTreeSet;

use toml::Value;
use url::Url;

use crate::config::locations::{ISSUER, check};
use crate::config::problem::Problem;
use crate::config::sections::providers::ProviderKeys;
use crate::config::template::{TOKEN_URL, Template, Variables};
use crate::oauth::dialect::Endpoints;

/// A key with a URL.
struct UrlKey {
    name: &'static str,
    template: fn(&ProviderKeys) -> Option<&Template>,
    /// Its field in the dialect's endpoints; `None` if it is kept elsewhere.
    endpoint: Option<fn(&mut Endpoints) -> &mut Option<Url>>,
}

macro_rules! endpoint {
    () => {
        None
    };
    ($endpoint:ident) => {
        Some(|endpoints| &mut endpoints.$endpoint)
    };
}

macro_rules! url_keys {
    ($($name:ident $(=> $endpoint:ident)?),*) => {
        /// All of them; `token_url` first, because others may follow it.
        const URL_KEYS: &[UrlKey] = &[$(UrlKey {
            name: stringify!($name),
            template: |keys| keys.$name.as_ref(),
            endpoint: endpoint!($($endpoint)?),
        }),*];
    };
}

url_keys! {
    token_url => token,
    authorize_url => authorize,
    refresh_url => refresh,
    revoke_url,
    introspect_url => introspect,
    device_url => device,
    par_url => par,
    details_url => details,
    details_fallback_url => details_fallback,
    upstream => api,
    issuer
}

/// The URLs with all variables filled in.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) endpoints: Endpoints,
    pub(super) revoke: Option<Url>,
    /// Byte for byte as written, because it is compared like that (RFC 9207 §2.4).
    pub(super) issuer: Option<String>,
}

/// Why a URL can't be filled in.
#[derive(Debug)]
pub(super) enum Unfilled {
    /// A variable has no value.
    Missing { key: &'static str, name: String },
    /// With the values filled in, it can't be used.
    Unfit { key: &'static str, problem: Problem },
}

/// The keys that have a URL.
pub(super) fn url_keys() -> Vec<&'static str> {
    URL_KEYS.iter().map(|key| key.name).collect()
}

/// Whether a key of a section may be shown: a URL that is refused may hold a password.
pub(super) fn may_show(keys: &ProviderKeys, name: &str) -> bool {
    URL_KEYS.iter().find(|key| key.name == name).is_none_or(|key| (key.template)(keys).is_some())
}

/// Whether this URL is set.
pub(super) fn has_url(keys: &ProviderKeys, name: &str) -> bool {
    URL_KEYS.iter().any(|key| key.name == name && (key.template)(keys).is_some())
}

/// The variables of all URLs.
pub(super) fn variables_of(keys: &ProviderKeys) -> BTreeSet<&str> {
    URL_KEYS.iter().filter_map(|key| (key.template)(keys)).flat_map(Template::names).collect()
}

/// The endpoints as they are shown, by key.
pub(crate) fn shown(endpoints: &Endpoints) -> Vec<(&'static str, Value)> {
    let mut endpoints = endpoints.clone();
    let mut shown = |key: &UrlKey| Some((key.name, key.endpoint?(&mut endpoints).take()?.as_str().into()));
    URL_KEYS.iter().filter_map(&mut shown).collect()
}

/// All URLs that can be filled with these values, and why the others can't.
pub(super) fn fill(keys: &ProviderKeys, values: &Variables) -> (Filled, Vec<Unfilled>) {
    let (mut filled, mut wrong) = (Filled::default(), Vec::new());
    let mut values = values.clone();
    for (key, template) in URL_KEYS.iter().filter_map(|key| Some((key, (key.template)(keys)?))) {
        // If metadata will name the token endpoint, or if it is wrong, a URL that follows it has no value.
        if template.follows_token_url() && !values.contains_key(TOKEN_URL) {
            continue;
        }
        let name = key.name;
        let text = match template.fill(&values) {
            Ok(text) => text,
            Err(variable) => {
                wrong.push(Unfilled::Missing { key: name, name: variable.to_owned() });
                continue;
            }
        };
        let url = match check(name, &text) {
            Ok(url) => url,
            Err(problem) => {
                wrong.push(Unfilled::Unfit { key: name, problem });
                continue;
            }
        };
        if name == TOKEN_URL {
            let mut plain = url.clone();
            plain.set_query(None);
            values.insert(TOKEN_URL.to_owned(), plain.into());
        }
        match key.endpoint {
            Some(place) => *place(&mut filled.endpoints) = Some(url),
            None if name == ISSUER => filled.issuer = Some(text),
            None => filled.revoke = Some(url),
        }
    }
    (filled, wrong)
}
