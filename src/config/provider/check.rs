//! Checks a provider for keys that are missing or contradict each other.

use std::collections::BTreeMap;

use url::Url;

use super::endpoints::{has_url, url_keys, variables_of};
use crate::config::problem::{Problem, nearest};
use crate::config::reader::SectionReader;
use crate::config::sections::providers::ProviderKeys;
use crate::config::template::Variables;
use crate::config::words::RevokeBy;
use crate::oauth::dialect::{AssertionAudience, ClientAuth, IssPolicy, Par, Roots};

/// Reports keys that are missing or contradict each other. Wrong values were reported already.
pub(super) fn check(keys: &ProviderKeys, section: &SectionReader<'_>) {
    let discovers = keys.discover == Some(true) || section.is_mistaken("discover");
    let lacks = |key| !has_url(keys, key) && section.field(key).is_none();
    if lacks("token_url") && !discovers && !section.is_mistaken("preset") {
        section.missing("token_url");
    }
    if keys.roots == Some(Roots::None) && keys.ca_file.is_none() {
        let problem = Problem::new("is `none`, and there is no `ca_file`: no certificate would be trusted");
        section.lacks("roots", &["ca_file"], problem.expected("`ca_file`, too"));
    }
    for (key, holds) in [("discover", discovers), ("iss_required", keys.iss_required == Some(IssPolicy::Required))] {
        if holds && lacks("issuer") {
            let problem = Problem::new("is true without `issuer`").expected("`issuer`, too");
            section.lacks(key, &["issuer", "discover"], problem);
        }
    }
    if keys.assertion_audience == Some(AssertionAudience::Issuer) && lacks("issuer") {
        let problem = Problem::new("is `issuer`, and there is no `issuer`");
        let problem = problem.expected("`issuer`, too, or `\"token_endpoint\"`");
        section.lacks("assertion_audience", &["issuer"], problem);
    }
    let needs_revoke_url = match keys.revoke {
        Some(RevokeBy::Rfc7009) => !discovers,
        // A method on the token's own resource: it follows the token endpoint.
        Some(RevokeBy::DeleteBearer) => discovers && lacks("token_url"),
        Some(RevokeBy::Nothing) | None => false,
    };
    if needs_revoke_url && lacks("revoke_url") {
        section.missing("revoke_url");
    }
    if keys.par == Some(Par::Always) && lacks("par_url") && !discovers {
        section.missing("par_url");
    }
    let signs = keys.client_auth == Some(ClientAuth::PrivateKeyJwt);
    for (key, off, because_of, why) in [
        ("assertion_audience", !signs, "client_auth", "has no use without `client_auth = \"private_key_jwt\"`"),
        ("revoke_url", keys.revoke == Some(RevokeBy::Nothing), "revoke", "has no use with `revoke = \"none\"`"),
        ("par_url", keys.par == Some(Par::Off), "par", "has no use with `par = \"off\"`"),
    ] {
        if off && section.field(key).is_some() {
            section.lacks(key, &[because_of], Problem::new(why).expected("no such key"));
        }
    }
}

/// Reports values that no URL uses: they were meant for one that does.
pub(super) fn refuse_unused(provider: &str, values: &Variables, keys: &ProviderKeys, section: &SectionReader<'_>) {
    let names = variables_of(keys);
    for name in values.keys().filter(|name| !names.contains(name.as_str())) {
        let problem = Problem::new(format!("has `{name}`, which no URL of provider `{provider}` contains"));
        let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let problem = match known.as_slice() {
            [] => problem.expected("no variables"),
            known => problem.expected(known.join(", ")).nearest(nearest(name, names.iter().copied())),
        };
        section.lacks("variables", &url_keys(), problem);
    }
}

/// A parameter must not be repeated (RFC 6749 §3.1).
pub(crate) fn refuse_repeated(authorize_url: &Url, extra: &BTreeMap<String, String>, section: &SectionReader<'_>) {
    if let Some((name, _)) = authorize_url.query_pairs().find(|(name, _)| extra.contains_key(name.as_ref())) {
        let problem = Problem::new(format!("repeats `{}` of the query of `authorize_url`", name.escape_debug()));
        section.refuse("extra_authorize", problem.expected("each parameter once"));
    }
}
