//! The URLs of a provider: templates until the values of their variables are known.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;
use url::Url;

use super::problem::Problem;
use super::reader::SectionReader;
use super::reserved::RequestKind;
use super::template::{TOKEN_URL, Template, Variables, template};
use super::value::endpoint;

/// The keys; `token_url` first, because others may follow it.
pub(super) const KEYS: [&str; 10] = [
    TOKEN_URL,
    "authorize_url",
    "refresh_url",
    "revoke_url",
    "introspect_url",
    "device_url",
    "par_url",
    "details_url",
    "details_fallback_url",
    ISSUER,
];

const ISSUER: &str = "issuer";

/// What is given, by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Locations(BTreeMap<&'static str, Template>);

/// What it comes to.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// By key; all but the issuer.
    pub(super) urls: BTreeMap<&'static str, Url>,
    /// Byte for byte, because it is compared so (RFC 9207 §2.4).
    pub(super) issuer: Option<String>,
}

/// Why one of them comes to nothing.
#[derive(Debug)]
pub(super) enum Unfilled {
    /// A variable has no value.
    Missing { key: &'static str, name: String },
    /// With the values in it, it can't be used.
    Unfit { key: &'static str, problem: Problem },
}

impl Locations {
    /// Those of a section. One without variables is checked here, where its place is known.
    pub(super) fn read(section: &SectionReader<'_>) -> Self {
        let read = |key| section.read(key, |value| location(key, value)).map(|template| (key, template));
        Self(KEYS.into_iter().filter_map(read).collect())
    }

    /// These, and where there is none, those of `base`.
    pub(super) fn over(self, mut base: Self) -> Self {
        base.0.extend(self.0);
        base
    }

    /// Whether a key of a section may be shown: a URL that is refused may hold a password.
    pub(super) fn shows(&self, key: &str) -> bool {
        !KEYS.contains(&key) || self.has(key)
    }

    /// Whether this one is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// All variables in them.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        self.0.values().flat_map(Template::names).collect()
    }

    /// All that can be filled with these values, and why the others can't.
    pub(super) fn fill(&self, values: &Variables) -> (Filled, Vec<Unfilled>) {
        let (mut filled, mut wrong) = (Filled::default(), Vec::new());
        let mut values = values.clone();
        for (key, template) in KEYS.into_iter().filter_map(|key| Some((key, self.0.get(key)?))) {
            // What follows an endpoint that metadata will name, or that is wrong, is nowhere.
            if template.follows_token_url() && !values.contains_key(TOKEN_URL) {
                continue;
            }
            let text = match template.fill(&values) {
                Ok(text) => text,
                Err(name) => {
                    wrong.push(Unfilled::Missing { key, name: name.to_owned() });
                    continue;
                }
            };
            match check(key, &text) {
                Err(problem) => wrong.push(Unfilled::Unfit { key, problem }),
                Ok(_) if key == ISSUER => filled.issuer = Some(text),
                Ok(url) => _ = filled.urls.insert(key, url),
            }
            if let (TOKEN_URL, Some(url)) = (key, filled.urls.get(key)) {
                let mut plain = url.clone();
                plain.set_query(None);
                values.insert(TOKEN_URL.to_owned(), plain.into());
            }
        }
        (filled, wrong)
    }
}

fn location(key: &'static str, value: &DeValue<'_>) -> Result<Template, Problem> {
    let template = template(value)?;
    if key == TOKEN_URL && template.follows_token_url() {
        return Err(Problem::new("refers to itself"));
    }
    if template.names().is_empty()
        && !template.follows_token_url()
        && let Ok(text) = template.fill(&Variables::new())
    {
        check(key, &text)?;
    }
    Ok(template)
}

fn check(key: &str, text: &str) -> Result<Url, Problem> {
    let request = match key {
        ISSUER => return issuer(text),
        "authorize_url" => RequestKind::Authorization,
        "par_url" => RequestKind::PushedAuthorization,
        "device_url" => RequestKind::Device,
        "revoke_url" => RequestKind::Revocation,
        "introspect_url" => RequestKind::Introspection,
        "details_url" | "details_fallback_url" => RequestKind::Details,
        _ => RequestKind::Token,
    };
    let url = endpoint(text)?;
    request.refuses_query(&url).map_or(Ok(url), Err)
}

/// An issuer identifier has neither query nor fragment (RFC 8414 §2).
fn issuer(text: &str) -> Result<Url, Problem> {
    let expected = "an https URL without query or fragment, exactly as the provider writes it";
    let url = endpoint(text).map_err(|problem| problem.expected(expected))?;
    match url.query() {
        Some(_) => Err(Problem::new("has a query").expected(expected)),
        None => Ok(url),
    }
}
