//! Providers: the keys of `[providers.NAME]` and of the presets, laid over each other, become a dialect.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml::de::{DeTable, DeValue};
use url::Url;

use super::problem::{Problem, Sheet};
use super::reader::Reader;
use super::schema;
use super::value::{duration, endpoint, flag, text, texts};
use crate::oauth::dialect::{
    BodyEncoding, ClientAuth, Dialect, Endpoints, IssPolicy, Narrowing, Par, Pkce, Revoke, Rotation,
};
use crate::oauth::preset::{self, Preset};

/// Parameters of the authorization request that ringback sets itself, or that would replace all others
/// (RFC 9101).
pub(super) const RESERVED_AUTHORIZE: [&str; 9] = [
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
];

/// Parameters of token requests that ringback sets itself, and those that are credentials.
const RESERVED_TOKEN: [&str; 13] = [
    "grant_type",
    "client_id",
    "client_secret",
    "code",
    "redirect_uri",
    "refresh_token",
    "code_verifier",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "username",
    "password",
    "device_code",
];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a token is given back, without the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RevokeBy {
    Nothing,
    DeleteBearer,
    Rfc7009,
}

/// What one section says; `None`: nothing.
#[derive(Debug, Default)]
struct ProviderKeys {
    label: Option<String>,
    authorize_url: Option<Url>,
    token_url: Option<Url>,
    revoke_url: Option<Url>,
    revoke: Option<RevokeBy>,
    client_auth: Option<ClientAuth>,
    body: Option<BodyEncoding>,
    pkce: Option<Pkce>,
    scope_separator: Option<String>,
    extra_authorize: BTreeMap<String, String>,
    extra_token: BTreeMap<String, String>,
    issuer: Option<String>,
    iss: Option<IssPolicy>,
    default_lifetime: Option<Duration>,
    max_age_unknown: Option<Duration>,
    rotation: Option<Rotation>,
    replay_window: Option<Duration>,
}

/// The user's provider `name`. `None`: something is wrong with it, and was reported.
pub(super) fn provider(name: &str, section: &Reader<'_>) -> Option<Dialect> {
    let own = read(section);
    let preset = match section.field("preset") {
        Some(_) => section.choice("preset", preset::find)?,
        None => preset::find(name).or_else(|| preset::find(preset::GENERIC))?,
    };
    let base = with_preset(preset, section, read)?;
    own.over(base).into_dialect(name, section)
}

/// A preset as it is, for an account that names it. `None`: there is none of this name, or it leaves the
/// URLs to the user.
pub(super) fn built_in(name: &str, account: &Reader<'_>) -> Option<Dialect> {
    let preset = preset::find(name).filter(|preset| preset.name != preset::GENERIC)?;
    with_preset(preset, account, |section| read(section).into_dialect(name, section))?
}

/// Reads a preset with the code that reads the user's sections. A test keeps the presets free of
/// mistakes; should one get through, it is reported like any other.
fn with_preset<T>(preset: &Preset, user: &Reader<'_>, read: impl FnOnce(&Reader<'_>) -> T) -> Option<T> {
    let file = format!("preset {}", preset.name);
    let sheet = Sheet::new(Path::new(&file), preset.text);
    let (document, syntax) = DeTable::parse_recoverable(preset.text);
    for error in syntax {
        sheet.report(error.span().map_or(0, |span| span.start), "", Problem::new(error.message()));
    }
    let made = read(&Reader::new(schema::provider(), String::new(), 0, document.get_ref(), &sheet));
    let errors = sheet.into_errors();
    let sound = errors.is_empty();
    user.adopt(errors);
    sound.then_some(made)
}

fn read(section: &Reader<'_>) -> ProviderKeys {
    ProviderKeys {
        label: section.read("label", text),
        authorize_url: section.read("authorize_url", authorize_url),
        token_url: section.read("token_url", endpoint),
        revoke_url: section.read("revoke_url", endpoint),
        revoke: section.choice("revoke", revoke_by),
        client_auth: section.choice("client_auth", client_auth),
        body: section.choice("body", body_encoding),
        pkce: section.choice("pkce", pkce),
        scope_separator: section.read("scope_separator", text),
        extra_authorize: section.read("extra_authorize", |v| texts(v, &RESERVED_AUTHORIZE)).unwrap_or_default(),
        extra_token: section.read("extra_token", |v| texts(v, &RESERVED_TOKEN)).unwrap_or_default(),
        issuer: section.read("issuer", issuer),
        iss: section
            .read("iss_required", flag)
            .map(|required| if required { IssPolicy::Required } else { IssPolicy::Optional }),
        default_lifetime: section.read("default_lifetime", |v| duration(v, SECOND, YEAR)),
        max_age_unknown: section.read("max_age_unknown", |v| duration(v, SECOND, YEAR)),
        rotation: section.choice("rotation", rotation),
        replay_window: section.read("replay_window", |v| duration(v, Duration::ZERO, 10 * MINUTE)),
    }
}

impl ProviderKeys {
    /// These keys, and where they say nothing, those of `base`.
    fn over(self, base: Self) -> Self {
        let merged = |mut below: BTreeMap<String, String>, above| {
            below.extend(above);
            below
        };
        Self {
            label: self.label.or(base.label),
            authorize_url: self.authorize_url.or(base.authorize_url),
            token_url: self.token_url.or(base.token_url),
            revoke_url: self.revoke_url.or(base.revoke_url),
            revoke: self.revoke.or(base.revoke),
            client_auth: self.client_auth.or(base.client_auth),
            body: self.body.or(base.body),
            pkce: self.pkce.or(base.pkce),
            scope_separator: self.scope_separator.or(base.scope_separator),
            extra_authorize: merged(base.extra_authorize, self.extra_authorize),
            extra_token: merged(base.extra_token, self.extra_token),
            issuer: self.issuer.or(base.issuer),
            iss: self.iss.or(base.iss),
            default_lifetime: self.default_lifetime.or(base.default_lifetime),
            max_age_unknown: self.max_age_unknown.or(base.max_age_unknown),
            rotation: self.rotation.or(base.rotation),
            replay_window: self.replay_window.or(base.replay_window),
        }
    }

    /// Puts the defaults of the schema where nothing is said, and reports what is missing or does not go
    /// together.
    fn into_dialect(self, name: &str, section: &Reader<'_>) -> Option<Dialect> {
        for (key, url) in [("authorize_url", &self.authorize_url), ("token_url", &self.token_url)] {
            // What is there and wrong was reported already.
            if url.is_none() && section.field(key).is_none() {
                section.missing(key);
            }
        }
        let iss = self.iss.unwrap_or(IssPolicy::Optional);
        if iss == IssPolicy::Required && self.issuer.is_none() && section.field("issuer").is_none() {
            section.refuse("iss_required", Problem::new("is true without `issuer`").expected("`issuer`, too"));
        }
        let (authorize_url, token_url) = (self.authorize_url?, self.token_url?);
        refuse_repeated(&authorize_url, &self.extra_authorize, section);
        Some(Dialect {
            revoke: revoke(self.revoke, self.revoke_url, &token_url, section),
            provider: name.to_owned(),
            label: self.label.unwrap_or_else(|| name.to_owned()),
            endpoints: Endpoints { authorize: Some(authorize_url), token: Some(token_url), ..Endpoints::default() },
            discover: false,
            client_auth: self.client_auth.unwrap_or(ClientAuth::Basic),
            body: self.body.unwrap_or(BodyEncoding::Form),
            pkce: self.pkce.unwrap_or(Pkce::Send),
            par: Par::Auto,
            scope_separator: self.scope_separator.unwrap_or_else(|| " ".to_owned()),
            extra_authorize: self.extra_authorize,
            extra_token: self.extra_token,
            extra_refresh: BTreeMap::new(),
            response_paths: BTreeMap::new(),
            expires_in_unit: SECOND,
            narrow: Narrowing::Off,
            rate_limit_endpoint: None,
            rate_limit: None,
            issuer: self.issuer,
            iss,
            default_lifetime: self.default_lifetime,
            max_age_unknown: self.max_age_unknown.unwrap_or(60 * MINUTE),
            rotation: self.rotation.unwrap_or(Rotation::Unknown),
            replay_window: self.replay_window.unwrap_or(Duration::from_secs(20)),
        })
    }
}

/// Where a token is given back. `delete-bearer` is a method on the token's own resource, so it follows
/// the token endpoint unless it was given a URL of its own.
fn revoke(by: Option<RevokeBy>, url: Option<Url>, token_url: &Url, section: &Reader<'_>) -> Revoke {
    match (by, url) {
        (None | Some(RevokeBy::Rfc7009), Some(url)) => Revoke::Rfc7009(url),
        (Some(RevokeBy::DeleteBearer), url) => Revoke::DeleteBearer(url.unwrap_or_else(|| token_url.clone())),
        (Some(RevokeBy::Nothing), Some(_)) => {
            section.refuse("revoke_url", Problem::new("has no use with `revoke = \"none\"`").expected("no such key"));
            Revoke::None
        }
        (Some(RevokeBy::Rfc7009), None) => {
            if section.field("revoke_url").is_none() {
                section.missing("revoke_url");
            }
            Revoke::None
        }
        (None | Some(RevokeBy::Nothing), None) => Revoke::None,
    }
}

/// A parameter must not come twice (RFC 6749 §3.1).
pub(super) fn refuse_repeated(authorize_url: &Url, extra: &BTreeMap<String, String>, section: &Reader<'_>) {
    if let Some((name, _)) = authorize_url.query_pairs().find(|(name, _)| extra.contains_key(name.as_ref())) {
        let problem = Problem::new(format!("repeats `{}` of the query of `authorize_url`", name.escape_debug()));
        section.refuse("extra_authorize", problem.expected("each parameter once"));
    }
}

fn authorize_url(value: &DeValue<'_>) -> Result<Url, Problem> {
    let url = endpoint(value)?;
    match url.query_pairs().find(|(name, _)| RESERVED_AUTHORIZE.contains(&name.as_ref())) {
        Some((name, _)) => Err(Problem::new(format!("has `{name}` in its query, which ringback sets itself"))),
        None => Ok(url),
    }
}

/// An issuer identifier has neither query nor fragment (RFC 8414 §2). Kept byte for byte, because it is
/// compared so (RFC 9207 §2.4).
fn issuer(value: &DeValue<'_>) -> Result<String, Problem> {
    let (literal, url) = (text(value)?, endpoint(value));
    let expected = "an https URL without query or fragment, exactly as the provider writes it";
    match url.map_err(|problem| problem.expected(expected))?.query() {
        Some(_) => Err(Problem::new("has a query").expected(expected)),
        None => Ok(literal),
    }
}

fn revoke_by(word: &str) -> Option<RevokeBy> {
    match word {
        "none" => Some(RevokeBy::Nothing),
        "delete-bearer" => Some(RevokeBy::DeleteBearer),
        "rfc7009" => Some(RevokeBy::Rfc7009),
        _ => None,
    }
}

fn client_auth(word: &str) -> Option<ClientAuth> {
    match word {
        "basic" => Some(ClientAuth::Basic),
        "post" => Some(ClientAuth::Post),
        "none" => Some(ClientAuth::None),
        _ => None,
    }
}

fn body_encoding(word: &str) -> Option<BodyEncoding> {
    match word {
        "form" => Some(BodyEncoding::Form),
        "json" => Some(BodyEncoding::Json),
        _ => None,
    }
}

fn pkce(word: &str) -> Option<Pkce> {
    match word {
        "required" => Some(Pkce::Required),
        "send" => Some(Pkce::Send),
        "off" => Some(Pkce::Off),
        _ => None,
    }
}

fn rotation(word: &str) -> Option<Rotation> {
    match word {
        "unknown" => Some(Rotation::Unknown),
        "rotates" => Some(Rotation::Rotates),
        "never" => Some(Rotation::Never),
        _ => None,
    }
}
