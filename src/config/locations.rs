//! The URLs of a provider: each is checked for the requests that go there.

use toml::de::DeValue;
use url::Url;

use super::problem::Problem;
use super::reserved::RequestKind;
use super::template::{TOKEN_URL, Template, Variables, template};
use super::value::endpoint;

/// The issuer identifier, which is not an endpoint.
pub(super) const ISSUER: &str = "issuer";

/// A URL, or a template of one. One without variables is checked here, since its place is known here.
pub(super) fn location(key: &'static str, value: &DeValue<'_>) -> Result<Template, Problem> {
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

/// Whether a URL, its variables filled in, can be used for this key.
pub(super) fn check(key: &str, text: &str) -> Result<Url, Problem> {
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
