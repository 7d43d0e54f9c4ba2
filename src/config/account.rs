//! Accounts: the keys of `[accounts.NAME]`.

mod redirects;
mod secrets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

use self::redirects::literal_redirect_uri;
pub(super) use self::redirects::refuse_shared_redirects;
use self::secrets::{client_key, client_secret, password_user};
use super::catalog::Catalog;
use super::problem::{Problem, nearest};
use super::provider::ProviderConfig;
use super::reader::SectionReader;
use super::reserved::RequestKind;
use super::value::{Base, command, duration, flag, resources, scopes, text, texts, variables};
use super::{AccountConfig, Attention, FilePrivacy, foreseen, provider, response_mode, words};
use crate::oauth::dialect::{BodyEncoding, ClientAuth, Dialect};
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;

/// What an account is read with.
pub(super) struct Context<'a> {
    pub(super) base: Base<'a>,
    pub(super) privacy: FilePrivacy,
    pub(super) catalog: &'a Catalog<'a>,
    /// The TCP listeners; `None`: reported as wrong.
    pub(super) tcp: Option<Vec<SocketAddr>>,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Why there is no account.
pub(super) enum NoAccount {
    /// Mistakes of its own, which were reported.
    Mistaken,
    /// Its provider can't be used, because of this mistake.
    NoProvider(String),
}

/// The account `name`, though it may have mistakes that were reported.
pub(super) fn account(
    name: &str,
    section: &SectionReader<'_>,
    context: &Context<'_>,
) -> Result<AccountConfig, NoAccount> {
    let provider = section.require("provider", text).map(|provider| find(&provider, section, context.catalog));
    let values = section.read("variables", variables).unwrap_or_default();
    let dialect = match &provider {
        Some(Ok(provider)) => provider.with(values, section),
        _ => None,
    };
    let grant = section.word("grant", words::GRANT).unwrap_or_default();
    let auth = dialect.as_ref().map(|dialect| dialect.client_auth);
    let client_id = section.require("client_id", client_id);
    let client_secret = client_secret(section, context, grant, auth);
    let client_key = client_key(section, &context.base, auth);
    let user = password_user(section, &context.base, grant);
    let target = Target {
        scope: section.read("scope", scopes).unwrap_or_default(),
        resource: section.read("resource", resources).unwrap_or_default(),
        audience: section.read("audience", text),
    };
    let hook = section.read("hook", |v| command(v, &context.base));
    let attention = attention(section);
    let asks_consent = section.choice("consent", |word| Some(word == "ask")).unwrap_or(false);
    let redirect_uri = literal_redirect_uri(section, grant, context.tcp.as_deref());
    let dialect = dialect.map(|dialect| with_extra(dialect, grant, section));
    if let Some(dialect) = dialect.as_ref().filter(|_| !section.is_mistaken("grant")) {
        check(grant, dialect, section);
    }
    let separator = dialect.as_ref().map(|dialect| dialect.scope_separator.as_str());
    foreseen::warn_of_slips(client_id.as_deref(), &target.scope, separator, section);
    if let Some(Err(no_account)) = provider {
        return Err(no_account);
    }
    let (Some(dialect), Some(client_id)) = (dialect, client_id) else { return Err(NoAccount::Mistaken) };
    if !["grant", "scope", "extra_authorize"].iter().any(|key| section.is_mistaken(key)) {
        foreseen::warn_of_lacks(grant, &target, &dialect, section);
    }
    let name = name.to_owned();
    Ok(AccountConfig {
        name,
        dialect,
        client_id,
        client_secret,
        client_key,
        grant,
        user,
        target,
        hook,
        attention,
        asks_consent,
        redirect_uri,
    })
}

/// How the user learns that the account needs them.
fn attention(section: &SectionReader<'_>) -> Attention {
    let usual = Attention::default();
    Attention {
        desktop: section.choice("notify", |word| Some(word == "desktop")).unwrap_or(usual.desktop),
        remind_after: section.read("remind_after", |v| duration(v, MINUTE, 365 * DAY)).unwrap_or(usual.remind_after),
        opens_login: section.read("open_login", flag).unwrap_or(usual.opens_login),
    }
}

/// The provider with the account's own parameters.
fn with_extra(mut dialect: Arc<Dialect>, grant: GrantType, section: &SectionReader<'_>) -> Arc<Dialect> {
    let read = |value: &DeValue<'_>| texts(value, |name, text| RequestKind::Authorization.refuses(name, text));
    let extra = section.read("extra_authorize", read).unwrap_or_default();
    let sets_mode = response_mode::is_in(&extra);
    if !extra.is_empty() {
        if let Some(url) = &dialect.endpoints.authorize {
            provider::refuse_repeated(url, &extra, section);
        }
        Arc::make_mut(&mut dialect).extra_authorize.extend(extra);
    }
    match response_mode::unfit(&dialect, grant).filter(|_| !section.is_mistaken("grant")) {
        Some(problem) if sets_mode => section.refuse("extra_authorize", problem),
        Some(problem) => {
            let what = format!("is `{}`, which {}", dialect.provider, problem.what);
            section.refuse("provider", Problem { what, ..problem });
        }
        None => {}
    }
    dialect
}

/// Whether a login sends the browser to a redirect URI.
pub(super) fn comes_back(grant: GrantType) -> bool {
    matches!(grant, GrantType::AuthorizationCode | GrantType::Implicit)
}

/// Reports what grant and provider lack for each other, and warns of what works and should not be done.
fn check(grant: GrantType, dialect: &Dialect, section: &SectionReader<'_>) {
    let endpoints = &dialect.endpoints;
    let needed = match grant {
        GrantType::AuthorizationCode | GrantType::Implicit => Some(("authorize_url", &endpoints.authorize)),
        GrantType::DeviceCode => Some(("device_url", &endpoints.device)),
        GrantType::ClientCredentials | GrantType::Password => None,
    };
    let (word, provider) = (words::word(words::GRANT, grant), &dialect.provider);
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

/// A client id has printable ASCII only (RFC 6749 appendix A.1).
fn client_id(value: &DeValue<'_>) -> Result<String, Problem> {
    let id = text(value)?;
    let printable = id.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    if printable { Ok(id) } else { Err(Problem::new("has characters other than printable ASCII")) }
}
