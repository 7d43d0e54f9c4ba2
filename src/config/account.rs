//! Accounts: the keys of `[accounts.NAME]`.

mod bound;
mod client_id;
mod files;
mod proxied;
mod redirects;
mod secrets;
mod shared;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use self::bound::check_bound;
use self::client_id::client_id;
use self::files::check_files;
pub(super) use self::files::refuse_shared_files;
use self::proxied::proxied;
use self::redirects::literal_redirect_uri;
pub(super) use self::redirects::refuse_shared_redirects;
pub(crate) use self::secrets::CLIENT_SECRET_KEYS;
use self::secrets::{client_key, client_secret, password_user};
pub(super) use self::shared::SharedSettings;
use super::catalog::Catalog;
use super::effective::{AccountConfig, AccountSettings};
use super::input::FilePrivacy;
use super::problem::{Problem, nearest};
use super::provider::{ProviderConfig, refuse_repeated};
use super::reader::SectionReader;
use super::sections::accounts::AccountKeys;
use super::{foreseen, response_mode, words};
use crate::oauth::dialect::{BodyEncoding, ClientAuth, Dialect};
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;

/// The context in which accounts are read.
pub(super) struct Context<'a> {
    pub(super) privacy: FilePrivacy,
    pub(super) catalog: &'a Catalog<'a>,
    /// The TCP listeners; `None` if they were reported as wrong.
    pub(super) tcp: Option<Vec<SocketAddr>>,
}

/// Why there is no account.
pub(super) enum NoAccount {
    /// Mistakes of its own, which were reported.
    Mistaken,
    /// Its provider can't be used because of this mistake.
    NoProvider(String),
}

/// The account `name`. It may still have mistakes, which were reported.
pub(super) fn account(
    name: &str,
    section: &SectionReader<'_>,
    context: &Context<'_>,
) -> Result<AccountConfig, NoAccount> {
    let mut keys = AccountKeys::read(Some(section));
    let grant = keys.grant;
    let provider = keys.provider.as_deref().map(|provider| find(provider, section, context.catalog));
    let dialect = match &provider {
        Some(Ok(provider)) => provider.with(keys.variables.clone(), section),
        _ => None,
    };
    let auth = dialect.as_ref().map(|dialect| dialect.client_auth);
    let client_secret = client_secret(&mut keys, section, context.privacy, auth);
    let client_id = client_id(&keys, section);
    let client_key = client_key(&keys, section, auth);
    let user = password_user(&keys, section);
    let target = Target { scope: keys.scope.clone(), resource: keys.resource.clone(), audience: keys.audience.clone() };
    check_files(&keys, section);
    check_bound(&keys, section);
    let redirect_uri = literal_redirect_uri(&keys, section, context.tcp.as_deref());
    let dialect = dialect.map(|dialect| with_extra(dialect, grant, &keys.extra_authorize, section));
    if let Some(dialect) = dialect.as_ref().filter(|_| !section.is_mistaken("grant")) {
        check(grant, dialect, section);
    }
    let separator = dialect.as_ref().map(|dialect| dialect.scope_separator.as_str());
    foreseen::warn_of_slips(keys.client_id.as_deref(), &target.scope, separator, section);
    if let Some(Err(no_account)) = provider {
        return Err(no_account);
    }
    let (Some(dialect), Some(client_id)) = (dialect, client_id) else {
        return Err(NoAccount::Mistaken);
    };
    if !["grant", "scope", "extra_authorize"].iter().any(|key| section.is_mistaken(key)) {
        foreseen::warn_of_lacks(grant, &target, &dialect, section);
    }
    let proxied = proxied(keys.proxy.as_ref(), &dialect, section);
    let settings = Arc::new(AccountSettings {
        dialect,
        client_id,
        client_secret,
        client_key,
        grant,
        user,
        target,
        keys,
        proxied,
        redirect_uri,
    });
    Ok(AccountConfig { name: name.into(), settings })
}

/// The provider with the account's own parameters.
fn with_extra(
    mut dialect: Arc<Dialect>,
    grant: GrantType,
    extra: &BTreeMap<String, String>,
    section: &SectionReader<'_>,
) -> Arc<Dialect> {
    if !extra.is_empty() {
        if let Some(url) = &dialect.endpoints.authorize {
            refuse_repeated(url, extra, section);
        }
        Arc::make_mut(&mut dialect).extra_authorize.extend(extra.clone());
    }
    match response_mode::unfit(&dialect, grant).filter(|_| !section.is_mistaken("grant")) {
        Some(problem) if response_mode::is_in(extra) => section.refuse("extra_authorize", problem),
        Some(problem) => {
            let what = format!("is `{}`, which {}", dialect.provider, problem.what);
            section.refuse("provider", Problem { what, ..problem });
        }
        None => {}
    }
    dialect
}

/// Reports where grant and provider do not match, and warns of settings that work but are discouraged.
fn check(grant: GrantType, dialect: &Dialect, section: &SectionReader<'_>) {
    let endpoints = &dialect.endpoints;
    let needed = match grant {
        GrantType::AuthorizationCode | GrantType::Implicit => Some(("authorize_url", &endpoints.authorize)),
        GrantType::DeviceCode => Some(("device_url", &endpoints.device)),
        GrantType::ClientCredentials | GrantType::Password => None,
    };
    let (word, provider) = (words::word::<GrantType>(grant).unwrap_or_default(), &dialect.provider);
    if let Some((key, None)) = needed
        && !dialect.discover
    {
        let problem = Problem::new(format!("is `{provider}`, which has no `{key}`"));
        section.refuse("provider", problem.expected(format!("one that has it, for `grant = \"{word}\"`")));
    }
    if grant == GrantType::ClientCredentials && dialect.client_auth == ClientAuth::None {
        let problem = Problem::new("is `client_credentials`, and the provider has `client_auth = \"none\"`");
        section.refuse("grant", problem.expected("a client that can prove itself (RFC 6749 §4.4)"));
    }
    if grant == GrantType::Password {
        section.warn(
            "grant",
            "is `password`, which RFC 9700 §2.4 forbids: this client sees the user's password, and there is no \
             second factor; use `authorization_code` or `device_code` if the provider supports it",
        );
    }
    if grant == GrantType::Implicit {
        section.warn(
            "grant",
            "is `implicit`, which RFC 9700 §2.1.2 advises against: the token passes through the browser, where it can \
             leak, and can't be refreshed; use `authorization_code` if the provider supports it",
        );
    }
    if dialect.body == BodyEncoding::Query {
        let why = "which has `body = \"query\"`: codes, tokens and secrets are in URLs, and so in logs; use `form` \
        if the provider accepts it";
        section.warn("provider", &format!("is `{provider}`, {why}"));
    }
}

/// The provider of this name.
fn find<'c>(
    name: &str,
    section: &SectionReader<'_>,
    catalog: &'c Catalog<'_>,
) -> Result<&'c ProviderConfig, NoAccount> {
    let shown = name.escape_debug();
    let Some(entry) = catalog.get(name) else {
        let problem = Problem::new(format!("is `{shown}`, and there is no such provider"))
            .expected("the name of a `[providers.NAME]` or of a preset")
            .nearest(nearest(name, catalog.names()));
        section.refuse("provider", problem);
        return Err(NoAccount::Mistaken);
    };
    if let Some(what) = entry.lacks() {
        let problem = Problem::new(format!("is `{shown}`, which has no {what}"));
        let expected = format!("a `[providers.NAME]` with `preset = \"{shown}\"` and the {what}");
        section.refuse("provider", problem.expected(expected));
        return Err(NoAccount::Mistaken);
    }
    entry.provider().map_err(|mistake| NoAccount::NoProvider(mistake.to_owned()))
}
