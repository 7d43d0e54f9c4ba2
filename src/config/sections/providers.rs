//! The section about providers; the presets are written with the same keys.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::kinds::{
    AbsolutePath, Flag, HOUR, IssRequired, Issuer, Length, Location, MINUTE, OneOf, Parameters, Preset, Proxy, Rate,
    ReplyPaths, Text, UrlVariables, YEAR,
};
use crate::config::row::layer;
use crate::config::template::Template;
use crate::config::words::{ExpiresInUnit, RevokeBy};
use crate::oauth::dialect::{
    AssertionAudience, BodyEncoding, ClientAuth, Dialect, IssPolicy, Narrowing, NoncePolicy, Par, Pkce,
    Proxy as ProxyChoice, RateLimit, Roots, Rotation, ServedTypes,
};

const PRESET: &str = "the preset's";
const PRESET_OR_METADATA: &str = "the preset's; with `discover` the metadata's";

layer! {
    /// An authorization server of your own: a preset, and what is different. A preset that fits as it is needs no
    /// section. Names follow the rules of account names. The same keys can stand at the top of a file of their own,
    /// `providers/NAME.toml` in the config file's folder; its `preset` is a built-in one.
    section "providers.NAME", Named("example"), AtReload;
    pub(crate) struct ProviderKeys for Dialect, static PROVIDER;

    /// Where the keys come from that are not here. `generic` is plain RFC 6749 and leaves the URLs to you; `oidc` reads
    /// them from its `issuer`.
    preset: String = Preset, none(r#"the preset of the section's own name, else `"generic"`"#),
        example(r#""generic""#);

    /// The provider's name for people.
    label: String = Text, none("the preset's; the provider's name with `generic`"), example(r#""Example""#);

    /// Values of the variables in the URLs and in `issuer`: where `{tenant}` stands there, the value of `tenant` is put
    /// in before the URL is checked. Accounts can have their own.
    variables: BTreeMap<String, String> = UrlVariables, none(PRESET), example(r#"{ tenant = "common" }"#), instead();

    /// Whether what is not given here is read from the metadata of `issuer` (RFC 8414, OpenID Connect Discovery). What
    /// is given wins.
    discover: bool = Flag => discover, default(false), example("true"), quiet();

    /// The authorization endpoint (RFC 6749 §3.1). A query in it is kept.
    authorize_url: Template = Location, none("the preset's; needed for logins with a browser, but with `discover`"),
        example(r#""https://id.example.com/authorize""#);

    /// The token endpoint (RFC 6749 §3.2).
    token_url: Template = Location, none("the preset's; needed, but with `discover`"),
        example(r#""https://id.example.com/token""#);

    /// Where refreshes go.
    refresh_url: Template = Location, none("the preset's; else `token_url`"),
        example(r#""https://id.example.com/refresh""#);

    /// The introspection endpoint (RFC 7662), for `ringback info`.
    introspect_url: Template = Location, none(PRESET_OR_METADATA), example(r#""https://id.example.com/introspect""#);

    /// Answers a GET with the access token as Bearer with what it knows of the token (Phone.com), for `ringback info`.
    /// `{token_url}` at the beginning of this or another URL stands for the token endpoint without its query.
    details_url: Template = Location, none(PRESET), example(r#""{token_url}/details""#);

    /// Asked in the same way where `details_url` answers 404, as it may for a permanent token (Phone.com).
    details_fallback_url: Template = Location, none(PRESET), example(r#""{token_url}""#);

    /// The device authorization endpoint (RFC 8628 §3.1).
    device_url: Template = Location, none("the preset's; with `discover` the metadata's; needed for logins on another device"),
        example(r#""https://id.example.com/device""#);

    /// The pushed authorization request endpoint (RFC 9126).
    par_url: Template = Location, none(PRESET_OR_METADATA), example(r#""https://id.example.com/par""#);

    /// Whether the authorization request is pushed (RFC 9126). `auto`: where the metadata requires it.
    par: Par = OneOf<Par> => par, default(Par::Auto), example(r#""auto""#);

    /// Where a token is given back at logout.
    revoke_url: Template = Location, none("the preset's; with `delete-bearer` the token endpoint"),
        example(r#""https://id.example.com/revoke""#);

    /// How a token is given back at logout: not at all, with `DELETE` and the token as Bearer (Phone.com), or by RFC
    /// 7009.
    revoke: RevokeBy = OneOf<RevokeBy>, none(r#"the preset's; `"rfc7009"` if there is a `revoke_url`, else `"none"`"#),
        example(r#""rfc7009""#);

    /// How the client proves itself (RFC 6749 §2.3.1): in the `Authorization` header, in the body, not at all (a public
    /// client), or by a signature (RFC 7523).
    client_auth: ClientAuth = OneOf<ClientAuth> => client_auth, default(ClientAuth::Basic, r#"the preset's; `"basic"` with `generic`"#),
        example(r#""basic""#);

    /// Whom the client's signature is for (`aud`, RFC 7523 §3), with `client_auth = "private_key_jwt"`. Some servers
    /// take one of the two only.
    assertion_audience: AssertionAudience = OneOf<AssertionAudience> => assertion_audience, default(AssertionAudience::IssuerIfKnown, r#"the preset's; `"issuer"` where there is an `issuer`, else `"token_endpoint"`"#),
        example(r#""token_endpoint""#), instead();

    /// How the token request's parameters travel. RFC 6749 knows `form` only. `query` is warned about: secrets stand in
    /// URLs then, which end up in logs.
    body: BodyEncoding = OneOf<BodyEncoding> => body, default(BodyEncoding::Form, r#"the preset's; `"form"` with `generic`"#),
        example(r#""form""#);

    /// PKCE with S256 (RFC 7636). `required`: the provider is known to check it. `send`: sent, and ignored by servers
    /// that don't know it. `off` only for a provider that refuses it: without PKCE a stolen code is worth more.
    pkce: Pkce = OneOf<Pkce> => pkce, default(Pkce::Send, r#"the preset's; `"send"` with `generic`"#),
        example(r#""required""#);

    /// What stands between scopes in requests; by RFC 6749 §3.3 a space.
    scope_separator: String = Text => scope_separator, default(" ".to_owned()), example(r#"" ""#);

    /// Further parameters of the authorization request, added to the preset's. They pass through the browser: names of
    /// secrets are refused, and those that ringback sets itself.
    extra_authorize: BTreeMap<String, String> = Parameters => extra_authorize, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Further parameters of every token request, added to the preset's. Not for secrets, whose names are refused:
    /// `ringback config check --show` shows them.
    extra_token: BTreeMap<String, String> = Parameters => extra_token, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Further parameters of refreshes, over those of `extra_token`.
    extra_refresh: BTreeMap<String, String> = Parameters => extra_refresh, default(BTreeMap::new(), PRESET),
        example(r#"{ audience = "https://api.example.com" }"#);

    /// Where members of RFC 6749 §5 stand in the token reply, if elsewhere; dots separate the steps.
    response_paths: BTreeMap<String, String> = ReplyPaths => response_paths, default(BTreeMap::new(), PRESET),
        example(r#"{ access_token = "authed_user.access_token" }"#);

    /// The unit of `expires_in`; seconds by RFC 6749 §5.1.
    expires_in_unit: Duration = OneOf<ExpiresInUnit> => expires_in_unit, default(Duration::from_secs(1)),
        example(r#""seconds""#);

    /// Which access tokens are served, by the `token_type` of their reply. `bearer`: all but those that their type says
    /// can't be used as bearer tokens (`DPoP`, `PoP`, `mac`, `hok`, `N_A`). `any`: these too, for a provider whose word
    /// for its bearer tokens is one of them.
    token_type: ServedTypes = OneOf<ServedTypes> => token_type, default(ServedTypes::Bearer), example(r#""bearer""#);

    /// What a caller may ask for less of than was granted: a narrower scope (RFC 6749 §6), one resource or audience
    /// (RFC 8707), both, or nothing. Each costs a refresh. Some servers bind the refresh token that comes with a
    /// narrower token to that one's scope, which RFC 6749 §6 forbids: then the account has less for good, until
    /// somebody logs in again. `ringback status` and the log say so when the next refresh shows it. Try it before you
    /// rely on it: `ringback token --scope ...`, `ringback refresh`, `ringback status`. With `rotation = "never"` the
    /// wide refresh token is kept, whatever else comes.
    narrow: Narrowing = OneOf<Narrowing> => narrow, default(Narrowing::Off), example(r#""scope""#);

    /// Most requests of one client to one endpoint. What would be more waits.
    rate_limit_endpoint: RateLimit = Rate => rate_limit_endpoint, none(PRESET), example(r#""30/30s""#);

    /// Most requests of one client to all endpoints together.
    rate_limit: RateLimit = Rate => rate_limit, none(PRESET), example(r#""120/60s""#);

    /// The issuer identifier, compared byte for byte with the `iss` of the answer (RFC 9207) and with the `issuer` of
    /// its metadata.
    issuer: Template = Issuer, none("none"), example(r#""https://id.example.com""#);

    /// Whether an answer without `iss` is refused (RFC 9207). `true` needs `issuer`. `false` also accepts one where the
    /// metadata promises an `iss` in every answer, for a provider that leaves it out of some.
    iss_required: IssPolicy = IssRequired => iss, default(IssPolicy::AsMetadataSays, "`false`; with `discover`, what the metadata says"),
        example("true");

    /// Whether a login with the scope `openid` has a `nonce` (OpenID Connect Core §3.1.2.1). With `send`, an ID token
    /// without it, or with another, ends the login and its tokens are revoked. `off` only for a provider that refuses
    /// it or does not return it: a stolen code or ID token is worth more then.
    nonce: NoncePolicy = OneOf<NoncePolicy> => nonce, default(NoncePolicy::Send), example(r#""send""#);

    /// How long an access token lives whose reply has no `expires_in`, if the provider says so. From 1 second to 365
    /// days.
    default_lifetime: Duration = Length<1, YEAR> => default_lifetime, none("none: the lifetime is then unknown"),
        example(r#""1h""#);

    /// How long a token of unknown lifetime is served before it is refreshed. From 1 second to 365 days.
    max_age_unknown: Duration = Length<1, YEAR> => max_age_unknown, default(Duration::from_secs(HOUR)),
        example(r#""1h""#);

    /// Whether a refresh gives a new refresh token and ends the old one. `unknown` is treated as `rotates`. Only with
    /// `never` is the refresh token of a state folder used that is restored from a backup: elsewhere it was replaced
    /// since, and the account needs a login.
    rotation: Rotation = OneOf<Rotation> => rotation, default(Rotation::Unknown), example(r#""rotates""#);

    /// How long after a refresh that got no answer the same refresh token may be sent once more. `"0s"` for a provider
    /// that rotates without grace: then it is sent again only when the access token has ended and there is nothing left
    /// to lose. A provider that answers with the tokens that got lost has to say what is left of them. At most 10
    /// minutes.
    replay_window: Duration = Length<0, { 10 * MINUTE }> => replay_window, default(Duration::from_secs(20)),
        example(r#""20s""#);

    /// Whose word is taken for a host's certificate: the system's root certificates, Mozilla's as of the build, or
    /// nobody's but that of `ca_file`. There is no way to leave a certificate unverified.
    roots: Roots = OneOf<Roots> => reach.roots, default(Roots::System), example(r#""system""#);

    /// A file of certificates in PEM whose word is taken besides, by its absolute path.
    ca_file: PathBuf = AbsolutePath => reach.ca_file, none("none"), example(r#""/etc/ssl/certs/our-ca.pem""#);

    /// What is between this machine and the provider: `none`, whatever the environment says; `environment` for what
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say; or the URL of a proxy, without user and password. This machine's
    /// own addresses are never asked through one. A variable that names a proxy and is not used is told by errors and
    /// by `ringback doctor`.
    proxy: ProxyChoice = Proxy => reach.proxy, default(ProxyChoice::None), example(r#""none""#);
}
