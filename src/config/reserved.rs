//! Reserved names of request parameters, which the config may not set: those that ringback sends itself, and secrets.
//! One table, by kind of request.

use url::Url;

use super::parameter_name::as_servers_read;
use super::problem::Problem;
use super::response_mode;

/// A request to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// RFC 6749 §4.1.1: its parameters pass through the browser.
    Authorization,
    /// RFC 9126 §2.1: the same ones, without the browser.
    PushedAuthorization,
    /// RFC 6749 §3.2: for a code, a refresh token or any other grant.
    Token,
    /// RFC 8628 §3.1.
    Device,
    /// RFC 7009 §2.1.
    Revocation,
    /// RFC 7662 §2.1.
    Introspection,
    /// A token's details, asked for with the token itself.
    Details,
}

use RequestKind::{Authorization, Device, Introspection, PushedAuthorization, Revocation, Token};

/// Why a name is reserved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Is {
    /// A secret: it must not be in a URL, and `config check --show` would show it.
    Secret,
    /// Set by ringback.
    Ours,
}

/// A name, why it is reserved, the requests that can't have it (none: no request can), and what to use instead.
struct ReservedName(&'static str, Is, &'static [RequestKind], &'static str);

const ASKS: &[RequestKind] = &[Authorization, PushedAuthorization];
const ASKS_OR_TRADES: &[RequestKind] = &[Authorization, PushedAuthorization, Token];
const ASKS_FOR_TOKENS: &[RequestKind] = &[Authorization, PushedAuthorization, Token, Device];
const NAMES_THE_CLIENT: &[RequestKind] =
    &[Authorization, PushedAuthorization, Token, Device, Revocation, Introspection];
const NAMES_A_TOKEN: &[RequestKind] = &[Revocation, Introspection];
const ALL: &[RequestKind] = &[];

const PKCE: &str = "`pkce` of the provider";
const SIGNED: &str = "`client_auth = \"private_key_jwt\"` of the provider and `client_key_file` of the account";
const PASSWORD: &str = "`grant = \"password\"` of the account, with its own keys for user and password";
const IMPORT: &str = "`ringback import`, which reads a token from standard input";
const NONCE: &str = "no such parameter: each login with the scope `openid` has a new one";
const NEW: &str = "no such parameter: each login has a new one";

#[rustfmt::skip]
const RESERVED: &[ReservedName] = &[
    ReservedName("client_secret", Is::Secret, ALL, "`client_secret_file` of the account, or another source of its client secret"),
    ReservedName("client_assertion", Is::Secret, ALL, SIGNED),
    ReservedName("client_assertion_type", Is::Ours, ALL, SIGNED),
    ReservedName("assertion", Is::Secret, ALL, "no such parameter: no grant of ringback's has one"),
    ReservedName("password", Is::Secret, ALL, PASSWORD),
    ReservedName("username", Is::Ours, ALL, PASSWORD),
    ReservedName("phonenumber", Is::Ours, ALL, PASSWORD),
    ReservedName("refresh_token", Is::Secret, ALL, IMPORT),
    ReservedName("access_token", Is::Secret, ALL, IMPORT),
    ReservedName("token", Is::Secret, NAMES_A_TOKEN, "no such parameter: it is the account's own token"),
    ReservedName("token_type_hint", Is::Ours, NAMES_A_TOKEN, "no such parameter: it follows the token"),
    ReservedName("code", Is::Secret, ALL, NEW),
    ReservedName("code_verifier", Is::Secret, ALL, NEW),
    ReservedName("device_code", Is::Secret, ALL, NEW),
    ReservedName("code_challenge", Is::Ours, ASKS, PKCE),
    ReservedName("code_challenge_method", Is::Ours, ASKS, PKCE),
    ReservedName("dpop_jkt", Is::Ours, ASKS, "`dpop` of the account"),
    ReservedName("state", Is::Ours, ASKS, NEW),
    ReservedName("nonce", Is::Ours, ASKS_OR_TRADES, NONCE),
    ReservedName("grant_type", Is::Ours, ALL, "`grant` of the account"),
    ReservedName("response_type", Is::Ours, ASKS, "`grant` of the account"),
    ReservedName("redirect_uri", Is::Ours, ASKS_OR_TRADES, "`redirect_uri` of the account"),
    ReservedName("client_id", Is::Ours, NAMES_THE_CLIENT, "`client_id` of the account"),
    ReservedName("scope", Is::Ours, ASKS_FOR_TOKENS, "`scope` of the account"),
    ReservedName("resource", Is::Ours, ASKS_FOR_TOKENS, "`resource` of the account"),
    // They would replace all others (RFC 9101 §6.3).
    ReservedName("request", Is::Ours, ASKS, "the parameters themselves"),
    ReservedName("request_uri", Is::Ours, ASKS, "`par` and `par_url` of the provider (RFC 9126)"),
];

impl RequestKind {
    /// Why this request can't have a further parameter `name` with this value: a predicate for the key that sets it.
    pub(super) fn refuses(self, name: &str, value: &str) -> Option<Problem> {
        match self.reserves(name) {
            Some((what, instead)) => {
                Some(Problem::new(format!("sets `{}`, {what}", name.escape_debug())).expected(instead))
            }
            None => ASKS.contains(&self).then(|| response_mode::refuses(name, value)).flatten(),
        }
    }

    /// The same for the query of its URL.
    pub(super) fn refuses_query(self, url: &Url) -> Option<Problem> {
        url.query_pairs().find_map(|(name, value)| match self.reserves(&name) {
            Some((what, instead)) => {
                let what = format!("has `{}` in its query, {what}", name.escape_debug());
                Some(Problem::new(what).expected(instead))
            }
            None => self.refuses(&name, &value),
        })
    }

    fn reserves(self, name: &str) -> Option<(&'static str, &'static str)> {
        let read = as_servers_read(name);
        let ReservedName(_, is, _, instead) = RESERVED
            .iter()
            .find(|ReservedName(known, _, of, _)| *known == read && (of.is_empty() || of.contains(&self)))?;
        let what = match (is, self) {
            (Is::Secret, Authorization) => "which is a secret: it would pass through the browser and its history",
            (Is::Secret, _) => "which is a secret, and would be shown and logged here",
            (Is::Ours, _) => "which ringback sets itself",
        };
        Some((what, instead))
    }
}

#[cfg(test)]
mod tests {
    use super::RequestKind::Details;
    use super::*;

    const EVERY: [RequestKind; 7] =
        [Authorization, PushedAuthorization, Token, Device, Revocation, Introspection, Details];

    #[test]
    fn no_request_takes_a_secret_by_any_spelling() {
        let secrets = RESERVED.iter().filter(|ReservedName(_, is, of, _)| *is == Is::Secret && of.is_empty());
        let mut count = 0;
        for ReservedName(name, ..) in secrets {
            let spaced = name.replace('_', " ");
            let dotted = name.replace('_', ".");
            let spellings = [
                (*name).to_owned(),
                name.to_uppercase(),
                format!(" {name}\u{a0}"),
                format!("{name}[]"),
                spaced,
                dotted,
            ];
            for spelling in spellings {
                for request in EVERY {
                    assert!(request.refuses(&spelling, "").is_some(), "{request:?} {spelling:?}");
                    let mut url = Url::parse("https://h/p?a=1").unwrap();
                    url.query_pairs_mut().append_pair(&spelling, "canary");
                    let refused = request.refuses_query(&url).unwrap();
                    assert!(!format!("{refused:?}").contains("canary"));
                }
            }
            count += 1;
        }
        assert_eq!(count, 9);
    }

    #[test]
    fn what_one_request_sets_another_may_have_from_the_config() {
        for (request, name, refused) in [
            (Authorization, "state", true),
            (Token, "state", false),
            (Token, "response_type", false),
            (Authorization, "login_hint", false),
            (Authorization, "prompt", false),
            (Authorization, "id_token_hint", false),
            (Authorization, "audience", false),
            (Authorization, "user_scope", false),
            (Authorization, "code_challenge", true),
            (PushedAuthorization, "request_uri", true),
            (Token, "token", false),
            (Revocation, "token", true),
            (Introspection, "token_type_hint", true),
            (Details, "client_id", false),
            (Revocation, "client_id", true),
            (Revocation, "scope", false),
            (Device, "scope", true),
        ] {
            assert_eq!(request.refuses(name, "").is_some(), refused, "{request:?} {name}");
        }
    }
}
