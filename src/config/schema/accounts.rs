//! The sections about accounts.

use super::{ConfigKey, Fallback, Section, SectionForm, Shown, TakesEffect, ValueKind};

const SECRET: Fallback = Fallback::Words(
    "none; exactly one `client_secret...` is required if `client_auth` is `\"basic\"` or `\"post\"`, except for `implicit`",
);
const PASSWORD: Fallback = Fallback::Words("none: `ringback login` asks at the terminal");
const NONE: Fallback = Fallback::Words("none");

/// A key that stands in the place of another.
const fn instead(
    name: &'static str,
    kind: ValueKind,
    fallback: Fallback,
    example: &'static str,
    doc: &'static str,
) -> ConfigKey {
    ConfigKey { name, kind, fallback, doc, example, shown: Shown::Instead }
}

/// A key that works as a line of the example.
const fn line(
    name: &'static str,
    kind: ValueKind,
    fallback: Fallback,
    example: &'static str,
    doc: &'static str,
) -> ConfigKey {
    ConfigKey { name, kind, fallback, doc, example, shown: Shown::Line }
}

pub(super) static ACCOUNT: Section = Section {
    path: "accounts.NAME",
    form: SectionForm::Named("work"),
    doc: "An account: one client at one provider, with one login and its own tokens. The name has 1 to 64 characters of a-z, 0-9, `.`, `_` and `-`, begins with a letter or digit, and is not `default`. Names with a dot need quotes: `[accounts.\"a.b\"]`.",
    takes_effect: TakesEffect::AtReload,
    keys: &[
        ConfigKey {
            name: "provider",
            kind: ValueKind::Text,
            fallback: Fallback::Required,
            doc: "A provider in this file (`[providers.NAME]`) or in the `providers` folder, or a built-in preset such as `phonecom`.",
            example: "\"phonecom\"",
            shown: Shown::Line,
        },
        line(
            "grant",
            ValueKind::Choice(&["authorization_code", "device_code", "client_credentials", "implicit", "password"]),
            Fallback::Value("\"authorization_code\""),
            "\"authorization_code\"",
            "How the account gets its tokens: with a browser (RFC 6749 §4.1), with a browser on another device (RFC 8628), without a user (RFC 6749 §4.4), with a browser but without a code (§4.2), or with the user's password (§4.3). The last two cause a warning (RFC 9700).",
        ),
        ConfigKey {
            name: "client_id",
            kind: ValueKind::Text,
            fallback: Fallback::Required,
            doc: "The client id that the provider assigned.",
            example: "\"00000000-0000-0000-0000-000000000000\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "client_secret_file",
            kind: ValueKind::Path,
            fallback: SECRET,
            doc: "A file with the client secret. It must belong to you or root, and be readable by nobody else (`chmod 600`). White space around the secret is removed.",
            example: "\"~/.config/ringback/work.secret\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "client_secret_command",
            kind: ValueKind::Command,
            fallback: SECRET,
            doc: "A program that prints the client secret within 10 s, run without a shell and with a short list of environment variables.",
            example: "[\"pass\", \"show\", \"phonecom/client-secret\"]",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "client_secret_credential",
            kind: ValueKind::Credential,
            fallback: SECRET,
            doc: "The name of a systemd credential with the client secret.",
            example: "\"phonecom-secret\"",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "client_secret_keyring",
            kind: ValueKind::Inline(&["service", "user"]),
            fallback: SECRET,
            doc: "An item of the desktop's keyring. `secret-tool store --label=ringback service SERVICE username USER` makes one.",
            example: "{ service = \"ringback\", user = \"work\" }",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "client_secret",
            kind: ValueKind::Secret,
            fallback: SECRET,
            doc: "The client secret itself. Allowed only if nobody else can read the config file (`chmod 600`).",
            example: "\"...\"",
            shown: Shown::Instead,
        },
        instead(
            "client_key_file",
            ValueKind::Path,
            Fallback::Words("none; required with `client_auth = \"private_key_jwt\"`"),
            "\"~/.config/ringback/work.pem\"",
            "A file with the client's private key in PEM (PKCS#8, SEC1 or PKCS#1), for a provider with `client_auth = \"private_key_jwt\"`. It must belong to you or root, and be readable by nobody else (`chmod 600`).",
        ),
        instead("client_key_id", ValueKind::Text, NONE, "\"2026-05\"", "The key's id at the provider (`kid`)."),
        instead(
            "username",
            ValueKind::Text,
            Fallback::Words("none; this or `phonenumber` is required with `grant = \"password\"`"),
            "\"ann@example.com\"",
            "The user whose password is used.",
        ),
        instead(
            "phonenumber",
            ValueKind::Text,
            Fallback::Words("none; this or `username` is required with `grant = \"password\"`"),
            "\"+15555550100\"",
            "The telephone number of the user whose password is used, for providers that identify users by it (Phone.com).",
        ),
        instead(
            "password_file",
            ValueKind::Path,
            PASSWORD,
            "\"~/.config/ringback/work.password\"",
            "A file with the user's password; like `client_secret_file`.",
        ),
        instead(
            "password_command",
            ValueKind::Command,
            PASSWORD,
            "[\"pass\", \"show\", \"phonecom/password\"]",
            "A program that prints the user's password; like `client_secret_command`.",
        ),
        instead(
            "password_credential",
            ValueKind::Credential,
            PASSWORD,
            "\"phonecom-password\"",
            "The name of a systemd credential with the user's password.",
        ),
        instead(
            "password_keyring",
            ValueKind::Inline(&["service", "user"]),
            PASSWORD,
            "{ service = \"ringback\", user = \"work-password\" }",
            "An item of the desktop's keyring with the user's password.",
        ),
        ConfigKey {
            name: "scope",
            kind: ValueKind::Scopes,
            fallback: Fallback::Value("[]"),
            doc: "The scopes to request, in this order. Phone.com knows `account-owner`, `extension-user`, `call-logs`, `billing-api`, `oauth-management`, `openid` and others.",
            example: "[\"account-owner\"]",
            shown: Shown::Line,
        },
        line(
            "resource",
            ValueKind::Resources,
            Fallback::Value("[]"),
            "[\"https://api.example.com/\"]",
            "The resources that the tokens are for (resource indicators, RFC 8707); sent in authorization and token requests.",
        ),
        line(
            "audience",
            ValueKind::Text,
            NONE,
            "\"https://api.example.com/\"",
            "The same for providers that use `audience`.",
        ),
        instead(
            "variables",
            ValueKind::Variables,
            Fallback::Value("{}"),
            "{ tenant = \"contoso.onmicrosoft.com\" }",
            "Values of the variables in the provider's URLs; they override the provider's own.",
        ),
        ConfigKey {
            name: "redirect_uri",
            kind: ValueKind::RedirectUri,
            fallback: Fallback::Words("`http://ADDRESS/callback/PROVIDER`, with the first address of `listen.tcp`"),
            doc: "The address that the provider redirects the browser to, exactly as registered there: it is sent unchanged. It has no query and no `:80`. Accounts of different providers need different ones (RFC 8252 §8.10).",
            example: "\"http://127.0.0.1:7464/callback/phonecom\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "extra_authorize",
            kind: ValueKind::Texts,
            fallback: Fallback::Value("{}"),
            doc: "Additional parameters of the authorization request, added to the provider's.",
            example: "{ prompt = \"consent\" }",
            shown: Shown::Line,
        },
        line(
            "hook",
            ValueKind::Command,
            NONE,
            "[\"notify-send\", \"ringback\"]",
            "A program that is run for the account's events, without a shell. Its environment has `RINGBACK_EVENT` and `RINGBACK_ACCOUNT`, and no secret.",
        ),
        ConfigKey {
            name: "notify",
            kind: ValueKind::Choice(&["desktop", "off"]),
            fallback: Fallback::Value("\"desktop\""),
            doc: "With `desktop`, a notification appears when the account needs a login or other attention; its button opens the login. Hook, event stream and status page are not affected.",
            example: "\"off\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "remind_after",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"24h\""),
            doc: "How often you are reminded that the account needs a login: by notification, hook and event stream. From 1 minute to 365 days.",
            example: "\"7d\"",
            shown: Shown::Line,
        },
        line(
            "open_login",
            ValueKind::Flag,
            Fallback::Value("false"),
            "true",
            "Opens the login in your browser automatically when the account needs one: once, and never in more than one tab for all accounts together.",
        ),
        ConfigKey {
            name: "consent",
            kind: ValueKind::Choice(&["off", "ask"]),
            fallback: Fallback::Value("\"off\""),
            doc: "With `ask`, the first request of a program waits while you are asked whether it may have a token: by a notification, on the status page, and by `ringback consent`. An app is identified by its name, any other program by its executable.",
            example: "\"ask\"",
            shown: Shown::Line,
        },
    ],
};

pub(super) static CLIENT_SECRET_ITEM: Section = Section {
    path: "accounts.NAME.client_secret_keyring",
    form: SectionForm::Inline,
    doc: "The attributes by which the item is found.",
    takes_effect: TakesEffect::AtReload,
    keys: KEYRING_KEYS,
};

pub(super) static PASSWORD_ITEM: Section = Section {
    path: "accounts.NAME.password_keyring",
    form: SectionForm::Inline,
    doc: "The attributes by which the item is found.",
    takes_effect: TakesEffect::AtReload,
    keys: KEYRING_KEYS,
};

const KEYRING_KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "service",
        kind: ValueKind::Text,
        fallback: Fallback::Required,
        doc: "Its attribute `service`.",
        example: "\"ringback\"",
        shown: Shown::Line,
    },
    ConfigKey {
        name: "user",
        kind: ValueKind::Text,
        fallback: Fallback::Required,
        doc: "Its attribute `username`.",
        example: "\"work\"",
        shown: Shown::Line,
    },
];
