//! The sections about accounts.

use super::{Fallback, Form, Key, Kind, Section, Shown};

const SECRET: Fallback = Fallback::Words("none; exactly one `client_secret...` unless `client_auth` is `\"none\"`");

pub(super) static ACCOUNT: Section = Section {
    path: "accounts.NAME",
    form: Form::Named("work"),
    doc: "One account: one client at one provider, one login, its own tokens. The name has 1 to 64 characters of a-z, 0-9, `.`, `_` and `-`, begins with a letter or digit, and is not `default`. Names with a dot need quotes: `[accounts.\"a.b\"]`.",
    keys: &[
        Key {
            name: "provider",
            kind: Kind::Text,
            fallback: Fallback::Required,
            doc: "A provider of this file (`[providers.NAME]`), or a preset: `phonecom`.",
            example: "\"phonecom\"",
            shown: Shown::Line,
        },
        Key {
            name: "client_id",
            kind: Kind::Text,
            fallback: Fallback::Required,
            doc: "The client's id, as the provider gave it.",
            example: "\"00000000-0000-0000-0000-000000000000\"",
            shown: Shown::Line,
        },
        Key {
            name: "client_secret_file",
            kind: Kind::Path,
            fallback: SECRET,
            doc: "A file with the client secret: yours or root's, and not readable by anybody else (`chmod 600`). White space around the secret is cut off.",
            example: "\"~/.config/ringback/work.secret\"",
            shown: Shown::Line,
        },
        Key {
            name: "client_secret_command",
            kind: Kind::Command,
            fallback: SECRET,
            doc: "A program that prints the client secret within 10 s, run without a shell and with a short list of environment variables.",
            example: "[\"pass\", \"show\", \"phonecom/client-secret\"]",
            shown: Shown::Instead,
        },
        Key {
            name: "client_secret_credential",
            kind: Kind::Credential,
            fallback: SECRET,
            doc: "The name of a systemd credential with the client secret.",
            example: "\"phonecom-secret\"",
            shown: Shown::Instead,
        },
        Key {
            name: "client_secret_keyring",
            kind: Kind::Inline(&["service", "user"]),
            fallback: SECRET,
            doc: "An item of the desktop's keyring. `secret-tool store --label=ringback service SERVICE username USER` makes one.",
            example: "{ service = \"ringback\", user = \"work\" }",
            shown: Shown::Instead,
        },
        Key {
            name: "client_secret",
            kind: Kind::Secret,
            fallback: SECRET,
            doc: "The client secret itself. Allowed only if nobody else can read this file (`chmod 600`).",
            example: "\"...\"",
            shown: Shown::Instead,
        },
        Key {
            name: "scope",
            kind: Kind::Scopes,
            fallback: Fallback::Value("[]"),
            doc: "What is asked for, in this order. Phone.com knows `account-owner`, `extension-user`, `call-logs`, `billing-api`, `oauth-management`, `openid` and others.",
            example: "[\"account-owner\"]",
            shown: Shown::Line,
        },
        Key {
            name: "redirect_uri",
            kind: Kind::RedirectUri,
            fallback: Fallback::Words("`http://ADDRESS/callback/PROVIDER`, with the first address of `listen.tcp`"),
            doc: "Where the provider sends the browser back, exactly as it was registered there: it is sent byte for byte as it stands here. It has no query, and no `:80`. Accounts of different providers need different ones (RFC 8252 §8.10).",
            example: "\"http://127.0.0.1:7464/callback/phonecom\"",
            shown: Shown::Line,
        },
        Key {
            name: "extra_authorize",
            kind: Kind::Texts,
            fallback: Fallback::Value("{}"),
            doc: "Further parameters of the authorization request, added to the provider's.",
            example: "{ prompt = \"consent\" }",
            shown: Shown::Line,
        },
    ],
};

pub(super) static KEYRING_ITEM: Section = Section {
    path: "accounts.NAME.client_secret_keyring",
    form: Form::Inline,
    doc: "By which attributes the item is found.",
    keys: &[
        Key {
            name: "service",
            kind: Kind::Text,
            fallback: Fallback::Required,
            doc: "Its attribute `service`.",
            example: "\"ringback\"",
            shown: Shown::Line,
        },
        Key {
            name: "user",
            kind: Kind::Text,
            fallback: Fallback::Required,
            doc: "Its attribute `username`.",
            example: "\"work\"",
            shown: Shown::Line,
        },
    ],
};
