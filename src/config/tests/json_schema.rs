//! The JSON Schema against the parser, with a third-party validator.

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use super::{uncommented_example, with_account, with_key};
use crate::config::schema::ValueKind;
use crate::config::sections::SECTIONS;
use crate::config::{FilePrivacy, json_schema, parse};
use crate::oauth::preset::PRESETS;

struct Validator(Schemas, SchemaIndex);

impl Validator {
    /// Compiling also checks that it is a valid JSON Schema of draft 2020-12.
    fn new() -> Self {
        let schema: Value = serde_json::from_str(&json_schema()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("file:///config.schema.json", schema).unwrap();
        let index = compiler.compile("file:///config.schema.json", &mut schemas).unwrap();
        Self(schemas, index)
    }

    fn check(&self, config: &str) -> Result<(), String> {
        let table: toml::Table = config.parse().unwrap_or_else(|error| panic!("{error}\n{config}"));
        let config = serde_json::to_value(table).unwrap();
        self.0.validate(&config, self.1).map_err(|error| format!("{error}"))
    }

    fn accepts(&self, config: &str) {
        self.check(config).unwrap_or_else(|error| panic!("{error}\n---\n{config}"));
    }
}

fn is_valid(config: &str) -> bool {
    parse(config, Path::new("/etc/rb/config.toml"), FilePrivacy::Private, Some(Path::new("/home/u"))).is_ok()
}

#[test]
fn the_schema_accepts_every_key_with_its_example_and_keywords() {
    let validator = Validator::new();
    for section in SECTIONS {
        for key in section.keys {
            validator.accepts(&with_key(section.path, key.name, key.example));
            if let ValueKind::Choice(words) = key.kind {
                for word in words() {
                    validator.accepts(&with_key(section.path, key.name, &format!("\"{word}\"")));
                }
            }
        }
    }
    validator.accepts("");
    validator.accepts(&uncommented_example());
    for preset in &PRESETS {
        let provider: toml::Table = preset.text.parse().unwrap();
        let providers = toml::Table::from_iter([("p".to_owned(), provider.into())]);
        validator.accepts(&toml::Table::from_iter([("providers".to_owned(), providers.into())]).to_string());
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "reads pages of the repository")]
fn the_schema_accepts_every_config_of_the_docs() {
    let (validator, root) = (Validator::new(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut pages = vec![root.join("README.md")];
    pages.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut count = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(page).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|block| block.split("```").next()) {
            if is_valid(block) {
                validator.accepts(block);
                count += 1;
            }
        }
    }
    assert!(count >= 5, "too few configs found in the docs: {count}");
}

#[test]
fn the_schema_accepts_unusual_notations() {
    let validator = Validator::new();
    for (path, name, value) in [
        ("serve", "wait", "0"),
        ("serve", "wait", "\"0s\""),
        ("serve", "wait", "\"1min 2.5s\""),
        ("serve", "login_timeout", "\"90 seconds\""),
        ("listen", "tcp", "[]"),
        ("listen", "tcp", "[\"127.0.0.2:0\"]"),
        ("listen", "socket", "\"~/s\""),
        ("accounts.NAME", "scope", "\"a b\""),
        ("accounts.NAME", "redirect_uri", "\"http://[::1]/cb\""),
        ("accounts.NAME", "resource", "[\"urn:a:b\"]"),
        ("providers.NAME", "device_url", "\"http://127.0.0.1:8/d\""),
        ("providers.NAME", "device_url", "\"http://localhost/d\""),
        ("providers.NAME", "device_url", "\"{token_url}/d\""),
        ("providers.NAME", "rate_limit", "\"1/1m 30s\""),
        ("providers.NAME", "proxy", "\"http://proxy.example:3128\""),
    ] {
        let config = with_key(path, name, value);
        assert!(is_valid(&config), "{config}");
        validator.accepts(&config);
    }
}

#[test]
fn the_schema_refuses_typical_mistakes() {
    let validator = Validator::new();
    let account = with_account("client_secret = \"s\"\n");
    for mistake in [
        "defalt_account = \"a\"\n".to_owned(),
        "accounts = 1\n".to_owned(),
        "[serv]\n".to_owned(),
        "[serve]\nwiat = \"5s\"\n".to_owned(),
        "[serve]\nwait = \"soon\"\n".to_owned(),
        "[serve]\nwait = \"5\"\n".to_owned(),
        "[serve]\nwait = -1\n".to_owned(),
        "[serve]\nwait = 1.5\n".to_owned(),
        "[listen]\ntcp = \"127.0.0.1:7464\"\n".to_owned(),
        "[listen]\ntcp = [\"0.0.0.0:7464\"]\n".to_owned(),
        "[listen]\ntcp = [\"127.0.0.1\"]\n".to_owned(),
        "[listen]\nmax_connections = 0\n".to_owned(),
        "[listen]\nsocket = 1\n".to_owned(),
        "[store]\nkey = \"keyrnig\"\n".to_owned(),
        "[store]\nlock_on_suspend = \"yes\"\n".to_owned(),
        "[store]\nkey = \"command\"\nkey_command = \"pass show key\"\n".to_owned(),
        "[audit]\nkeep = \"4\"\n".to_owned(),
        "[accounts.work]\nprovider = \"phonecom\"\n".to_owned(),
        "[accounts.work]\nclient_id = \"i\"\n".to_owned(),
        with_account("client_secret = \"s\"\nclient_id_command = [\"p\"]\n"),
        account.replace("work", "Work"),
        account.replace("work", "default"),
        account.replace("client_secret", "clientsecret"),
        format!("{account}grant = \"code\"\n"),
        format!("{account}scope = [1]\n"),
        format!("{account}redirect_uri = \"ftp://127.0.0.1/cb\"\n"),
        format!("{account}redirect_uri = \"http://example.com/cb\"\n"),
        format!("{account}redirect_uri = \"http://localhost\"\n"),
        format!("{account}hook = \"notify-send\"\n"),
        format!("{account}extra_authorize = \"prompt=consent\"\n"),
        with_account("client_secret_keyring = { service = \"a\", username = \"b\" }\n"),
        with_account("client_secret_credential = \"a/b\"\n"),
        "[providers.p]\ntoken_url = \"http://id.example.com/token\"\n".to_owned(),
        "[providers.p]\ntoken_url = \"id.example.com/token\"\n".to_owned(),
        "[providers.p]\npkce = true\n".to_owned(),
        "[providers.p]\nrate_limit = \"30 per minute\"\n".to_owned(),
        "[providers.p]\nresponse_paths = { acces_token = \"a\" }\n".to_owned(),
        "[providers.p]\npreset = \"Google\"\n".to_owned(),
    ] {
        assert!(!is_valid(&mistake), "the parser accepts it:\n{mistake}");
        assert!(validator.check(&mistake).is_err(), "the schema accepts it:\n{mistake}");
    }
}
