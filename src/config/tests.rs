//! Tests of the config as a whole: schema, presets, example, reference, secrets.

mod answers;
mod edit;
mod fixes;
mod foreseen;
mod grants;
mod json_schema;
mod listeners;
mod mistakes;
mod parts;
mod presets;
mod renamed;
mod variables;

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use toml::de::DeTable;

use super::problem::Diagnostics;
use super::schema::{Fallback, SectionForm, Shown, ValueKind};
use super::sections::SECTIONS;
use super::{Config, ConfigErrors, FilePrivacy, SocketChoice, Sources, describe, example, file, reference};
use crate::oauth::dialect::{BodyEncoding, Pkce};
use crate::secret::source::SecretSource;

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    super::parse(text, Path::new("/etc/rb/config.toml"), FilePrivacy::Private, Some(Path::new("/home/u")))
}

fn sound(text: &str) -> Config {
    parse(text).unwrap_or_else(|errors| panic!("{errors}\n---\n{text}"))
}

/// The warnings about a config without mistakes.
fn discouraged(text: &str) -> Vec<String> {
    sound(text).warnings.iter().map(ToString::to_string).collect()
}

/// A Phone.com account that lacks only the keys in `more`.
fn with_account(more: &str) -> String {
    format!("[accounts.work]\nprovider = \"phonecom\"\nclient_id = \"id\"\n{more}\n")
}

/// A config with this key of one section, and the other keys that it needs.
fn with_key(path: &str, name: &str, value: &str) -> String {
    let line = format!("{name} = {value}\n");
    let secret = "client_secret = \"s\"\n";
    match (path, name) {
        ("", _) => format!("{line}{}", with_account(secret)),
        ("store", "key_credential") => format!("[store]\nkey = \"credential\"\n{line}"),
        ("store", "key_command") => format!("[store]\nkey = \"command\"\n{line}"),
        ("store", "key") if value.contains("credential") => format!("[store]\n{line}key_credential = \"x\"\n"),
        ("store", "key") if value.contains("command") => format!("[store]\n{line}key_command = [\"x\"]\n"),
        ("accounts.NAME", "provider" | "client_id" | "client_id_command") => {
            let (own, replaced) = (with_account(secret), name.trim_end_matches("_command"));
            let kept: Vec<&str> = own.lines().filter(|l| !l.starts_with(&format!("{replaced} ="))).collect();
            format!("{}\n{line}", kept.join("\n"))
        }
        ("accounts.NAME", "client_key_file" | "client_key_id") => {
            let file = if name == "client_key_id" { "client_key_file = \"k\"\n" } else { "" };
            format!(
                "{}[providers.phonecom]\nclient_auth = \"private_key_jwt\"\n",
                with_account(&format!("{file}{line}"))
            )
        }
        ("accounts.NAME.proxy", _) => format!("{}[accounts.work.proxy]\n{line}", with_account(secret)),
        ("accounts.NAME", "variables") => {
            let provider = "[providers.phonecom]\nauthorize_url = \"https://{tenant}/a\"\nvariables.tenant = \"x\"\n";
            format!("{}{provider}", with_account(&format!("{secret}{line}")))
        }
        ("accounts.NAME", "grant") => {
            let user = if value == "\"password\"" { "username = \"u\"\n" } else { "" };
            let provider = "[providers.phonecom]\ndevice_url = \"https://d/\"\n";
            format!("{}{provider}", with_account(&format!("{secret}{user}{line}")))
        }
        ("accounts.NAME", "username" | "phonenumber") => with_account(&format!("grant = \"password\"\n{secret}{line}")),
        ("accounts.NAME", _) if name.starts_with("password") => {
            with_account(&format!("grant = \"password\"\nusername = \"u\"\n{secret}{line}"))
        }
        ("accounts.NAME", _) if name.starts_with("client_secret") => with_account(&line),
        ("accounts.NAME", _) => with_account(&format!("{secret}{line}")),
        ("accounts.NAME.client_secret_keyring" | "accounts.NAME.password_keyring", _) => {
            let other = if name == "user" { "service" } else { "user" };
            let item = format!("{{ {name} = {value}, {other} = \"x\" }}");
            match path {
                "accounts.NAME.client_secret_keyring" => with_account(&format!("client_secret_keyring = {item}")),
                _ => {
                    with_account(&format!("grant = \"password\"\nusername = \"u\"\n{secret}password_keyring = {item}"))
                }
            }
        }
        ("accounts.NAME.file", _) => {
            let path = if name == "path" { "" } else { "path = \"/t\"\n" };
            with_account(&format!("{secret}[[accounts.work.file]]\n{path}{line}"))
        }
        ("listen.extra", _) => {
            let rest = match (name, value) {
                ("address", _) => "",
                ("socket", _) => "app = \"a\"\n",
                ("app", _) => "socket = \"/s\"\n",
                ("shape", "\"azure\"") => "address = \"127.0.0.1:1\"\napp = \"a\"\naccount = \"work\"\n",
                ("shape", _) => "address = \"127.0.0.1:1\"\naccount = \"work\"\n",
                ("account", _) => "address = \"127.0.0.1:1\"\nshape = \"gce\"\n",
                ("mode", _) => "socket = \"/s\"\napp = \"a\"\n",
                ("wildcard", "true") => "address = \"0.0.0.0:1\"\nhosts = [\"h\"]\n",
                _ => "address = \"10.0.0.1:1\"\n",
            };
            let account = if ["shape", "account"].contains(&name) { with_account(secret) } else { String::new() };
            format!("[[listen.extra]]\n{rest}{line}{account}")
        }
        ("providers.NAME", _) => {
            let mut text = String::from("[providers.p]\n");
            for (key, url) in [("authorize_url", "https://a/"), ("token_url", "https://t/")] {
                if key != name {
                    text.extend([key, " = \"", url, "\"\n"]);
                }
            }
            if matches!(name, "iss_required" | "discover") {
                text += "issuer = \"https://i\"\n";
            }
            if value == "\"always\"" {
                text += "par_url = \"https://p/\"\n";
            }
            if value == "\"none\"" && name == "roots" {
                text += "ca_file = \"/ca.pem\"\n";
            }
            if name == "assertion_audience" {
                text += "issuer = \"https://i\"\nclient_auth = \"private_key_jwt\"\n";
            }
            if name == "variables" {
                text += "device_url = \"https://d/{tenant}\"\n";
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
fn every_key_of_the_schema_accepts_its_example_and_keywords() {
    for section in SECTIONS {
        for key in section.keys {
            sound(&with_key(section.path, key.name, key.example));
            if let ValueKind::Choice(words) = key.kind {
                for word in words() {
                    drop(sound(&with_key(section.path, key.name, &format!("\"{word}\""))));
                }
            }
        }
    }
}

#[test]
fn the_deserialiser_reads_every_key_of_the_schema_and_no_other() {
    let text = "[listen]\nextra = [{}]\n[store]\n[serve]\n[audit]\n[providers.p]\ntoken_url = \"https://t/\"\n\
                [accounts.work]\nprovider = \"p\"\nclient_secret_keyring = {}\npassword_keyring = {}\nproxy = {}\nfile = [{}]\n";
    let path = Path::new("/test");
    let sheet = Diagnostics::new(path, text);
    let sources = Sources { text, path, privacy: FilePrivacy::Private, home: None, providers: &[] };
    drop(file::read(&sources, &sheet, &[]));
    let asked = sheet.asked.borrow().clone();
    let known: BTreeSet<_> = SECTIONS.iter().flat_map(|s| s.keys.iter().map(|k| (s.path, k.name))).collect();
    assert_eq!(asked, known);
}

#[test]
fn the_defaults_in_the_schema_are_the_effective_ones() {
    for section in SECTIONS {
        for key in section.keys {
            if let Fallback::Value(value) = key.fallback {
                let text = with_key(section.path, key.name, &value().to_string());
                let without: String = text
                    .lines()
                    .filter(|l| !l.starts_with(&format!("{} =", key.name)))
                    .fold(String::new(), |t, l| t + l + "\n");
                // A provider appears only through an account that uses it.
                let user = if section.path == "providers.NAME" {
                    "[accounts.a]\nprovider = \"p\"\nclient_id = \"i\"\nclient_secret = \"s\"\n"
                } else {
                    ""
                };
                // A warning gives the position of the key.
                let [with, without] =
                    [text, without].map(|text| Config { warnings: Vec::new(), ..sound(&format!("{text}{user}")) });
                assert_eq!(format!("{with:?}"), format!("{without:?}"), "{}.{}", section.path, key.name);
            }
        }
    }
}

/// The example with every key uncommented.
fn uncommented_example() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with([' ', '\0']) && !key.is_empty() => format!("{key}\n"),
        _ => format!("{line}\n"),
    };
    example().lines().map(line).collect()
}

#[test]
fn the_example_is_valid_unchanged_and_with_every_key_uncommented() {
    assert!(sound(&example()).accounts.is_empty());
    let uncommented = uncommented_example();
    let config = sound(&uncommented);
    assert_eq!(config.default_account.as_deref(), Some("work"));
    for section in SECTIONS.iter().filter(|section| section.form != SectionForm::Inline) {
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
        "docs/config.md does not match the schema; regenerate it: RINGBACK_REGENERATE=1 cargo test --lib config"
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
fn a_section_named_like_a_preset_is_based_on_it() {
    let config = sound(&format!("[providers.phonecom]\npkce = \"off\"\n{}", with_account("client_secret = \"s\"")));
    let dialect = &config.accounts["work"].dialect;
    assert_eq!((dialect.pkce, dialect.body, dialect.label.as_str()), (Pkce::Off, BodyEncoding::Json, "Phone.com"));
}

#[test]
fn paths_scopes_and_extra_parameters_work_as_documented() {
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
fn a_redirect_uri_is_written_like_the_browsers_request_also_on_port_80() {
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
fn the_description_shows_notification_keys_that_differ_from_the_default() {
    let lines = ["notify = \"off\"", "remind_after = \"7days\"", "open_login = true"];
    let with = |more: &str| describe(&sound(&with_account(&format!("client_secret = \"s\"\n{more}"))));
    let described = with(&lines.join("\n"));
    assert!(lines.iter().all(|line| described.contains(line)), "{described}");
    let usual = with("");
    assert!(!["notify", "remind_after", "open_login"].iter().any(|key| usual.contains(key)), "{usual}");
}

#[test]
fn secrets_appear_nowhere() {
    let text = with_account("client_secret = \"canary\"");
    let config = sound(&text);
    let described = describe(&config);
    assert!(described.contains("redirect_uri = \"http://127.0.0.1:7464/callback/phonecom\""), "{described}");
    assert!(described.contains("client_secret = \"[hidden]\"  # from the config file"), "{described}");
    assert!(DeTable::parse(&described).is_ok(), "{described}");
    let command = describe(&sound(&with_account("client_secret_command = [\"echo\", \"canary\"]")));
    assert!(command.contains("from the program `echo` with 1 arguments"), "{command}");
    let id = text.replace("client_id = ", "client_id_command = [\"echo\", \"canary-id\"] #");
    let id = describe(&sound(&id));
    assert!(id.contains("client_id_command = [\"[hidden]\"]  # the program `echo` with 1 arguments"), "{id}");
    assert!(!format!("{config:?}{config:#?}{described}{command}{id}").contains("canary"));
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
    fn parse_never_panics_on_a_nearly_valid_file(
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
