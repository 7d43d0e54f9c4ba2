//! The section about providers; the presets are written with the same keys.

use super::{Fallback, Form, Key, Kind, Section, Shown, TakesEffect};

const PRESET: Fallback = Fallback::Words("the preset's");
const PRESET_OR_METADATA: Fallback = Fallback::Words("the preset's; with `discover` the metadata's");

/// A key that works as a line of the example.
const fn key(name: &'static str, kind: Kind, fallback: Fallback, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback, doc, example, shown: Shown::Line }
}

/// A key that needs what the example does not have.
const fn instead(name: &'static str, kind: Kind, fallback: Fallback, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback, doc, example, shown: Shown::Instead }
}

pub(super) static PROVIDER: Section = Section {
    path: "providers.NAME",
    form: Form::Named("example"),
    doc: "An authorization server of your own: a preset, and what is different. A preset that fits as it is needs no section. Names follow the rules of account names. The same keys can stand at the top of a file of their own, `providers/NAME.toml` in the config file's folder; its `preset` is a built-in one.",
    takes_effect: TakesEffect::AtReload,
    keys: &[
        key(
            "preset",
            Kind::Preset,
            Fallback::Words("the preset of the section's own name, else `\"generic\"`"),
            "\"generic\"",
            "Where the keys come from that are not here. `generic` is plain RFC 6749 and leaves the URLs to you; `oidc` reads them from its `issuer`.",
        ),
        key(
            "label",
            Kind::Text,
            Fallback::Words("the preset's; the provider's name with `generic`"),
            "\"Example\"",
            "The provider's name for people.",
        ),
        instead(
            "variables",
            Kind::Variables,
            PRESET,
            "{ tenant = \"common\" }",
            "Values of the variables in the URLs and in `issuer`: where `{tenant}` stands there, the value of `tenant` is put in before the URL is checked. Accounts can have their own.",
        ),
        key(
            "discover",
            Kind::Flag,
            Fallback::Value("false"),
            "true",
            "Whether what is not given here is read from the metadata of `issuer` (RFC 8414, OpenID Connect Discovery). What is given wins.",
        ),
        key(
            "authorize_url",
            Kind::Url,
            Fallback::Words("the preset's; needed for logins with a browser, but with `discover`"),
            "\"https://id.example.com/authorize\"",
            "The authorization endpoint (RFC 6749 §3.1). A query in it is kept.",
        ),
        key(
            "token_url",
            Kind::Url,
            Fallback::Words("the preset's; needed, but with `discover`"),
            "\"https://id.example.com/token\"",
            "The token endpoint (RFC 6749 §3.2).",
        ),
        key(
            "refresh_url",
            Kind::Url,
            Fallback::Words("the preset's; else `token_url`"),
            "\"https://id.example.com/refresh\"",
            "Where refreshes go.",
        ),
        key(
            "introspect_url",
            Kind::Url,
            PRESET_OR_METADATA,
            "\"https://id.example.com/introspect\"",
            "The introspection endpoint (RFC 7662), for `ringback info`.",
        ),
        key(
            "details_url",
            Kind::Url,
            PRESET,
            "\"{token_url}/details\"",
            "Answers a GET with the access token as Bearer with what it knows of the token (Phone.com), for `ringback info`. `{token_url}` at the beginning of this or another URL stands for the token endpoint without its query.",
        ),
        key(
            "device_url",
            Kind::Url,
            Fallback::Words("the preset's; with `discover` the metadata's; needed for logins on another device"),
            "\"https://id.example.com/device\"",
            "The device authorization endpoint (RFC 8628 §3.1).",
        ),
        key(
            "par_url",
            Kind::Url,
            PRESET_OR_METADATA,
            "\"https://id.example.com/par\"",
            "The pushed authorization request endpoint (RFC 9126).",
        ),
        key(
            "par",
            Kind::Choice(&["auto", "always", "off"]),
            Fallback::Value("\"auto\""),
            "\"auto\"",
            "Whether the authorization request is pushed (RFC 9126). `auto`: where the metadata requires it.",
        ),
        key(
            "revoke_url",
            Kind::Url,
            Fallback::Words("the preset's; with `delete-bearer` the token endpoint"),
            "\"https://id.example.com/revoke\"",
            "Where a token is given back at logout.",
        ),
        key(
            "revoke",
            Kind::Choice(&["none", "delete-bearer", "rfc7009"]),
            Fallback::Words("the preset's; `\"rfc7009\"` if there is a `revoke_url`, else `\"none\"`"),
            "\"rfc7009\"",
            "How a token is given back at logout: not at all, with `DELETE` and the token as Bearer (Phone.com), or by RFC 7009.",
        ),
        key(
            "client_auth",
            Kind::Choice(&["basic", "post", "none", "private_key_jwt"]),
            Fallback::Words("the preset's; `\"basic\"` with `generic`"),
            "\"basic\"",
            "How the client proves itself (RFC 6749 §2.3.1): in the `Authorization` header, in the body, not at all (a public client), or by a signature (RFC 7523).",
        ),
        instead(
            "assertion_audience",
            Kind::Choice(&["issuer", "token_endpoint"]),
            Fallback::Words("the preset's; `\"issuer\"` where there is an `issuer`, else `\"token_endpoint\"`"),
            "\"token_endpoint\"",
            "Whom the client's signature is for (`aud`, RFC 7523 §3), with `client_auth = \"private_key_jwt\"`. Some servers take one of the two only.",
        ),
        key(
            "body",
            Kind::Choice(&["form", "json", "query"]),
            Fallback::Words("the preset's; `\"form\"` with `generic`"),
            "\"form\"",
            "How the token request's parameters travel. RFC 6749 knows `form` only. `query` is warned about: secrets stand in URLs then, which end up in logs.",
        ),
        key(
            "pkce",
            Kind::Choice(&["required", "send", "off"]),
            Fallback::Words("the preset's; `\"send\"` with `generic`"),
            "\"required\"",
            "PKCE with S256 (RFC 7636). `required`: the provider is known to check it. `send`: sent, and ignored by servers that don't know it. `off` only for a provider that refuses it: without PKCE a stolen code is worth more.",
        ),
        key(
            "scope_separator",
            Kind::Text,
            Fallback::Value("\" \""),
            "\" \"",
            "What stands between scopes in requests; by RFC 6749 §3.3 a space.",
        ),
        key(
            "extra_authorize",
            Kind::Texts,
            PRESET,
            "{ audience = \"https://api.example.com\" }",
            "Further parameters of the authorization request, added to the preset's. They pass through the browser: names of secrets are refused, and those that ringback sets itself.",
        ),
        key(
            "extra_token",
            Kind::Texts,
            PRESET,
            "{ audience = \"https://api.example.com\" }",
            "Further parameters of every token request, added to the preset's. Not for secrets, whose names are refused: `ringback config check --show` shows them.",
        ),
        key(
            "extra_refresh",
            Kind::Texts,
            PRESET,
            "{ audience = \"https://api.example.com\" }",
            "Further parameters of refreshes, over those of `extra_token`.",
        ),
        key(
            "response_paths",
            Kind::Paths,
            PRESET,
            "{ access_token = \"authed_user.access_token\" }",
            "Where members of RFC 6749 §5 stand in the token reply, if elsewhere; dots separate the steps.",
        ),
        key(
            "expires_in_unit",
            Kind::Choice(&["seconds", "milliseconds", "minutes"]),
            Fallback::Value("\"seconds\""),
            "\"seconds\"",
            "The unit of `expires_in`; seconds by RFC 6749 §5.1.",
        ),
        key(
            "token_type",
            Kind::Choice(&["bearer", "any"]),
            Fallback::Value("\"bearer\""),
            "\"bearer\"",
            "Which access tokens are served, by the `token_type` of their reply. `bearer`: all but those that their type says can't be used as bearer tokens (`DPoP`, `PoP`, `mac`, `hok`, `N_A`). `any`: these too, for a provider whose word for its bearer tokens is one of them.",
        ),
        key(
            "narrow",
            Kind::Choice(&["off", "scope", "resource", "both"]),
            Fallback::Value("\"off\""),
            "\"scope\"",
            "What a caller may ask for less of than was granted: a narrower scope (RFC 6749 §6), one resource or audience (RFC 8707), both, or nothing.",
        ),
        key(
            "rate_limit_endpoint",
            Kind::Rate,
            PRESET,
            "\"30/30s\"",
            "Most requests of one client to one endpoint. What would be more waits.",
        ),
        key("rate_limit", Kind::Rate, PRESET, "\"120/60s\"", "Most requests of one client to all endpoints together."),
        key(
            "issuer",
            Kind::Text,
            Fallback::Words("none"),
            "\"https://id.example.com\"",
            "The issuer identifier, compared byte for byte with the `iss` of the answer (RFC 9207) and with the `issuer` of its metadata.",
        ),
        key(
            "iss_required",
            Kind::Flag,
            Fallback::Words("`false`; with `discover`, what the metadata says"),
            "true",
            "Whether an answer without `iss` is refused (RFC 9207). `true` needs `issuer`. `false` also accepts one where the metadata promises an `iss` in every answer, for a provider that leaves it out of some.",
        ),
        key(
            "nonce",
            Kind::Choice(&["send", "off"]),
            Fallback::Value("\"send\""),
            "\"send\"",
            "Whether a login with the scope `openid` has a `nonce` (OpenID Connect Core §3.1.2.1). With `send`, an ID token without it, or with another, ends the login and its tokens are revoked. `off` only for a provider that refuses it or does not return it: a stolen code or ID token is worth more then.",
        ),
        key(
            "default_lifetime",
            Kind::Duration,
            Fallback::Words("none: the lifetime is then unknown"),
            "\"1h\"",
            "How long an access token lives whose reply has no `expires_in`, if the provider says so. From 1 second to 365 days.",
        ),
        key(
            "max_age_unknown",
            Kind::Duration,
            Fallback::Value("\"1h\""),
            "\"1h\"",
            "How long a token of unknown lifetime is served before it is refreshed. From 1 second to 365 days.",
        ),
        key(
            "rotation",
            Kind::Choice(&["unknown", "rotates", "never"]),
            Fallback::Value("\"unknown\""),
            "\"rotates\"",
            "Whether a refresh gives a new refresh token and ends the old one. `unknown` is treated as `rotates`. Only with `never` is the refresh token of a state folder used that is restored from a backup: elsewhere it was replaced since, and the account needs a login.",
        ),
        key(
            "replay_window",
            Kind::Duration,
            Fallback::Value("\"20s\""),
            "\"20s\"",
            "How long after a refresh that got no answer the same refresh token may be sent once more. `\"0s\"` for a provider that rotates without grace: then it is sent again only when the access token has ended and there is nothing left to lose. A provider that answers with the tokens that got lost has to say what is left of them. At most 10 minutes.",
        ),
        key(
            "roots",
            Kind::Choice(&["system", "bundled", "none"]),
            Fallback::Value("\"system\""),
            "\"system\"",
            "Whose word is taken for a host's certificate: the system's root certificates, Mozilla's as of the build, or nobody's but that of `ca_file`. There is no way to leave a certificate unverified.",
        ),
        key(
            "ca_file",
            Kind::Text,
            Fallback::Words("none"),
            "\"/etc/ssl/certs/our-ca.pem\"",
            "A file of certificates in PEM whose word is taken besides, by its absolute path.",
        ),
        key(
            "proxy",
            Kind::Text,
            Fallback::Value("\"none\""),
            "\"none\"",
            "What is between this machine and the provider: `none`, whatever the environment says; `environment` for what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say; or the URL of a proxy, without user and password. This machine's own addresses are never asked through one. A variable that names a proxy and is not used is told by errors and by `ringback doctor`.",
        ),
    ],
};
