//! Providers: the keys of `[providers.NAME]` and of the presets, laid over each other, become a dialect.

mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

pub(super) use self::check::refuse_repeated;
use self::check::refuse_unused;
use super::locations::{Filled, Locations, Unfilled};
use super::problem::Problem;
use super::reader::SectionReader;
use super::reserved::RequestKind;
use super::schema::ValueKind;
use super::template::Variables;
use super::value::{duration, flag, plain, plain_url, rate_limit, response_paths, text, texts, variables};
use super::words::{self, RevokeBy};
use crate::oauth::dialect::{
    AssertionAudience, BodyEncoding, ClientAuth, Dialect, Endpoints, IssPolicy, Narrowing, NetworkOptions, NoncePolicy,
    Par, Pkce, Proxy, RateLimit, Revoke, Roots, Rotation, ServedTypes,
};

/// There is no folder that a provider's file would be relative to: presets are laid over each other.
fn absolute(value: &DeValue<'_>) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() { Ok(path) } else { Err(Problem::new("is not an absolute path")) }
}

fn proxy(value: &DeValue<'_>) -> Result<Proxy, Problem> {
    match text(value)?.as_str() {
        "none" => Ok(Proxy::None),
        "environment" => Ok(Proxy::Environment),
        url => {
            if is_pac(url) {
                let problem = Problem::new("is a PAC file, a script that ringback does not run");
                return Err(
                    problem.expected("the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`")
                );
            }
            let url = plain_url(url).map_err(|problem| problem.expected("`none`, `environment` or a URL"))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Problem::new("is not an http or https URL").expected("`none`, `environment` or a URL"));
            }
            Ok(Proxy::At(url))
        }
    }
}

/// Whether it is the address of a script that chooses a proxy, as browsers take one.
fn is_pac(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let path = Path::new(lower.split(['?', '#']).next().unwrap_or_default());
    lower.starts_with("pac+") || path.extension().is_some_and(|end| end == "pac") || path.ends_with("wpad.dat")
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What one layer says, or several laid over each other; `None`: nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct ProviderKeys {
    /// Every key as it was written, and the text that it stands in.
    pub(super) written: BTreeMap<&'static str, (toml::Value, String)>,
    pub(super) label: Option<String>,
    locations: Locations,
    variables: Variables,
    discover: Option<bool>,
    revoke: Option<RevokeBy>,
    client_auth: Option<ClientAuth>,
    assertion_audience: Option<AssertionAudience>,
    body: Option<BodyEncoding>,
    pkce: Option<Pkce>,
    par: Option<Par>,
    scope_separator: Option<String>,
    extra_authorize: BTreeMap<String, String>,
    extra_token: BTreeMap<String, String>,
    extra_refresh: BTreeMap<String, String>,
    response_paths: BTreeMap<String, String>,
    expires_in_unit: Option<Duration>,
    token_type: Option<ServedTypes>,
    narrow: Option<Narrowing>,
    rate_limit_endpoint: Option<RateLimit>,
    rate_limit: Option<RateLimit>,
    iss: Option<IssPolicy>,
    nonce: Option<NoncePolicy>,
    default_lifetime: Option<Duration>,
    max_age_unknown: Option<Duration>,
    rotation: Option<Rotation>,
    replay_window: Option<Duration>,
    roots: Option<Roots>,
    ca_file: Option<PathBuf>,
    proxy: Option<Proxy>,
}

/// A provider that accounts can use.
#[derive(Debug)]
pub(super) struct ProviderConfig {
    pub(super) name: String,
    keys: ProviderKeys,
    /// With the provider's own values; `None`: the account has to give some.
    pub(super) usual: Option<Arc<Dialect>>,
}

impl ProviderKeys {
    /// What a section or preset says.
    pub(super) fn read(section: &SectionReader<'_>) -> Self {
        let authorize = |name| {
            section
                .read(name, |v| texts(v, |name, text| RequestKind::Authorization.refuses(name, text)))
                .unwrap_or_default()
        };
        let token = |name| {
            section.read(name, |v| texts(v, |name, text| RequestKind::Token.refuses(name, text))).unwrap_or_default()
        };
        let file = section.file().display().to_string();
        let locations = Locations::read(section);
        let written = section.written().filter(|(name, _)| *name != "preset" && locations.shows(name));
        Self {
            written: written.map(|(name, value)| (name, (plain(value), file.clone()))).collect(),
            label: section.read("label", text),
            locations,
            variables: section.read("variables", variables).unwrap_or_default(),
            discover: section.read("discover", flag),
            revoke: section.word("revoke", words::REVOKE),
            client_auth: section.word("client_auth", words::CLIENT_AUTH),
            assertion_audience: section.word("assertion_audience", words::ASSERTION_AUDIENCE),
            body: section.word("body", words::BODY),
            pkce: section.word("pkce", words::PKCE),
            par: section.word("par", words::PAR),
            scope_separator: section.read("scope_separator", text),
            extra_authorize: authorize("extra_authorize"),
            extra_token: token("extra_token"),
            extra_refresh: token("extra_refresh"),
            response_paths: section.read("response_paths", response_paths).unwrap_or_default(),
            expires_in_unit: section.word("expires_in_unit", words::UNIT),
            token_type: section.word("token_type", words::TOKEN_TYPE),
            narrow: section.word("narrow", words::NARROW),
            rate_limit_endpoint: section.read("rate_limit_endpoint", rate_limit),
            rate_limit: section.read("rate_limit", rate_limit),
            iss: section
                .read("iss_required", flag)
                .map(|required| if required { IssPolicy::Required } else { IssPolicy::Optional }),
            nonce: section.word("nonce", words::NONCE),
            default_lifetime: section.read("default_lifetime", |v| duration(v, SECOND, YEAR)),
            max_age_unknown: section.read("max_age_unknown", |v| duration(v, SECOND, YEAR)),
            rotation: section.word("rotation", words::ROTATION),
            replay_window: section.read("replay_window", |v| duration(v, Duration::ZERO, 10 * MINUTE)),
            roots: section.word("roots", words::ROOTS),
            ca_file: section.read("ca_file", absolute),
            proxy: section.read("proxy", proxy),
        }
    }

    /// These keys, and where they say nothing, those of `base`.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            written: written_over(self.written, base.written),
            label: self.label.or(base.label),
            locations: self.locations.over(base.locations),
            variables: merged(self.variables, base.variables),
            discover: self.discover.or(base.discover),
            revoke: self.revoke.or(base.revoke),
            client_auth: self.client_auth.or(base.client_auth),
            assertion_audience: self.assertion_audience.or(base.assertion_audience),
            body: self.body.or(base.body),
            pkce: self.pkce.or(base.pkce),
            par: self.par.or(base.par),
            scope_separator: self.scope_separator.or(base.scope_separator),
            extra_authorize: merged(self.extra_authorize, base.extra_authorize),
            extra_token: merged(self.extra_token, base.extra_token),
            extra_refresh: merged(self.extra_refresh, base.extra_refresh),
            response_paths: merged(self.response_paths, base.response_paths),
            expires_in_unit: self.expires_in_unit.or(base.expires_in_unit),
            token_type: self.token_type.or(base.token_type),
            narrow: self.narrow.or(base.narrow),
            rate_limit_endpoint: self.rate_limit_endpoint.or(base.rate_limit_endpoint),
            rate_limit: self.rate_limit.or(base.rate_limit),
            iss: self.iss.or(base.iss),
            nonce: self.nonce.or(base.nonce),
            default_lifetime: self.default_lifetime.or(base.default_lifetime),
            max_age_unknown: self.max_age_unknown.or(base.max_age_unknown),
            rotation: self.rotation.or(base.rotation),
            replay_window: self.replay_window.or(base.replay_window),
            roots: self.roots.or(base.roots),
            ca_file: self.ca_file.or(base.ca_file),
            proxy: self.proxy.or(base.proxy),
        }
    }

    /// With the defaults of the schema where nothing is said.
    fn dialect(&self, name: &str, found: Filled) -> Dialect {
        let keys = self.clone();
        let Filled { mut urls, issuer } = found;
        let token = urls.remove("token_url");
        Dialect {
            provider: name.to_owned(),
            label: keys.label.unwrap_or_else(|| name.to_owned()),
            revoke: revoke(keys.revoke, urls.remove("revoke_url"), token.as_ref()),
            endpoints: Endpoints {
                authorize: urls.remove("authorize_url"),
                token,
                refresh: urls.remove("refresh_url"),
                introspect: urls.remove("introspect_url"),
                device: urls.remove("device_url"),
                par: urls.remove("par_url"),
                details: urls.remove("details_url"),
                details_fallback: urls.remove("details_fallback_url"),
            },
            reach: NetworkOptions {
                roots: keys.roots.unwrap_or_default(),
                ca_file: keys.ca_file,
                proxy: keys.proxy.unwrap_or_default(),
            },
            discover: keys.discover.unwrap_or(false),
            client_auth: keys.client_auth.unwrap_or(ClientAuth::Basic),
            assertion_audience: keys.assertion_audience.unwrap_or_default(),
            body: keys.body.unwrap_or(BodyEncoding::Form),
            pkce: keys.pkce.unwrap_or(Pkce::Send),
            par: keys.par.unwrap_or(Par::Auto),
            scope_separator: keys.scope_separator.unwrap_or_else(|| " ".to_owned()),
            extra_authorize: keys.extra_authorize,
            extra_token: keys.extra_token,
            extra_refresh: keys.extra_refresh,
            response_paths: keys.response_paths,
            expires_in_unit: keys.expires_in_unit.unwrap_or(SECOND),
            token_type: keys.token_type.unwrap_or_default(),
            narrow: keys.narrow.unwrap_or(Narrowing::Off),
            rate_limit_endpoint: keys.rate_limit_endpoint,
            rate_limit: keys.rate_limit,
            issuer,
            iss: keys.iss.unwrap_or(IssPolicy::AsMetadataSays),
            nonce: keys.nonce.unwrap_or_default(),
            default_lifetime: keys.default_lifetime,
            max_age_unknown: keys.max_age_unknown.unwrap_or(60 * MINUTE),
            rotation: keys.rotation.unwrap_or(Rotation::Unknown),
            replay_window: keys.replay_window.unwrap_or(20 * SECOND),
        }
    }
}

impl ProviderConfig {
    /// `own` over `base`; what is wrong with that is reported to the section that `own` comes from.
    pub(super) fn new(name: &str, own: &ProviderKeys, base: &ProviderKeys, section: &SectionReader<'_>) -> Self {
        let keys = own.clone().over(base.clone());
        keys.check(section);
        refuse_unused(name, &own.variables, &keys.locations, section);
        let (found, wrong) = keys.locations.fill(&keys.variables);
        if let Some(url) = found.urls.get("authorize_url") {
            refuse_repeated(url, &keys.extra_authorize, section);
        }
        let mut is_open = false;
        for wrong in wrong {
            match wrong {
                Unfilled::Missing { .. } => is_open = true,
                Unfilled::Unfit { key, problem } => {
                    let what = format!("{}, with its variables filled in", problem.what);
                    let expected = problem.expected.unwrap_or_else(|| ValueKind::Url.expected());
                    section.refuse(key, Problem::new(what).expected(expected));
                }
            }
        }
        let usual = (!is_open).then(|| Arc::new(keys.dialect(name, found)));
        Self { name: name.to_owned(), keys, usual }
    }

    /// As an account with these values of variables uses it; reports what is wrong with them.
    pub(super) fn with(&self, values: Variables, account: &SectionReader<'_>) -> Option<Arc<Dialect>> {
        if values.is_empty() && self.usual.is_some() {
            return self.usual.clone();
        }
        refuse_unused(&self.name, &values, &self.keys.locations, account);
        let (found, wrong) = self.keys.locations.fill(&merged(values, self.keys.variables.clone()));
        for wrong in &wrong {
            let problem = match wrong {
                Unfilled::Missing { key, name } => {
                    Problem::new(format!("has no `{name}`, which `{key}` of provider `{}` needs", self.name))
                        .expected(format!("such as `{{ {name} = \"...\" }}`"))
                }
                Unfilled::Unfit { key, problem } => {
                    Problem::new(format!("makes `{key}` of provider `{}` a URL that {}", self.name, problem.what))
                        .expected(problem.expected.clone().unwrap_or_else(|| ValueKind::Url.expected()))
                }
            };
            account.refuse("variables", problem);
        }
        wrong.is_empty().then(|| Arc::new(self.keys.dialect(&self.name, found)))
    }
}

/// Where a token is given back. `delete-bearer` follows the token endpoint unless it has a URL of its own.
fn revoke(by: Option<RevokeBy>, url: Option<Url>, token_url: Option<&Url>) -> Revoke {
    match (by, url) {
        (Some(RevokeBy::Nothing), _) => Revoke::None,
        (Some(RevokeBy::DeleteBearer), url) => {
            url.or_else(|| token_url.cloned()).map_or(Revoke::Unsaid, Revoke::DeleteBearer)
        }
        (None | Some(RevokeBy::Rfc7009), url) => url.map_or(Revoke::Unsaid, Revoke::Rfc7009),
    }
}

fn merged(above: BTreeMap<String, String>, mut below: BTreeMap<String, String>) -> BTreeMap<String, String> {
    below.extend(above);
    below
}

type Written = BTreeMap<&'static str, (toml::Value, String)>;

/// Tables grow together, as their meanings do; everything else replaces what is below it.
fn written_over(above: Written, mut below: Written) -> Written {
    for (name, (mut value, file)) in above {
        if let (toml::Value::Table(above), Some((toml::Value::Table(under), _))) = (&mut value, below.get(name)) {
            let mut both = under.clone();
            both.extend(std::mem::take(above));
            *above = both;
        }
        below.insert(name, (value, file));
    }
    below
}
