//! Accounts: the keys of `[accounts.NAME]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use toml::de::DeValue;

use super::problem::{Problem, nearest};
use super::reader::Reader;
use super::redirect::{Arrival, default_redirect_uri, redirect_uri};
use super::value::{Base, command, credential, path, scopes, text, texts};
use super::{AccountConfig, FilePrivacy, SecretSource, provider};
use crate::oauth::dialect::{ClientAuth, Dialect};
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;
use crate::oauth::preset;
use crate::secret::ClientSecret;

/// The providers of the file, by name; `None`: reported as wrong.
pub(super) type Providers = BTreeMap<String, Option<Arc<Dialect>>>;

/// What an account is read with.
pub(super) struct Context<'a> {
    pub(super) base: Base<'a>,
    pub(super) privacy: FilePrivacy,
    pub(super) providers: Providers,
    /// The TCP listeners; `None`: reported as wrong.
    pub(super) tcp: Option<Vec<SocketAddr>>,
}

/// The account `name`. `None`: something is wrong with it, and was reported.
pub(super) fn account(name: &str, section: &Reader<'_>, context: &Context<'_>) -> Option<AccountConfig> {
    let provider = section.require("provider", text).and_then(|provider| dialect(&provider, section, context));
    let client_id = section.require("client_id", client_id);
    let client_secret = client_secret(section, context, provider.as_ref().map(|dialect| dialect.client_auth));
    let scope = section.read("scope", scopes).unwrap_or_default();
    let redirect_uri = literal_redirect_uri(section, context.tcp.as_deref());
    let extra = section.read("extra_authorize", |v| texts(v, &provider::RESERVED_AUTHORIZE)).unwrap_or_default();
    let mut dialect = provider?;
    if !extra.is_empty() {
        if let Some(url) = &dialect.endpoints.authorize {
            provider::refuse_repeated(url, &extra, section);
        }
        Arc::make_mut(&mut dialect).extra_authorize.extend(extra);
    }
    Some(AccountConfig {
        name: name.to_owned(),
        dialect,
        client_id: client_id?,
        client_secret,
        client_key: None,
        grant: GrantType::AuthorizationCode,
        user: None,
        target: Target { scope, ..Target::default() },
        redirect_uri,
        hook: None,
    })
}

/// The redirect URI that the account gives, if it can arrive. `tcp` is `None` where the listeners are
/// wrong already.
fn literal_redirect_uri(section: &Reader<'_>, tcp: Option<&[SocketAddr]>) -> Option<String> {
    let listeners = tcp.unwrap_or_default();
    if tcp.is_some_and(<[_]>::is_empty) && section.field("redirect_uri").is_none() {
        let problem = Problem::new("is missing, and `listen.tcp` is empty, so that none can be made");
        section.refuse("redirect_uri", problem.expected("one of the two"));
    }
    let literal = section.read("redirect_uri", redirect_uri)?;
    if Arrival::of(&literal).is_some_and(|arrival| arrival.is_taken(listeners)) {
        let problem = Problem::new("has a path where the daemon serves something else");
        section.refuse("redirect_uri", problem.expected("another path, such as `/callback/NAME`"));
    }
    Some(literal)
}

/// The provider of this name: one of the file, else a preset.
fn dialect(name: &str, section: &Reader<'_>, context: &Context<'_>) -> Option<Arc<Dialect>> {
    if let Some(found) = context.providers.get(name) {
        return found.clone();
    }
    if let Some(dialect) = provider::built_in(name, section) {
        return Some(Arc::new(dialect));
    }
    if name == preset::GENERIC {
        let problem = Problem::new("is `generic`, which has no URLs");
        section.refuse("provider", problem.expected("a `[providers.NAME]` with `preset = \"generic\"` and the URLs"));
        return None;
    }
    let presets = preset::PRESETS.iter().map(|preset| preset.name).filter(|name| *name != preset::GENERIC);
    let names: Vec<&str> = context.providers.keys().map(String::as_str).chain(presets).collect();
    let shown = name.escape_debug();
    let problem = Problem::new(format!("is `{shown}`, and there is no such provider"))
        .expected("the name of a `[providers.NAME]` or of a preset")
        .nearest(nearest(name, names));
    section.refuse("provider", problem);
    None
}

/// A client id has printable ASCII only (RFC 6749 appendix A.1).
fn client_id(value: &DeValue<'_>) -> Result<String, Problem> {
    let id = text(value)?;
    let printable = id.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    if printable { Ok(id) } else { Err(Problem::new("has characters other than printable ASCII")) }
}

/// The one source of the client secret; none for a public client. `auth` is `None` where the provider is
/// wrong already.
fn client_secret(section: &Reader<'_>, context: &Context<'_>, auth: Option<ClientAuth>) -> Option<SecretSource> {
    let base = &context.base;
    let sources = [
        ("client_secret_file", section.read("client_secret_file", |v| path(v, base)).map(SecretSource::File)),
        (
            "client_secret_command",
            section.read("client_secret_command", |v| command(v, base)).map(SecretSource::Command),
        ),
        (
            "client_secret_credential",
            section.read("client_secret_credential", credential).map(SecretSource::Credential),
        ),
        ("client_secret_keyring", keyring_item(section)),
        ("client_secret", inline(section, context.privacy)),
    ];
    let given: Vec<&'static str> =
        sources.iter().map(|(name, _)| *name).filter(|name| section.field(name).is_some()).collect();
    match (auth, given.as_slice()) {
        (Some(ClientAuth::None), [first, ..]) => {
            let problem = Problem::new("is given, and the provider has `client_auth = \"none\"`");
            section.refuse(first, problem.expected("no client secret for a public client"));
        }
        (Some(ClientAuth::Basic | ClientAuth::Post), []) => {
            let problem = Problem::new("is missing, and so is every other source of the client secret");
            let expected = "one of `client_secret_file`, `client_secret_command`, `client_secret_credential`, \
                            `client_secret_keyring`, `client_secret`";
            section.refuse("client_secret_file", problem.expected(expected));
        }
        (_, [first, more @ ..]) => {
            for second in more {
                let problem = Problem::new(format!("stands beside `{first}`"));
                section.refuse(second, problem.expected("one source of the client secret"));
            }
        }
        (_, []) => {}
    }
    sources.into_iter().find_map(|(_, source)| source)
}

fn keyring_item(section: &Reader<'_>) -> Option<SecretSource> {
    section.field("client_secret_keyring")?;
    let item = section.child("client_secret_keyring")?;
    let (service, user) = (item.require("service", text), item.require("user", text));
    Some(SecretSource::Keyring { service: service?, user: user? })
}

/// The secret in the config file itself, if nobody else can have read it.
fn inline(section: &Reader<'_>, privacy: FilePrivacy) -> Option<SecretSource> {
    let secret = section.read("client_secret", |value| text(value).map(ClientSecret::new))?;
    let exposed = match privacy {
        FilePrivacy::Private => return Some(SecretSource::Inline(secret)),
        FilePrivacy::Exposed { mode } => format!("stands in a file that others can read (mode {mode:04o})"),
        FilePrivacy::Foreign { uid } => format!("stands in a file of another user (uid {uid})"),
    };
    let expected = "a file of yours with mode 0600 (`chmod 600`), or `client_secret_file`";
    section.refuse("client_secret", Problem::new(exposed).expected(expected));
    None
}

/// Reports accounts of different providers whose redirects arrive at the same place: one provider could
/// then answer in the other's name (RFC 8252 §8.10, RFC 9700 §4.4).
pub(super) fn refuse_shared_redirects(accounts: &[(AccountConfig, &Reader<'_>)], tcp: Option<&SocketAddr>) {
    let mut seen: BTreeMap<Arrival, &AccountConfig> = BTreeMap::new();
    for (account, section) in accounts {
        let provider = account.dialect.provider.as_str();
        let made = || tcp.map(|listener| default_redirect_uri(*listener, provider));
        let Some(arrival) = account.redirect_uri.clone().or_else(made).as_deref().and_then(Arrival::of) else {
            continue;
        };
        let first = seen.entry(arrival).or_insert(account);
        if first.dialect.provider != provider {
            let problem = Problem::new(format!(
                "has the port and path of account `{}`, whose provider is another (`{}`)",
                first.name, first.dialect.provider
            ));
            section.refuse("redirect_uri", problem.expected("a redirect URI of its own for each provider"));
        }
    }
}
