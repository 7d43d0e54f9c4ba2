//! Tests of the config as a whole: schema, presets, example, reference, secrets.

mod mistakes;

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use toml::de::DeTable;

use super::problem::Sheet;
use super::schema::{Fallback, Form, Kind, SECTIONS, Shown};
use super::value::Base;
use super::{Config, ConfigErrors, FilePrivacy, SecretSource, SocketChoice, describe, example, file, reference};
use crate::oauth::dialect::{BodyEncoding, ClientAuth, Pkce, Revoke, Rotation};

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    super::parse(text, Path::new("/etc/rb/config.toml"), FilePrivacy::Private, Some(Path::new("/home/u")))
}

fn sound(text: &str) -> Config {
    parse(text).unwrap_or_else(|errors| panic!("{errors}\n---\n{text}"))
}

/// An account at Phone.com that is complete but for what is added.
fn with_account(more: &str) -> String {
    format!("[accounts.work]\nprovider = \"phonecom\"\nclient_id = \"id\"\n{more}\n")
}

/// A config with one key of one section in it, and what that key needs.
fn with_key(path: &str, name: &str, value: &str) -> String {
    let line = format!("{name} = {value}\n");
    let secret = "client_secret = \"s\"\n";
    match (path, name) {
        ("", _) => format!("{line}{}", with_account(secret)),
        ("store", "key_credential") => format!("[store]\nkey = \"credential\"\n{line}"),
        ("store", "key_command") => format!("[store]\nkey = \"command\"\n{line}"),
        ("store", "key") if value.contains("credential") => format!("[store]\n{line}key_credential = \"x\"\n"),
        ("store", "key") if value.contains("command") => format!("[store]\n{line}key_command = [\"x\"]\n"),
        ("accounts.NAME", "provider" | "client_id") => {
            let own = with_account(secret);
            let kept: Vec<&str> = own.lines().filter(|l| !l.starts_with(&format!("{name} ="))).collect();
            format!("{}\n{line}", kept.join("\n"))
        }
        ("accounts.NAME", _) if name.starts_with("client_secret") => with_account(&line),
        ("accounts.NAME", _) => with_account(&format!("{secret}{line}")),
        ("accounts.NAME.client_secret_keyring", _) => {
            let other = if name == "user" { "service" } else { "user" };
            with_account(&format!("client_secret_keyring = {{ {name} = {value}, {other} = \"x\" }}"))
        }
        ("providers.NAME", _) => {
            let mut text = String::from("[providers.p]\n");
            for (key, url) in [("authorize_url", "https://a/"), ("token_url", "https://t/")] {
                if key != name {
                    text.extend([key, " = \"", url, "\"\n"]);
                }
            }
            if name == "iss_required" {
                text += "issuer = \"https://i\"\n";
            }
            if value == "\"rfc7009\"" {
                text += "revoke_url = \"https://r/\"\n";
            }
            text + &line
        }
        (section, _) => format!("[{section}]\n{line}"),
    }
}

#[test]
fn every_key_of_the_schema_is_accepted_with_its_example_and_its_words() {
    for section in SECTIONS {
        for key in section.keys {
            sound(&with_key(section.path, key.name, key.example));
            if let Kind::Choice(words) = key.kind {
                for word in words {
                    drop(sound(&with_key(section.path, key.name, &format!("\"{word}\""))));
                }
            }
        }
    }
}

#[test]
fn the_deserialiser_asks_for_every_key_of_the_schema_and_for_no_other() {
    let text = "[listen]\n[store]\n[serve]\n[providers.p]\n[accounts.work]\nclient_secret_keyring = {}\n";
    let sheet = Sheet::new(Path::new("test"), text);
    let base = Base { folder: Path::new("/"), home: None };
    drop(file::read(text, &sheet, base, FilePrivacy::Private));
    let asked = sheet.asked.borrow().clone();
    let known: BTreeSet<_> = SECTIONS.iter().flat_map(|s| s.keys.iter().map(|k| (s.path, k.name))).collect();
    assert_eq!(asked, known);
}

#[test]
fn the_defaults_that_the_schema_tells_are_those_that_hold() {
    for section in SECTIONS {
        for key in section.keys {
            if let Fallback::Value(value) = key.fallback {
                let text = with_key(section.path, key.name, value);
                let without: String = text
                    .lines()
                    .filter(|l| !l.starts_with(&format!("{} =", key.name)))
                    .fold(String::new(), |t, l| t + l + "\n");
                // A provider shows only in an account that uses it.
                let user = if section.path == "providers.NAME" {
                    "[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_secret = \"s\"\n"
                } else {
                    ""
                };
                let (with, without) = (sound(&format!("{text}{user}")), sound(&format!("{without}{user}")));
                assert_eq!(format!("{with:?}"), format!("{without:?}"), "{}.{}", section.path, key.name);
            }
        }
    }
}

#[test]
fn the_example_is_valid_as_it_is_and_with_every_key_uncommented() {
    assert!(sound(&example()).accounts.is_empty());
    let uncommented: String = example()
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with([' ', '\0']) && !key.is_empty() => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = sound(&uncommented);
    assert_eq!(config.default_account.as_deref(), Some("work"));
    for section in SECTIONS.iter().filter(|section| section.form != Form::Inline) {
        for key in section.keys.iter().filter(|key| key.shown == Shown::Line) {
            assert!(uncommented.contains(&format!("\n{} = {}\n", key.name, key.example)), "{}", key.name);
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "writes a page of the repository, on demand")]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/config.md");
    if std::env::var_os("RINGBACK_REGENERATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == reference(),
        "docs/config.md is not what the schema says; make it anew: RINGBACK_REGENERATE=1 cargo test --lib config"
    );
}

#[test]
fn an_empty_file_is_valid() {
    let config = sound("");
    assert_eq!((config.accounts.len(), config.default_account), (0, None));
    assert_eq!(config.listen.tcp, ["127.0.0.1:7464".parse().unwrap()]);
    assert_eq!(config.listen.socket, SocketChoice::Default);
}

#[test]
fn presets_hold_no_mistake_and_phonecom_is_what_phone_com_documents() {
    for preset in &crate::oauth::preset::PRESETS {
        assert!(DeTable::parse(preset.text).is_ok(), "{}", preset.name);
    }
    let config = sound(&with_account("client_secret = \"s\""));
    let dialect = &config.accounts["work"].dialect;
    assert_eq!(dialect.provider, "phonecom");
    assert_eq!(dialect.authorize_url().unwrap().as_str(), "https://accounts.phone.com/");
    assert_eq!(dialect.token_url().unwrap().as_str(), "https://api.phone.com/v4/oauth/access-token");
    assert_eq!(dialect.revoke, Revoke::DeleteBearer(dialect.token_url().unwrap().clone()));
    assert_eq!((dialect.client_auth, dialect.body), (ClientAuth::Post, BodyEncoding::Json));
    assert_eq!((dialect.pkce, dialect.rotation), (Pkce::Send, Rotation::Unknown));
    assert_eq!((dialect.replay_window.as_secs(), dialect.max_age_unknown.as_secs()), (20, 3600));
    assert_eq!(config.default_account.as_deref(), Some("work"));
    sound("[providers.p]\npreset = \"generic\"\nauthorize_url = \"https://a/\"\ntoken_url = \"https://t/\"\n");
}

#[test]
fn revocation_of_phonecom_follows_the_token_url() {
    let provider = "[providers.practice]\npreset = \"phonecom\"\ntoken_url = \"http://127.0.0.1:9/t\"\n";
    let account = "[accounts.a]\nprovider = \"practice\"\nclient_id = \"i\"\nclient_secret = \"s\"\n";
    let config = sound(&format!("{provider}{account}"));
    let dialect = &config.accounts["a"].dialect;
    assert_eq!(dialect.revoke, Revoke::DeleteBearer("http://127.0.0.1:9/t".parse().unwrap()));
    let config = sound(&format!("{provider}revoke_url = \"https://r/\"\n{account}"));
    assert_eq!(config.accounts["a"].dialect.revoke, Revoke::DeleteBearer("https://r/".parse().unwrap()));
}

#[test]
fn a_section_of_a_presets_name_is_based_on_that_preset() {
    let config = sound(&format!("[providers.phonecom]\npkce = \"off\"\n{}", with_account("client_secret = \"s\"")));
    let dialect = &config.accounts["work"].dialect;
    assert_eq!((dialect.pkce, dialect.body, dialect.label.as_str()), (Pkce::Off, BodyEncoding::Json, "Phone.com"));
}

#[test]
fn paths_scopes_and_extras_mean_what_the_reference_says() {
    let config = sound(&with_account(
        "client_secret_command = [\"~/bin/s\", \"x\"]\nscope = \"b  a\"\nextra_authorize = { prompt = \"login\" }\n\
         redirect_uri = \"http://localhost/cb\"\n[store]\nfolder = \"state\"\n[listen]\nsocket = \"~/s\"",
    ));
    let account = &config.accounts["work"];
    assert_eq!(account.target.scope, ["b", "a"]);
    assert_eq!(account.redirect_uri.as_deref(), Some("http://localhost/cb"));
    assert_eq!(account.dialect.extra_authorize["prompt"], "login");
    assert_eq!(config.store.folder.as_deref(), Some(Path::new("/etc/rb/state")));
    assert_eq!(config.listen.socket, SocketChoice::At("/home/u/s".into()));
    let Some(SecretSource::Command(argv)) = &account.client_secret else { panic!("{account:?}") };
    assert_eq!(argv, &["/home/u/bin/s", "x"]);
}

#[test]
fn a_redirect_uri_is_as_the_browser_asks_for_it_also_on_port_80() {
    for uri in
        ["http://127.0.0.1/cb", "http://localhost:8000/", "http://[::1]:9/login/callback", "http://localhost:1/a%20b"]
    {
        sound(&with_account(&format!("client_secret = \"s\"\nredirect_uri = \"{uri}\"")));
    }
    for (listener, uri) in [
        ("127.0.0.1:80", "http://127.0.0.1/callback/p"),
        ("[::1]:80", "http://[::1]/callback/p"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/callback/p"),
    ] {
        assert_eq!(super::default_redirect_uri(listener.parse().unwrap(), "p"), uri);
    }
}

#[test]
fn secrets_show_nowhere() {
    let text = with_account("client_secret = \"canary\"");
    let config = sound(&text);
    let described = describe(&config);
    assert!(described.contains("redirect_uri = \"http://127.0.0.1:7464/callback/phonecom\""), "{described}");
    assert!(described.contains("client_secret = \"[hidden]\"  # from the config file"), "{described}");
    assert!(DeTable::parse(&described).is_ok(), "{described}");
    let command = describe(&sound(&with_account("client_secret_command = [\"echo\", \"canary\"]")));
    assert!(command.contains("from the program `echo` with 1 arguments"), "{command}");
    assert!(!format!("{config:?}{config:#?}{described}{command}").contains("canary"));
    for broken in [
        "client_secret = \"canary",
        "client_secret = canary",
        "client_secret = \"canary\\u0000\"",
        "client_secret = [\"canary\"]",
        "client_secret = { canary = 1 }",
        "client_secret = \"canary\"\nclient_secret = \"canary\"",
        "client_secret = \"canary\"\nclient_secret_file = \"x\"",
        "client_secrt = \"canary\"",
        "client_secret_command = \"echo canary\"",
        "client_secret_command = [\"echo\", 1, \"canary\"]",
        "client_secret_keyring = \"canary\"",
    ] {
        let errors = parse(&with_account(broken)).unwrap_err();
        let printed = format!("{errors}{errors:?}");
        assert!(!printed.contains("canary"), "{printed}");
    }
    let shared = FilePrivacy::Exposed { mode: 0o644 };
    let errors = super::parse(&text, Path::new("c"), shared, None).unwrap_err();
    assert!(!format!("{errors}{errors:?}").contains("canary"), "{errors}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn parse_never_panics_on_any_text(text in "\\PC{0,200}|[\\[\\]{}=\"'.,#a-z0-9_\\\\ \n\t]{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn parse_never_panics_on_a_file_that_is_nearly_right(
        lines in proptest::collection::vec((0usize..40, "[ -~]{0,20}|\"[ -~]{0,20}\"|-?[0-9]{1,30}|\\[\\]|\\{\\}"), 0..6)
    ) {
        let keys: Vec<_> = SECTIONS.iter().flat_map(|s| s.keys.iter().map(move |k| (s.path.replace("NAME", "work"), k.name))).collect();
        let mut text = String::new();
        for (n, value) in lines {
            let (path, name) = &keys[n % keys.len()];
            let dot = if path.is_empty() { "" } else { "." };
            text.extend([path, dot, name, " = ", &value, "\n"]);
        }
        if let Err(errors) = parse(&text) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}
