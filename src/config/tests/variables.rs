//! Variables in URLs: precedence and mistakes.

use std::path::Path;

use super::super::{FilePrivacy, parse};
use super::sound;

fn account(more: &str) -> String {
    format!("[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_secret = \"s\"\n{more}\n")
}

#[test]
fn the_accounts_value_takes_precedence_over_the_providers() {
    for (provider, own, token_url) in [
        ("variables = { t = \"common\" }", "", "https://h/common/t"),
        ("variables = { t = \"common\" }", "variables = { t = \"a.b\" }", "https://h/a.b/t"),
        ("", "variables = { t = \"a.b\" }", "https://h/a.b/t"),
    ] {
        let provider = format!(
            "[providers.p]\nauthorize_url = \"https://h/a\"\ntoken_url = \"https://h/{{t}}/t\"\n\
             issuer = \"https://h/{{t}}\"\n{provider}\n"
        );
        let config = sound(&format!("{provider}{}", account(own)));
        let dialect = &config.accounts["a"].dialect;
        assert_eq!(dialect.token_url().unwrap().as_str(), token_url);
        assert_eq!(dialect.issuer.as_deref(), token_url.strip_suffix("/t"));
    }
}

/// (the provider's keys, the account's, the message)
const TABLE: &[(&str, &str, &str)] = &[
    (
        "token_url = \"https://h/{t}\"",
        "",
        "accounts.a.variables: has no `t`, which `token_url` of provider `p` needs; expected such as `{ t = \"...\" }`",
    ),
    (
        "token_url = \"https://h/{t}\"",
        "variables = { t = \"x\", u = \"y\" }",
        "accounts.a.variables: has `u`, which no URL of provider `p` contains; expected `t`; did you mean `t`?",
    ),
    (
        "token_url = \"https://h/t\"",
        "variables = { u = \"y\" }",
        "accounts.a.variables: has `u`, which no URL of provider `p` contains; expected no variables",
    ),
    (
        "token_url = \"https://h/{tenant}\"\nvariables = { tenant = \"x\", tennant = \"y\" }",
        "",
        "providers.p.variables: has `tennant`, which no URL of provider `p` contains; expected `tenant`; did you mean `tenant`?",
    ),
    (
        "token_url = \"http://{h}/\"",
        "variables = { h = \"example.com\" }",
        "accounts.a.variables: makes `token_url` of provider `p` a URL that uses http, which is allowed on loopback only; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
    ),
    (
        "token_url = \"http://{h}/\"\nvariables = { h = \"example.com\" }",
        "",
        "providers.p.token_url: uses http, which is allowed on loopback only, with its variables filled in; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
    ),
    (
        "token_url = \"https://h/{t}\"",
        "variables = { t = \"a/b\" }",
        "accounts.a.variables: has a value for `t` that is not allowed in a URL; expected 1 to 253 characters of A-Z, a-z, 0-9, `.` and `-`",
    ),
    (
        "token_url = \"https://h/{t}\"\nvariables = { t = \"..\" }",
        "",
        "providers.p.variables: has a value for `t` that is not allowed in a URL; expected 1 to 253 characters of A-Z, a-z, 0-9, `.` and `-`",
    ),
    (
        "token_url = \"{s}://h/\"",
        "",
        "providers.p.token_url: has a variable before `://`; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
    ),
    (
        "token_url = \"https://h/t\"\nissuer = \"https://{i}/\"\nvariables = { i = \"a..b:\" }",
        "",
        "providers.p.variables: has a value for `i` that is not allowed in a URL; expected 1 to 253 characters of A-Z, a-z, 0-9, `.` and `-`",
    ),
    (
        "token_url = \"https://h/t\"\nvariables = { \"A\" = \"x\" }",
        "",
        "providers.p.variables: has the name `A`; expected names of a-z, 0-9 and `_`",
    ),
    (
        "token_url = \"https://h/t\"\nvariables = { token_url = \"x\" }",
        "",
        "providers.p.variables: sets `token_url`; expected other names: ringback sets that one itself",
    ),
    (
        "token_url = \"{token_url}\"",
        "",
        "providers.p.token_url: refers to itself; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
    ),
];

#[test]
fn each_mistake_names_the_key_to_change() {
    for (provider, own, message) in TABLE {
        let text = format!("[providers.p]\nauthorize_url = \"https://h/a\"\n{provider}\n{}", account(own));
        let errors = parse(&text, Path::new("/c.toml"), FilePrivacy::Private, None).unwrap_err();
        let messages: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.key, e.problem)).collect();
        assert!(messages.iter().any(|told| told == message), "{text}\n{messages:#?}");
    }
}
