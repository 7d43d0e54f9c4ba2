//! The `response_mode` of a login (OAuth 2.0 Multiple Response Type Encoding Practices §2.1): `query` for a code,
//! `fragment` for a token. These are the defaults of providers; any other mode ends at a callback that can't read the
//! response, after the user has agreed.

use std::collections::BTreeMap;

use super::parameter_name::as_servers_read;
use super::problem::Problem;
use crate::oauth::dialect::Dialect;
use crate::oauth::grant::GrantType;

/// As servers read the parameter's name.
const NAME: &str = "response_mode";

const QUERY: &str = "query";
const FRAGMENT: &str = "fragment";

/// Modes that no login of ringback supports, and why.
const UNREADABLE: &[(&str, &str)] = &[
    ("form_post", POSTED),
    ("form_post.jwt", POSTED),
    ("jwt", SIGNED),
    ("query.jwt", SIGNED),
    ("fragment.jwt", SIGNED),
    ("web_message", MESSAGE),
    ("okta_post_message", MESSAGE),
];
const POSTED: &str = "the provider's page would post the answer here, but a POST from another site does not send \
the `SameSite=Lax` cookie that identifies the browser; a `SameSite=None` cookie needs https";
const SIGNED: &str = "the answer would be one signed JWT (JARM), which ringback does not read";
const MESSAGE: &str = "the answer would go to a script of the page that opened the provider's page, and not here";

/// Why the authorization request can't have a parameter, whatever the account's grant: a predicate for the key that
/// sets it.
pub(super) fn refuses(name: &str, value: &str) -> Option<Problem> {
    let mode = mode(name, value).filter(|mode| ![QUERY, FRAGMENT].contains(&mode.as_str()))?;
    let why = UNREADABLE.iter().find(|(known, _)| *known == mode).map(|(_, why)| *why);
    Some(problem(&mode, why.unwrap_or("ringback does not know this mode, and so not where the answer would be")))
}

/// Why the response of this provider would not be where ringback looks for it with this grant.
pub(super) fn unfit(dialect: &Dialect, grant: GrantType) -> Option<Problem> {
    let in_url = dialect.endpoints.authorize.iter().flat_map(|url| url.query_pairs());
    let extra = dialect.extra_authorize.iter().map(|(name, value)| (name.into(), value.into()));
    let mode = in_url.chain(extra).find_map(|(name, value)| mode(&name, &value))?;
    let why = match (grant, mode.as_str()) {
        (GrantType::AuthorizationCode, FRAGMENT) => {
            "browsers send no fragment, and ringback looks for a code in the query"
        }
        (GrantType::Implicit, QUERY) => "a token in a query ends up in logs, so ringback accepts none there",
        _ => return None,
    };
    Some(problem(&mode, why))
}

/// Whether these parameters set the response mode.
pub(super) fn is_in(extra: &BTreeMap<String, String>) -> bool {
    extra.keys().any(|name| as_servers_read(name) == NAME)
}

fn mode(name: &str, value: &str) -> Option<String> {
    (as_servers_read(name) == NAME).then(|| value.trim().to_ascii_lowercase())
}

fn problem(mode: &str, why: &str) -> Problem {
    let what = format!("asks for the response mode `{}`: {why}", mode.escape_debug());
    Problem::new(what).expected("no `response_mode`: without one, the answer comes where it can be read")
}
