//! The section about providers; the presets are written with the same keys.

use super::{Fallback, Form, Key, Kind, Section, Shown};

const PRESET: Fallback = Fallback::Words("the preset's");

/// A key that works as a line of the example.
const fn key(name: &'static str, kind: Kind, fallback: Fallback, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, fallback, doc, example, shown: Shown::Line }
}

pub(super) static PROVIDER: Section = Section {
    path: "providers.NAME",
    form: Form::Named("example"),
    doc: "An authorization server of your own: a preset, and what is different. A preset that fits as it is needs no section. Names follow the rules of account names.",
    keys: &[
        key(
            "preset",
            Kind::Choice(&["phonecom", "generic"]),
            Fallback::Words("the preset of the section's own name, else `\"generic\"`"),
            "\"generic\"",
            "Where the keys come from that are not here. `generic` is plain RFC 6749 and leaves the URLs to you.",
        ),
        key(
            "label",
            Kind::Text,
            Fallback::Words("the preset's; the provider's name with `generic`"),
            "\"Example\"",
            "The provider's name for people.",
        ),
        key(
            "authorize_url",
            Kind::Url,
            Fallback::Words("the preset's; needed with `generic`"),
            "\"https://id.example.com/authorize\"",
            "The authorization endpoint (RFC 6749 §3.1). A query in it is kept.",
        ),
        key(
            "token_url",
            Kind::Url,
            Fallback::Words("the preset's; needed with `generic`"),
            "\"https://id.example.com/token\"",
            "The token endpoint (RFC 6749 §3.2).",
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
            Kind::Choice(&["basic", "post", "none"]),
            Fallback::Words("the preset's; `\"basic\"` with `generic`"),
            "\"basic\"",
            "How the client proves itself (RFC 6749 §2.3.1): in the `Authorization` header, in the body, or not at all (a public client).",
        ),
        key(
            "body",
            Kind::Choice(&["form", "json"]),
            Fallback::Words("the preset's; `\"form\"` with `generic`"),
            "\"form\"",
            "How the token request's parameters travel. RFC 6749 knows `form` only.",
        ),
        key(
            "pkce",
            Kind::Choice(&["required", "send", "off"]),
            Fallback::Words("the preset's; `\"send\"` with `generic`"),
            "\"required\"",
            "PKCE with S256 (RFC 7636). `required`: the provider is known to check it. `send`: sent, and ignored by servers that don't know it.",
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
            "Further parameters of the authorization request, added to the preset's. The parameters that ringback sets itself are refused.",
        ),
        key(
            "extra_token",
            Kind::Texts,
            PRESET,
            "{ audience = \"https://api.example.com\" }",
            "Further parameters of every token request, added to the preset's. Not for secrets: `ringback config check` shows them.",
        ),
        key(
            "issuer",
            Kind::Text,
            Fallback::Words("none"),
            "\"https://id.example.com\"",
            "The issuer identifier, compared byte for byte with the `iss` of the answer (RFC 9207).",
        ),
        key(
            "iss_required",
            Kind::Flag,
            Fallback::Value("false"),
            "true",
            "Whether an answer without `iss` is refused. Needs `issuer`.",
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
            "Whether a refresh gives a new refresh token and ends the old one. `unknown` is treated as `rotates`.",
        ),
        key(
            "replay_window",
            Kind::Duration,
            Fallback::Value("\"20s\""),
            "\"20s\"",
            "How long after a refresh that got no answer the same refresh token may be sent once more. At most 10 minutes.",
        ),
    ],
};
