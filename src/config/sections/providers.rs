//! The section about providers; the presets are written with the same keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::kinds::{
    AbsolutePath, ApiUrls, Flag, HOUR, IssRequired, Issuer, Length, Location, MINUTE, OneOf, Parameters, Preset, Proxy,
    Rate, ReplyPaths, Scopes, Text, UrlVariables, YEAR,
};
use crate::config::row::layer;
use crate::config::template::Template;
use crate::config::words::{ExpiresInUnit, RevokeBy};
use crate::oauth::api_url::ApiUrl;
use crate::oauth::dialect::{
    AssertionAudience, BodyEncoding, ClientAuth, Dialect, IssPolicy, Narrowing, NoncePolicy, Par, Pkce,
    Proxy as ProxyChoice, RateLimit, Roots, Rotation, ServedTypes,
};

const PRESET: &str = "the preset's";
const PRESET_OR_METADATA: &str = "the preset's; with `discover` the metadata's";

layer! {
    /// An authorization server: a preset and your changes to it. A preset without changes needs no section. Names
    /// follow the rules of account names. The same keys can be at the top of a separate file, `providers/NAME.toml` in
    /// the config file's folder; the `preset` of such a file must be a built-in one.
    section "providers.NAME", Named("example"), AtReload;
    pub(crate) struct ProviderKeys for Dialect, static PROVIDER;

    /// The source of all keys that are not set here. `generic` is plain RFC 6749 and has no URLs; `oidc` reads them
    /// from the metadata of `issuer`.
    preset: String = Preset, none(r#"the preset of the section's own name, else `"generic"`"#),
        example(r#""generic""#);

    /// The provider's display name.
    label: String = Text, none("the preset's; the provider's name with `generic`"), example(r#""Example""#);

    /// The scopes that `ringback account add` suggests. Only those of an account's `scope` are requested.
    suggested_scope: Vec<String> = Scopes, none("the preset's"), example(r#"["openid", "offline_access"]"#), instead();

    /// Values of the variables in the URLs and in `issuer`: `{tenant}` is replaced by the value of `tenant` before the
    /// URL is checked. Accounts can have their own values.
    variables: BTreeMap<String, String> = UrlVariables, none(PRESET), example(r#"{ tenant = "common" }"#), instead();

    /// Whether keys that are not set here are read from the metadata of `issuer` (RFC 8414, OpenID Connect Discovery).
    /// Keys that are set take precedence.
    discover: bool = Flag => discover, default(false), example("true"), quiet();

    /// The authorization endpoint (RFC 6749 §3.1). Its query, if it has one, is kept.
    authorize_url: Template = Location, none("the preset's; required for logins with a browser, except with `discover`"),
        example(r#""https://id.example.com/authorize""#);

    /// The token endpoint (RFC 6749 §3.2).
    token_url: Template = Location, none("the preset's; required, except with `discover`"),
        example(r#""https://id.example.com/token""#);

    /// The endpoint for refreshes.
    refresh_url: Template = Location, none("the preset's; else `token_url`"),
        example(r#""https://id.example.com/refresh""#);

    /// The introspection endpoint (RFC 7662), for `ringback info`.
    introspect_url: Template = Location, none(PRESET_OR_METADATA), example(r#""https://id.example.com/introspect""#);

    /// An endpoint that describes the access token sent to it as Bearer with GET (Phone.com), for `ringback info`.
    /// `{token_url}` at the beginning of this or another URL stands for the token endpoint without its query.
    details_url: Template = Location, none(PRESET), example(r#""{token_url}/details""#);

    /// Used in the same way if `details_url` answers 404, as it may for a permanent token (Phone.com).
    details_fallback_url: Template = Location, none(PRESET), example(r#""{token_url}""#);

    /// The base URL of the API that the tokens are for: where the proxy of an account forwards to that has no `upstream`
    /// of its own. Without a query.
    upstream: Template = Location, none(PRESET), example(r#""https://api.example.com/v1""#);

    /// The device authorization endpoint (RFC 8628 §3.1).
    device_url: Template = Location, none("the preset's; with `discover` the metadata's; required for logins on another device"),
        example(r#""https://id.example.com/device""#);

    /// The pushed authorization request endpoint (RFC 9126).
    par_url: Template = Location, none(PRESET_OR_METADATA), example(r#""https://id.example.com/par""#);

    /// Whether the authorization request is pushed (RFC 9126). `auto`: if the metadata requires it.
    par: Par = OneOf<Par> => par, default(Par::Auto), example(r#""auto""#);

    /// The endpoint that revokes tokens at logout.
    revoke_url: Template = Location, none("the preset's; with `delete-bearer` the token endpoint"),
        example(r#""https://id.example.com/revoke""#);

    /// How tokens are revoked at logout: not at all, with `DELETE` and the token as Bearer (Phone.com), or by RFC 7009.
    revoke: RevokeBy = OneOf<RevokeBy>, none(r#"the preset's; `"rfc7009"` if there is a `revoke_url`, else `"none"`"#),
        example(r#""rfc7009""#);

    /// Client authentication (RFC 6749 §2.3.1): in the `Authorization` header, in the body, none (a public client), or
    /// a signed assertion (RFC 7523).
    client_auth: ClientAuth = OneOf<ClientAuth> => client_auth, default(ClientAuth::Basic, r#"the preset's; `"basic"` with `generic`"#),
        example(r#""basic""#);

    /// The audience of the client's assertion (`aud`, RFC 7523 §3), with `client_auth = "private_key_jwt"`. Some
    /// servers accept only one of the two.
    assertion_audience: AssertionAudience = OneOf<AssertionAudience> => assertion_audience, default(AssertionAudience::IssuerIfKnown, r#"the preset's; `"issuer"` where there is an `issuer`, else `"token_endpoint"`"#),
        example(r#""token_endpoint""#), instead();

    /// The format of the token request's parameters. RFC 6749 has `form` only. `query` causes a warning: it puts
    /// secrets into URLs, which end up in logs.
    body: BodyEncoding = OneOf<BodyEncoding> => body, default(BodyEncoding::Form, r#"the preset's; `"form"` with `generic`"#),
        example(r#""form""#);

    /// PKCE with S256 (RFC 7636). `required`: the provider is known to check it. `send`: it is sent, and servers that
    /// don't know it ignore it. Use `off` only for a provider that refuses it: PKCE protects against stolen codes.
    pkce: Pkce = OneOf<Pkce> => pkce, default(Pkce::Send, r#"the preset's; `"send"` with `generic`"#),
        example(r#""required""#);

    /// The separator between scopes in requests; a space in RFC 6749 §3.3.
    scope_separator: String = Text => scope_separator, default(" ".to_owned()), example(r#"" ""#);

    /// Additional parameters of the authorization request, added to the preset's. They pass through the browser: names
    /// of secrets, and of parameters that ringback sets itself, are refused.
    extra_authorize: BTreeMap<String, String> = Parameters => extra_authorize, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Additional parameters of every token request, added to the preset's. Not for secrets: `ringback config check
    /// --show` shows these parameters, and names of secrets are refused.
    extra_token: BTreeMap<String, String> = Parameters => extra_token, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Additional parameters of refreshes; they override those of `extra_token`.
    extra_refresh: BTreeMap<String, String> = Parameters => extra_refresh, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Where the token reply has the members of RFC 6749 §5, if elsewhere; dots separate the steps of a path.
    response_paths: BTreeMap<String, String> = ReplyPaths => response_paths, default(BTreeMap::new(), PRESET),
        example(r#"{ access_token = "authed_user.access_token" }"#);

    /// The unit of `expires_in`; seconds in RFC 6749 §5.1.
    expires_in_unit: Duration = OneOf<ExpiresInUnit> => expires_in_unit, default(Duration::from_secs(1)),
        example(r#""seconds""#);

    /// Which access tokens are served, by the `token_type` of their reply. `bearer`: all except those whose type says
    /// that they can't be used as bearer tokens (`DPoP`, `PoP`, `mac`, `hok`, `N_A`). `any`: these too, for a provider
    /// that uses one of these types for its bearer tokens.
    token_type: ServedTypes = OneOf<ServedTypes> => token_type, default(ServedTypes::Bearer), example(r#""bearer""#);

    /// Which narrower tokens callers may request: a narrower scope (RFC 6749 §6), one resource or audience (RFC 8707),
    /// both, or none. Each such token costs a refresh. Some servers bind the refresh token that comes with a narrower
    /// token to its scope, which RFC 6749 §6 forbids: the account then loses scope until somebody logs in again.
    /// `ringback status` and the log say so when the next refresh shows it. Test it before you rely on it: `ringback
    /// token --scope ...`, `ringback refresh`, `ringback status`. With `rotation = "never"` the original refresh token
    /// is always kept.
    narrow: Narrowing = OneOf<Narrowing> => narrow, default(Narrowing::Off), example(r#""scope""#);

    /// The maximum rate of requests of one client to one endpoint. Requests beyond it are delayed.
    rate_limit_endpoint: RateLimit = Rate => rate_limit_endpoint, none(PRESET), example(r#""30/30s""#);

    /// The maximum rate of requests of one client to all endpoints together.
    rate_limit: RateLimit = Rate => rate_limit, none(PRESET), example(r#""120/60s""#);

    /// Where the provider's API is: `ringback token URL` and the credential helpers find accounts by these URLs
    /// (docs/credential-helpers.md), unless an account has its own `api_urls`. Everything below a URL's path belongs to
    /// it; a host alone stands for `https://HOST`.
    api_urls: Vec<ApiUrl> = ApiUrls => api_urls, default(Vec::new(), "the preset's, unless `token_url` is set here"),
        example(r#"["https://api.example.com/v1"]"#), quiet();

    /// The issuer identifier, compared byte for byte with the `iss` of the authorization response (RFC 9207) and with
    /// the `issuer` of its metadata.
    issuer: Template = Issuer, none("none"), example(r#""https://id.example.com""#);

    /// Whether an authorization response without `iss` is refused (RFC 9207). `true` needs `issuer`. `false` also
    /// accepts such a response if the metadata promises `iss` in every response, for a provider that omits it from
    /// some.
    iss_required: IssPolicy = IssRequired => iss, default(IssPolicy::AsMetadataSays, "`false`; with `discover`, what the metadata says"),
        example("true");

    /// Whether a login with the scope `openid` sends a `nonce` (OpenID Connect Core §3.1.2.1). With `send`, an ID token
    /// without it, or with a different one, ends the login, and its tokens are revoked. Use `off` only for a provider
    /// that refuses it or does not return it: the nonce protects against stolen codes and ID tokens.
    nonce: NoncePolicy = OneOf<NoncePolicy> => nonce, default(NoncePolicy::Send), example(r#""send""#);

    /// The lifetime of an access token whose reply has no `expires_in`, if the provider documents it. From 1 second to
    /// 365 days.
    default_lifetime: Duration = Length<1, YEAR> => default_lifetime, none("none: the lifetime is unknown"),
        example(r#""1h""#);

    /// How long a token of unknown lifetime is served before it is refreshed. From 1 second to 365 days.
    max_age_unknown: Duration = Length<1, YEAR> => max_age_unknown, default(Duration::from_secs(HOUR)),
        example(r#""1h""#);

    /// Whether a refresh brings a new refresh token and ends the old one. `unknown` is treated as `rotates`. If a state
    /// folder is restored from a backup, its refresh tokens are used only with `never`: otherwise they have been
    /// replaced since, and the account needs a login.
    rotation: Rotation = OneOf<Rotation> => rotation, default(Rotation::Unknown), example(r#""rotates""#);

    /// How long after a refresh without a reply the same refresh token may be sent once more. Use `"0s"` for a provider
    /// that rotates without a grace period: then the token is sent again only when the access token has expired and
    /// there is nothing left to lose. A provider that repeats the lost tokens must send their remaining lifetime. At
    /// most 10 minutes.
    replay_window: Duration = Length<0, { 10 * MINUTE }> => replay_window, default(Duration::from_secs(20)),
        example(r#""20s""#);

    /// The trusted root certificates: the system's, Mozilla's as of the build, or none but those in `ca_file`.
    /// Certificate verification can't be turned off.
    roots: Roots = OneOf<Roots> => reach.roots, default(Roots::System), example(r#""system""#);

    /// The absolute path of a PEM file with additional trusted certificates.
    ca_file: PathBuf = AbsolutePath => reach.ca_file, none("none"), example(r#""/etc/ssl/certs/our-ca.pem""#);

    /// The proxy for this provider: `none`, whatever the environment says; `environment` for `HTTPS_PROXY`, `ALL_PROXY`
    /// and `NO_PROXY`; or the URL of a proxy, without user and password. This machine's own addresses are never reached
    /// through a proxy. Errors and `ringback doctor` mention a proxy in the environment that is not used.
    proxy: ProxyChoice = Proxy => reach.proxy, default(ProxyChoice::None), example(r#""none""#);
}
