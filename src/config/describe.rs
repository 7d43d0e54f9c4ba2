//! The effective config for people: what `ringback config check --show` prints.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use toml::Value;
use url::Url;

use super::account::comes_back;
use super::reader::segment;
use super::{AccountConfig, Attention, Config, SocketChoice, default_redirect_uri, words};
use crate::oauth::dialect::{AssertionAudience, Dialect, IssPolicy, Proxy, RateLimit, Revoke};
use crate::oauth::exchange::{Target, User};
use crate::secret::source::{KeySource, SecretSource};

/// The config as it works, presets and defaults filled in, in the form of the file. Secrets are
/// `[hidden]`, with a comment that says where they come from. What is not set is not shown.
pub fn describe(config: &Config) -> String {
    let mut page = TomlPage::default();
    page.set("default_account", config.default_account.as_deref());
    page.section("listen");
    page.set("tcp", Some(list(config.listen.tcp.iter().map(ToString::to_string))));
    page.set(
        "socket",
        Some(match &config.listen.socket {
            SocketChoice::Default => Value::Boolean(true),
            SocketChoice::Off => Value::Boolean(false),
            SocketChoice::At(path) => Value::String(path.display().to_string()),
        }),
    );
    page.set("other_users", Some(config.listen.other_users));
    page.set("max_connections", i64::try_from(config.listen.max_connections).ok());
    page.section("store");
    page.set("folder", config.store.folder.as_ref().map(|folder| folder.display().to_string()));
    key(&mut page, &config.store.key);
    page.set("lock_on_suspend", Some(config.store.lock_on_suspend));
    page.set("lock_after_idle", config.store.lock_after_idle.map(length));
    page.section("serve");
    page.set("min_ttl", Some(length(config.serve.min_ttl)));
    page.set("wait", Some(length(config.serve.wait)));
    page.set("login_timeout", Some(length(config.serve.login_timeout)));
    page.section("audit");
    page.set("enabled", Some(config.audit.is_some()));
    page.set("max_mib", config.audit.and_then(|audit| i64::try_from(audit.max_mib).ok()));
    page.set("keep", config.audit.and_then(|audit| i64::try_from(audit.keep).ok()));
    for account in config.accounts.values() {
        self::account(&mut page, account, config.listen.tcp.first().copied());
    }
    page.text
}

/// A provider as it works, in the form of `[providers.NAME]`.
pub fn describe_provider(dialect: &Dialect) -> String {
    let mut page = TomlPage::default();
    self::dialect(&mut page, dialect);
    page.text
}

/// Text in the form of TOML.
#[derive(Default)]
struct TomlPage {
    text: String,
}

impl TomlPage {
    fn section(&mut self, path: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}[{path}]"));
    }

    fn set(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.line(format_args!("{key} = {}", value.into()));
        }
    }

    /// Where a secret comes from, and nothing of it.
    fn secret(&mut self, key: &str, source: Option<&SecretSource>) {
        if let Some(source) = source {
            self.line(format_args!("{key} = \"[hidden]\"  # from {}", origin(source)));
        }
    }

    fn line(&mut self, line: impl Display) {
        // A `String` takes everything.
        let _ = writeln!(self.text, "{line}");
    }
}

fn key(page: &mut TomlPage, source: &KeySource) {
    let (word, name) = match source {
        KeySource::Auto => ("auto", None),
        KeySource::File => ("file", None),
        KeySource::Keyring => ("keyring", None),
        KeySource::Credential(name) => ("credential", Some(name.as_str())),
        KeySource::Command(_) => ("command", None),
        KeySource::Passphrase => ("passphrase", None),
    };
    page.set("key", Some(word));
    page.set("key_credential", name);
    if let KeySource::Command(argv) = source {
        page.line(format_args!("key_command = [\"[hidden]\"]  # {}", program(argv)));
    }
}

fn account(page: &mut TomlPage, account: &AccountConfig, listener: Option<SocketAddr>) {
    let path = format!("accounts.{}", segment(&account.name));
    page.section(&path);
    page.set("provider", Some(account.dialect.provider.as_str()));
    page.set("grant", Some(words::word(words::GRANT, account.grant)));
    page.set("client_id", Some(account.client_id.as_str()));
    page.secret("client_secret", account.client_secret.as_ref());
    if let Some(key) = &account.client_key {
        page.set("client_key_file", Some(key.path.display().to_string()));
        page.set("client_key_id", key.id.as_deref());
    }
    if let Some(user) = &account.user {
        match &user.user {
            User::Name(name) => page.set("username", Some(name.as_str())),
            User::PhoneNumber(number) => page.set("phonenumber", Some(number.as_str())),
        }
        page.secret("password", user.password.as_ref());
    }
    let Target { scope, resource, audience } = &account.target;
    page.set("scope", Some(list(scope.iter().cloned())));
    page.set("resource", (!resource.is_empty()).then(|| list(resource.iter().cloned())));
    page.set("audience", audience.as_deref());
    if account.asks_consent {
        page.set("consent", Some("ask"));
    }
    let (attention, usual) = (account.attention, Attention::default());
    page.set("notify", (!attention.desktop).then_some("off"));
    page.set("remind_after", (attention.remind_after != usual.remind_after).then(|| length(attention.remind_after)));
    page.set("open_login", attention.opens_login.then_some(true));
    if let Some(argv) = &account.hook {
        page.line(format_args!("hook = [\"[hidden]\"]  # {}", program(argv)));
    }
    if comes_back(account.grant) {
        // The one to register, also where it is the default. Port 0 is known once the daemon listens.
        let usual = listener.filter(|address| address.port() != 0);
        let usual = usual.map(|address| default_redirect_uri(address, &account.dialect.provider));
        page.set("redirect_uri", account.redirect_uri.clone().or(usual));
    }
    // Not the file's form: there, a provider can serve several accounts, each with its own additions.
    page.line(format_args!("\n# [providers.{}], as `{}` uses it", segment(&account.dialect.provider), account.name));
    for line in describe_provider(&account.dialect).lines() {
        page.line(format_args!("# {line}"));
    }
}

fn dialect(page: &mut TomlPage, dialect: &Dialect) {
    page.set("label", Some(dialect.label.as_str()));
    page.set("discover", dialect.discover.then_some(true));
    let endpoints = &dialect.endpoints;
    for (key, url) in [
        ("authorize_url", &endpoints.authorize),
        ("token_url", &endpoints.token),
        ("refresh_url", &endpoints.refresh),
        ("introspect_url", &endpoints.introspect),
        ("device_url", &endpoints.device),
        ("par_url", &endpoints.par),
        ("details_url", &endpoints.details),
        ("details_fallback_url", &endpoints.details_fallback),
    ] {
        page.set(key, url.as_ref().map(Url::as_str));
    }
    let (revoke, url) = match &dialect.revoke {
        // Metadata may tell of a way.
        Revoke::Unsaid => ((!dialect.discover).then_some("none"), None),
        Revoke::None => (Some("none"), None),
        Revoke::DeleteBearer(url) => (Some("delete-bearer"), Some(url.as_str())),
        Revoke::Rfc7009(url) => (Some("rfc7009"), Some(url.as_str())),
    };
    page.set("revoke", revoke);
    page.set("revoke_url", url);
    page.set("client_auth", Some(words::word(words::CLIENT_AUTH, dialect.client_auth)));
    // By default it follows `issuer`, which is shown.
    if dialect.assertion_audience != AssertionAudience::IssuerIfKnown {
        page.set("assertion_audience", Some(words::word(words::ASSERTION_AUDIENCE, dialect.assertion_audience)));
    }
    page.set("body", Some(words::word(words::BODY, dialect.body)));
    page.set("pkce", Some(words::word(words::PKCE, dialect.pkce)));
    page.set("par", Some(words::word(words::PAR, dialect.par)));
    page.set("scope_separator", Some(dialect.scope_separator.as_str()));
    page.set("extra_authorize", texts(&dialect.extra_authorize));
    page.set("extra_token", texts(&dialect.extra_token));
    page.set("extra_refresh", texts(&dialect.extra_refresh));
    page.set("response_paths", texts(&dialect.response_paths));
    page.set("expires_in_unit", Some(words::word(words::UNIT, dialect.expires_in_unit)));
    page.set("token_type", Some(words::word(words::TOKEN_TYPE, dialect.token_type)));
    page.set("narrow", Some(words::word(words::NARROW, dialect.narrow)));
    page.set("rate_limit_endpoint", dialect.rate_limit_endpoint.map(rate));
    page.set("rate_limit", dialect.rate_limit.map(rate));
    page.set("issuer", dialect.issuer.as_deref());
    let iss_required = match dialect.iss {
        IssPolicy::Required => Some(true),
        IssPolicy::Optional => Some(false),
        // Metadata may ask for it.
        IssPolicy::AsMetadataSays => (!dialect.discover).then_some(false),
    };
    page.set("iss_required", iss_required);
    page.set("nonce", Some(words::word(words::NONCE, dialect.nonce)));
    page.set("default_lifetime", dialect.default_lifetime.map(length));
    page.set("max_age_unknown", Some(length(dialect.max_age_unknown)));
    page.set("rotation", Some(words::word(words::ROTATION, dialect.rotation)));
    page.set("replay_window", Some(length(dialect.replay_window)));
    page.set("roots", Some(words::word(words::ROOTS, dialect.reach.roots)));
    page.set("ca_file", dialect.reach.ca_file.as_ref().map(|path| path.display().to_string()));
    page.set(
        "proxy",
        Some(match &dialect.reach.proxy {
            Proxy::None => "none",
            Proxy::Environment => "environment",
            Proxy::At(url) => url.as_str(),
        }),
    );
}

fn rate(limit: RateLimit) -> String {
    format!("{}/{}", limit.most, length(limit.per))
}

/// Where a secret comes from, in words. Of a command only the program is told: an argument may be a
/// secret.
fn origin(source: &SecretSource) -> String {
    match source {
        SecretSource::Inline(_) => "the config file".to_owned(),
        SecretSource::File(path) => format!("the file {}", path.display()),
        SecretSource::Command(argv) => program(argv),
        SecretSource::Credential(name) => format!("the systemd credential {name}"),
        SecretSource::Keyring { service, user } => format!("the keyring, service `{service}`, username `{user}`"),
    }
}

fn program(argv: &[String]) -> String {
    match argv.split_first() {
        Some((program, arguments)) => format!("the program `{program}` with {} arguments", arguments.len()),
        None => "no program".to_owned(),
    }
}

fn length(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn list(items: impl Iterator<Item = String>) -> Value {
    Value::Array(items.map(Value::String).collect())
}

fn texts(texts: &BTreeMap<String, String>) -> Option<Value> {
    let table = texts.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect();
    (!texts.is_empty()).then_some(Value::Table(table))
}
