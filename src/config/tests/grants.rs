//! Grants: their required keys, and warnings.

use std::path::Path;

use super::super::{FilePrivacy, parse};
use super::{discouraged, sound};
use crate::oauth::exchange::User;
use crate::oauth::grant::GrantType;
use crate::secret::source::SecretSource;

const PROVIDER: &str = "[providers.p]\ntoken_url = \"https://h/t\"\n";
const ACCOUNT: &str = "[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\n";
const SECRET: &str = "client_secret = \"s\"\n";

/// (the provider's keys, the account's keys without the usual ones, messages)
const TABLE: &[(&str, &str, &[&str])] = &[
    ("authorize_url = \"https://h/a\"", "client_secret = \"s\"", &[]),
    (
        "",
        "client_secret = \"s\"",
        &[
            "accounts.a.provider: is `p`, which has no `authorize_url`; expected one that has it, for `grant = \"authorization_code\"`",
        ],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"device_code\"",
        &[
            "accounts.a.provider: is `p`, which has no `device_url`; expected one that has it, for `grant = \"device_code\"`",
        ],
    ),
    ("device_url = \"https://h/d\"", "client_secret = \"s\"\ngrant = \"device_code\"", &[]),
    ("discover = true\nissuer = \"https://i\"", "client_secret = \"s\"\ngrant = \"device_code\"", &[]),
    ("discover = true\nissuer = \"https://i\"", "client_secret = \"s\"", &[]),
    ("", "client_secret = \"s\"\ngrant = \"client_credentials\"", &[]),
    (
        "client_auth = \"none\"",
        "grant = \"client_credentials\"",
        &[
            "accounts.a.grant: is `client_credentials`, and the provider has `client_auth = \"none\"`; expected a client that can prove itself (RFC 6749 §4.4)",
        ],
    ),
    ("authorize_url = \"https://h/a\"", "grant = \"implicit\"", &[]),
    (
        "",
        "client_secret = \"s\"\ngrant = \"password\"",
        &[
            "accounts.a.username: is missing, and so is `phonenumber`; expected one of the two, for `grant = \"password\"`",
        ],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"password\"\nusername = \"u\"\nphonenumber = \"1\"",
        &["accounts.a.phonenumber: stands beside `username`; expected one of the two"],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"password\"\nusername = \"u\"\npassword_file = \"f\"\npassword_command = [\"c\"]",
        &["accounts.a.password_command: stands beside `password_file`; expected one source of the password"],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nusername = \"u\"\npassword_file = \"f\"",
        &[
            "accounts.a.username: has no use; expected it only with `grant = \"password\"`",
            "accounts.a.password_file: has no use; expected it only with `grant = \"password\"`",
        ],
    ),
    (
        "client_auth = \"private_key_jwt\"",
        "grant = \"client_credentials\"",
        &[
            "accounts.a.client_key_file: is missing; expected a path: absolute, from `~/`, or relative to the config file's folder",
        ],
    ),
    (
        "client_auth = \"private_key_jwt\"",
        "grant = \"client_credentials\"\nclient_key_file = \"k\"\nclient_key_id = \"1\"",
        &[],
    ),
    (
        "client_auth = \"private_key_jwt\"",
        "grant = \"client_credentials\"\nclient_key_file = \"k\"\nclient_secret = \"s\"",
        &[
            "accounts.a.client_secret: is given, and the provider has `client_auth = \"private_key_jwt\"`; expected `client_key_file`",
        ],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nclient_key_file = \"k\"\nclient_key_id = \"1\"",
        &[
            "accounts.a.client_key_file: has no use; expected it only if the provider has `client_auth = \"private_key_jwt\"`",
            "accounts.a.client_key_id: has no use; expected it only if the provider has `client_auth = \"private_key_jwt\"`",
        ],
    ),
    (
        "discover = true",
        "client_secret = \"s\"",
        &["providers.p.discover: is true without `issuer`; expected `issuer`, too"],
    ),
    (
        "par = \"always\"",
        "client_secret = \"s\"\ngrant = \"client_credentials\"",
        &["providers.p.par_url: is missing; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)"],
    ),
    (
        "par = \"off\"\npar_url = \"https://h/p\"",
        "client_secret = \"s\"\ngrant = \"client_credentials\"",
        &["providers.p.par_url: has no use with `par = \"off\"`; expected no such key"],
    ),
    (
        "extra_refresh = { assertion = \"x\" }",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nextra_authorize = { resource = \"x\" }",
        &[
            "providers.p.extra_refresh: sets `assertion`, which is a secret, and would be shown and logged here; expected no such parameter: no grant of ringback's has one",
            "accounts.a.extra_authorize: sets `resource`, which ringback sets itself; expected `resource` of the account",
        ],
    ),
    (
        "extra_token = { audience = \"x\" }\nextra_refresh = { audience = \"y\" }",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nextra_authorize = { audience = \"z\" }",
        &[],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nresource = [\"a\"]",
        &[
            "accounts.a.resource: has `a`, which is not an absolute URI; expected a list of absolute URIs without fragment",
        ],
    ),
    (
        "",
        "client_secret = \"s\"\ngrant = \"client_credentials\"\nresource = [\"https://a/#b\"]",
        &[
            "accounts.a.resource: has `https://a/#b`, which has a fragment (`#`); expected a list of absolute URIs without fragment",
        ],
    ),
    (
        "rate_limit = \"30\"\nrate_limit_endpoint = \"0/1s\"",
        "client_secret = \"s\"\ngrant = \"client_credentials\"",
        &[
            "providers.p.rate_limit: has no `/` in it; expected a number and a duration such as `\"30/30s\"`",
            "providers.p.rate_limit_endpoint: has no number from 1 to 1000000 before the `/`; expected a number and a duration such as `\"30/30s\"`",
        ],
    ),
    (
        "response_paths = { acces_token = \"a\" }",
        "client_secret = \"s\"\ngrant = \"client_credentials\"",
        &[
            "providers.p.response_paths: has `acces_token`, which is not a member of a token reply; expected members of RFC 6749 §5; did you mean `access_token`?",
        ],
    ),
    (
        "response_paths = { access_token = \"a..b\" }",
        "client_secret = \"s\"\ngrant = \"client_credentials\"",
        &[
            "providers.p.response_paths: has a path with an empty step for `access_token`; expected a table such as `{ access_token = \"authed_user.access_token\" }`",
        ],
    ),
];

#[test]
fn each_grant_has_its_required_keys() {
    for (provider, account, expected) in TABLE {
        let text = format!("{PROVIDER}{provider}\n{ACCOUNT}{account}\n");
        let messages: Vec<String> = match parse(&text, Path::new("/c.toml"), FilePrivacy::Private, None) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(|error| format!("{}: {}", error.key, error.problem)).collect(),
        };
        assert_eq!(&messages, expected, "{text}");
    }
}

#[test]
fn without_listeners_only_grants_with_a_callback_need_a_redirect_uri() {
    for (grant, sound) in [
        ("authorization_code", false),
        ("implicit", false),
        ("client_credentials", true),
        ("password", true),
        ("device_code", true),
    ] {
        let user = if grant == "password" { "username = \"u\"\n" } else { "" };
        let text = format!(
            "[listen]\ntcp = []\n{PROVIDER}authorize_url = \"https://h/a\"\ndevice_url = \"https://h/d\"\n\
             {ACCOUNT}{SECRET}{user}grant = \"{grant}\"\n"
        );
        assert_eq!(parse(&text, Path::new("/c.toml"), FilePrivacy::Private, None).is_ok(), sound, "{grant}");
    }
}

#[test]
fn the_keys_of_an_account_reach_the_code_that_uses_them() {
    let config = sound(&format!(
        "{PROVIDER}{ACCOUNT}{SECRET}grant = \"password\"\nphonenumber = \"+1\"\npassword_credential = \"c\"\n\
         resource = [\"urn:x:y\", \"https://r/\"]\naudience = \"aud\"\nhook = [\"bin/h\", \"x\"]\n"
    ));
    let account = &config.accounts["a"];
    assert_eq!(account.grant, GrantType::Password);
    assert_eq!(account.target.resource, ["urn:x:y", "https://r/"]);
    assert_eq!(account.target.audience.as_deref(), Some("aud"));
    assert_eq!(account.keys.hook.as_deref().unwrap(), ["/etc/rb/bin/h", "x"]);
    let user = account.user.as_ref().unwrap();
    assert_eq!(user.user, User::PhoneNumber("+1".into()));
    assert!(matches!(&user.password, Some(SecretSource::Credential(name)) if name == "c"), "{user:?}");
}

#[test]
fn insecure_settings_cause_a_warning() {
    for (provider, account, key, words) in [
        (
            "",
            "grant = \"password\"\nusername = \"u\"\n",
            "/etc/rb/config.toml:8:9: accounts.a.grant: is `password`",
            "RFC 9700 §2.4",
        ),
        ("", "grant = \"implicit\"\n", "/etc/rb/config.toml:8:9: accounts.a.grant: is `implicit`", "RFC 9700 §2.1.2"),
        ("body = \"query\"", "", "/etc/rb/config.toml:5:12: accounts.a.provider: is `p`", "secrets are in URLs"),
    ] {
        let text = format!("{PROVIDER}authorize_url = \"https://h/a\"\n{provider}{ACCOUNT}{SECRET}{account}");
        let text = text.replace("query\"[", "query\"\n[");
        let warnings = discouraged(&text);
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(warning.contains(key.split_once(": ").unwrap().1) && warning.contains(words), "{warning}");
        assert!(warning.starts_with("/etc/rb/config.toml:"), "{warning}");
    }
    assert!(sound(&format!("{PROVIDER}authorize_url = \"https://h/a\"\n{ACCOUNT}{SECRET}")).warnings.is_empty());
}
