//! Response modes, the issuer check, and the audience of client assertions.

use super::*;
use crate::oauth::dialect::{AssertionAudience, IssPolicy, NoncePolicy};

const POST: &str = "the provider's page would post the answer here, but a POST from another site does not send the `SameSite=Lax` cookie that identifies the browser; a `SameSite=None` cookie needs https";
const JARM: &str = "the answer would be one signed JWT (JARM), which ringback does not read";
const UNKNOWN: &str = "ringback does not know this mode, and so not where the answer would be";
const IN_FRAGMENT: &str = "browsers send no fragment, and ringback looks for a code in the query";
const IN_QUERY: &str = "a token in a query ends up in logs, so ringback accepts none there";

/// The mistakes when the parameter is set by the account, by the provider and in the URL, in this order.
fn by_each_way(grant: &str, parameter: &str, value: &str) -> [Vec<String>; 3] {
    let extra = format!("extra_authorize = {{ {parameter} = \"{value}\" }}");
    let url = format!("authorize_url = \"https://h/a?{parameter}={value}\"");
    [[extra.as_str(), "", ""], ["", &extra, ""], ["", "", &url]].map(|[account, provider, url]| {
        let url = if url.is_empty() { "authorize_url = \"https://h/a\"" } else { url };
        let text = format!(
            "[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_secret = \"s\"\ngrant = \"{grant}\"\n{account}\n\
             [providers.p]\ntoken_url = \"https://h/t\"\ndevice_url = \"https://h/d\"\n{url}\n{provider}\n"
        );
        match parse(&text) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(|error| format!("{}: {}", error.key, error.problem.what)).collect(),
        }
    })
}

#[test]
fn an_unsupported_response_mode_is_refused_with_the_reason() {
    for (mode, why) in [
        ("form_post", POST),
        ("FORM_POST", POST),
        ("form_post.jwt", POST),
        ("jwt", JARM),
        ("query.jwt", JARM),
        ("fragment.jwt", JARM),
        ("web_message", "the answer would go to a script of the page that opened the provider's page, and not here"),
        ("carrier_pigeon", UNKNOWN),
        ("", UNKNOWN),
    ] {
        let said = format!("asks for the response mode `{}`: {why}", mode.to_lowercase());
        let expected = ["accounts.a.extra_authorize", "providers.p.extra_authorize", "providers.p.authorize_url"];
        let expected = expected.map(|key| vec![format!("{key}: {said}")]);
        for grant in ["authorization_code", "implicit"] {
            assert_eq!(by_each_way(grant, "response_mode", mode), expected, "{mode} {grant}");
        }
    }
}

#[test]
fn a_response_mode_equal_to_the_grants_default_is_accepted() {
    for (grant, mode, why) in [
        ("authorization_code", "query", ""),
        ("implicit", "fragment", ""),
        ("authorization_code", "fragment", IN_FRAGMENT),
        ("implicit", "query", IN_QUERY),
        ("device_code", "fragment", ""),
        ("client_credentials", "query", ""),
    ] {
        let said = format!("asks for the response mode `{mode}`: {why}");
        let [account, provider, url] = by_each_way(grant, "response_mode", mode);
        if why.is_empty() {
            assert_eq!([account, provider, url], [const { Vec::<String>::new() }; 3], "{grant} {mode}");
        } else {
            assert_eq!(account, [format!("accounts.a.extra_authorize: {said}")]);
            assert_eq!([provider, url], [(); 2].map(|()| vec![format!("accounts.a.provider: is `p`, which {said}")]));
        }
    }
}

#[test]
fn issuer_nonce_and_assertion_audience_are_read_from_the_config() {
    let of = |keys: &str| {
        let provider = "issuer = \"https://i\"\nauthorize_url = \"https://a/\"\ntoken_url = \"https://t/\"";
        let text = format!(
            "[providers.p]\n{provider}\nclient_auth = \"private_key_jwt\"\n{keys}\n\
             [accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_key_file = \"k\"\n"
        );
        let dialect = &sound(&text).accounts["a"].dialect;
        (dialect.iss, dialect.nonce, dialect.assertion_audience)
    };
    let usual = (IssPolicy::AsMetadataSays, NoncePolicy::Send, AssertionAudience::IssuerIfKnown);
    for (keys, expected) in [
        ("", usual),
        ("iss_required = false", (IssPolicy::Optional, usual.1, usual.2)),
        ("iss_required = true", (IssPolicy::Required, usual.1, usual.2)),
        ("nonce = \"off\"", (usual.0, NoncePolicy::Off, usual.2)),
        ("assertion_audience = \"issuer\"", (usual.0, usual.1, AssertionAudience::Issuer)),
        ("assertion_audience = \"token_endpoint\"", (usual.0, usual.1, AssertionAudience::TokenEndpoint)),
    ] {
        assert_eq!(of(keys), expected, "{keys}");
    }
}
