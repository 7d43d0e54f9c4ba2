//! The effective config for people: what `ringback config check --show` prints.

use std::fmt::{Display, Write as _};
use std::net::SocketAddr;

use toml::Value;

use super::dotted::segment;
use super::effective::{AccountConfig, Config};
use super::kind::{ShownKey, ShownValue};
use super::kinds::program;
use super::provider::endpoints_shown;
use super::redirect::comes_back;
use super::schema::{Fallback, Section};
use super::sections::accounts::ACCOUNT;
use super::sections::daemon::{AUDIT, LISTEN, SERVE, STORE};
use super::sections::providers::{PROVIDER, ProviderKeys};
use super::words::RevokeBy;
use crate::oauth::dialect::{Dialect, IssPolicy, Revoke};
use crate::secret::source::SecretSource;

/// The effective config, presets and defaults filled in, in the form of the file. Secrets are `[hidden]`, with a
/// comment that says where they come from. Keys without a value are not shown.
pub fn describe(config: &Config) -> String {
    let mut page = TomlPage::default();
    if let Some(account) = &config.default_account {
        page.line(format_args!("default_account = {}", Value::from(account.as_str())));
    }
    let mut audit = config.audit.shown();
    audit.retain(|(key, _)| config.audit.enabled || *key == "enabled");
    for (section, keys) in [
        (&LISTEN, config.listen.shown()),
        (&STORE, config.store.shown()),
        (&SERVE, config.serve.shown()),
        (&AUDIT, audit),
    ] {
        page.header(section.path);
        page.keys(section, keys);
    }
    for account in config.accounts.values() {
        page.account(account, config.listen.tcp.first().copied());
    }
    page.text
}

/// An effective provider, in the form of `[providers.NAME]`.
pub fn describe_provider(dialect: &Dialect) -> String {
    let mut page = TomlPage::default();
    let mut keys = ProviderKeys::of(dialect);
    keys.label = Some(dialect.label.clone());
    keys.revoke = match &dialect.revoke {
        // Metadata may name an endpoint for it.
        Revoke::Unsaid => (!dialect.discover).then_some(RevokeBy::Nothing),
        Revoke::None => Some(RevokeBy::Nothing),
        Revoke::DeleteBearer(_) => Some(RevokeBy::DeleteBearer),
        Revoke::Rfc7009(_) => Some(RevokeBy::Rfc7009),
    };
    if dialect.iss == IssPolicy::AsMetadataSays && !dialect.discover {
        // Without metadata, nothing can require it.
        keys.iss_required = Some(IssPolicy::Optional);
    }
    let mut urls = endpoints_shown(&dialect.endpoints);
    if let Revoke::DeleteBearer(url) | Revoke::Rfc7009(url) = &dialect.revoke {
        urls.push(("revoke_url", url.as_str().into()));
    }
    urls.extend(dialect.issuer.as_deref().map(|issuer| ("issuer", issuer.into())));
    let mut shown = keys.shown();
    for (key, url) in urls {
        set(&mut shown, key, Some(url.into()));
    }
    // The method first, then its URL.
    move_behind(&mut shown, "revoke_url", "revoke");
    move_behind(&mut shown, "par", "pkce");
    page.keys(&PROVIDER, shown);
    page.text
}

/// Text in the form of TOML.
#[derive(Default)]
struct TomlPage {
    text: String,
}

impl TomlPage {
    fn header(&mut self, path: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}[{path}]"));
    }

    /// The keys of a section that have a value, without quiet ones that have their default.
    fn keys(&mut self, section: &Section, keys: Vec<ShownKey>) {
        for (name, shown) in keys {
            if let Some(shown) = shown.filter(|shown| !goes_without_saying(section, name, &shown.value)) {
                self.line(format_args!("{name} = {shown}"));
            }
        }
    }

    fn account(&mut self, account: &AccountConfig, listener: Option<SocketAddr>) {
        let mut keys = account.keys.shown();
        for (name, source) in [
            ("client_secret", account.client_secret.as_ref()),
            ("password", account.user.as_ref().and_then(|user| user.password.as_ref())),
        ] {
            let sources = format!("{name}_");
            keys.retain(|(key, _)| !key.starts_with(&sources));
            let hidden = source.map(|source| ShownValue { value: "[hidden]".into(), comment: Some(from(source)) });
            match name {
                "password" => {
                    keys.push((name, hidden));
                    move_behind(&mut keys, name, "phonenumber");
                }
                _ => set(&mut keys, name, hidden),
            }
        }
        // They are shown with the provider.
        keys.retain(|(key, _)| !["variables", "extra_authorize"].contains(key));
        if comes_back(account.grant) {
            set(&mut keys, "redirect_uri", account.redirect_uri_at(listener).map(Into::into));
        }
        self.header(&format!("accounts.{}", segment(&account.name)));
        self.keys(&ACCOUNT, keys);
        // Not in the form of the file: there, a provider can serve several accounts, each with its own additions.
        let provider = &account.dialect.provider;
        self.line(format_args!("\n# [providers.{}], as used by `{}`", segment(provider), account.name));
        for line in describe_provider(&account.dialect).lines() {
            self.line(format_args!("# {line}"));
        }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a `String` can't fail.
        let _ = writeln!(self.text, "{line}");
    }
}

impl Display for ShownValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.value.fmt(f)?;
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, "  # {comment}"))
    }
}

/// Whether it is an empty table, or a quiet key's default.
fn goes_without_saying(section: &Section, name: &str, value: &Value) -> bool {
    let quiet = section.key(name).filter(|key| key.quiet);
    let usual = quiet.and_then(|key| if let Fallback::Value(usual) = key.fallback { Some(usual()) } else { None });
    value.as_table().is_some_and(toml::Table::is_empty) || usual.as_ref() == Some(value)
}

fn set(keys: &mut [ShownKey], name: &str, value: Option<ShownValue>) {
    if let Some((_, place)) = keys.iter_mut().find(|(key, _)| *key == name) {
        *place = value;
    }
}

fn move_behind(keys: &mut Vec<ShownKey>, moved: &str, other: &str) {
    let place = |keys: &[ShownKey], name: &str| keys.iter().position(|(key, _)| *key == name);
    if let Some(key) = place(keys, moved).map(|at| keys.remove(at)) {
        let at = place(keys, other).map_or(keys.len(), |at| at + 1);
        keys.insert(at, key);
    }
}

/// Where a secret comes from, in words. Only the program of a command is shown: an argument may be a secret.
fn from(source: &SecretSource) -> String {
    let origin = match source {
        SecretSource::Inline(_) => "the config file".to_owned(),
        SecretSource::File(path) => format!("the file {}", path.display()),
        SecretSource::Command(argv) => program(argv),
        SecretSource::Credential(name) => format!("the systemd credential {name}"),
        SecretSource::Keyring { service, user } => format!("the keyring, service `{service}`, username `{user}`"),
    };
    format!("from {origin}")
}
