//! The sections about the daemon itself.

use super::{ConfigKey, Fallback, Section, SectionForm, Shown, TakesEffect, ValueKind};

pub(super) static TOP: Section = Section {
    path: "",
    form: SectionForm::Top,
    doc: "Settings before the first section.",
    takes_effect: TakesEffect::AtReload,
    keys: &[ConfigKey {
        name: "default_account",
        kind: ValueKind::Text,
        fallback: Fallback::Words("the only account, if there is exactly one"),
        doc: "The account for callers that name none (`ringback token`, `GET /token`).",
        example: "\"work\"",
        shown: Shown::Line,
    }],
};

pub(super) static LISTEN: Section = Section {
    path: "listen",
    form: SectionForm::Single,
    doc: "Where the daemon listens for local programs. It never listens beyond this machine. Sockets that systemd passes (`ringback.socket`) are used instead of binding the same addresses; a passed port that is not named here is served as well.",
    takes_effect: TakesEffect::AfterRestart,
    keys: &[
        ConfigKey {
            name: "tcp",
            kind: ValueKind::Addresses,
            fallback: Fallback::Value("[\"127.0.0.1:7464\"]"),
            doc: "Loopback addresses for HTTP and for the browser's redirect. `[]` turns TCP off. Callers need the key from the key file.",
            example: "[\"127.0.0.1:7464\", \"[::1]:7464\"]",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "socket",
            kind: ValueKind::FlagOrPath,
            fallback: Fallback::Value("true"),
            doc: "The unix socket: `true` for `$XDG_RUNTIME_DIR/ringback/ringback.sock`, `false` for none, or a path. Only your own user can connect, and needs no key.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "other_users",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("false"),
            doc: "Whether programs of other users of this machine may ask over TCP, each with a key: for containers, and for services that run as a user of their own. Logins in the browser and the status page remain limited to your own user. Without this setting, connections of other users are refused on systems that tell whose they are (Linux).",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "max_connections",
            kind: ValueKind::Count,
            fallback: Fallback::Value("256"),
            doc: "How many connections are served at once, over all listeners; further ones wait. When all are in use, connections without a request in progress are closed. On TCP and on the unix socket, a third of them each may wait for a provider, a login or your answer; further callers are answered at once.",
            example: "256",
            shown: Shown::Line,
        },
    ],
};

pub(super) static STORE: Section = Section {
    path: "store",
    form: SectionForm::Single,
    doc: "Where tokens are stored, encrypted.",
    takes_effect: TakesEffect::AfterRestart,
    keys: &[
        ConfigKey {
            name: "folder",
            kind: ValueKind::Path,
            fallback: Fallback::Words("`$XDG_STATE_HOME/ringback`, usually `~/.local/state/ringback`"),
            doc: "The state folder. Only one daemon at a time can use it.",
            example: "\"~/.local/state/ringback\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "key",
            kind: ValueKind::Choice(&["auto", "file", "keyring", "credential", "command", "passphrase"]),
            fallback: Fallback::Value("\"file\""),
            doc: "The source of the master key that encrypts the tokens: a 0600 file in the state folder, the desktop's keyring, a systemd credential, the output of a command, or a file in the state folder that a passphrase unlocks. With `passphrase` the daemon starts locked and waits for `ringback unlock`, which sets the passphrase the first time. `auto` uses the keyring if one answers at the first start, else the file, and keeps that choice. `ringback store rekey --to passphrase|file|keyring` moves to a new key, or changes the passphrase, without a new login. After that, the new place takes precedence over this setting, and the command tells you to change it.",
            example: "\"file\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "key_credential",
            kind: ValueKind::Credential,
            fallback: Fallback::Words("none; required with `key = \"credential\"`"),
            doc: "The name of the systemd credential (`LoadCredentialEncrypted=NAME:...` in the unit).",
            example: "\"ringback-key\"",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "key_command",
            kind: ValueKind::Command,
            fallback: Fallback::Words("none; required with `key = \"command\"`"),
            doc: "The program that prints the key within 10 s, run without a shell and with a short list of environment variables.",
            example: "[\"pass\", \"show\", \"ringback/key\"]",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "lock_on_suspend",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("false"),
            doc: "Whether to lock the store (`ringback lock`) before the machine sleeps. Without systemd-logind, the store is locked right after the machine wakes up.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "lock_after_idle",
            kind: ValueKind::Duration,
            fallback: Fallback::Words("never"),
            doc: "Lock the store when no token has been requested for this long. From 1 minute to 7 days.",
            example: "\"30m\"",
            shown: Shown::Line,
        },
    ],
};

pub(super) static SERVE: Section = Section {
    path: "serve",
    form: SectionForm::Single,
    doc: "How tokens are served.",
    takes_effect: TakesEffect::AtReload,
    keys: &[
        ConfigKey {
            name: "min_ttl",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"10s\""),
            doc: "Minimum remaining lifetime of a served token, unless the caller requests more. At most 1 day.",
            example: "\"10s\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "wait",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"10s\""),
            doc: "How long a caller waits for a refresh by default. At most 10 minutes.",
            example: "\"10s\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "login_timeout",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"10m\""),
            doc: "How long a login may take in the browser before it times out. From 1 second to 1 hour.",
            example: "\"10m\"",
            shown: Shown::Line,
        },
    ],
};

pub(super) static AUDIT: Section = Section {
    path: "audit",
    form: SectionForm::Single,
    doc: "The audit log: which program got which token (`ringback audit`). It is `audit.jsonl` in the state folder.",
    takes_effect: TakesEffect::AtReload,
    keys: &[
        ConfigKey {
            name: "enabled",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("true"),
            doc: "Whether the audit log is on.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "max_mib",
            kind: ValueKind::Count,
            fallback: Fallback::Value("8"),
            doc: "The maximum size of the file, in MiB, before a new one is started.",
            example: "8",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "keep",
            kind: ValueKind::Count,
            fallback: Fallback::Value("4"),
            doc: "How many older files are kept.",
            example: "4",
            shown: Shown::Line,
        },
    ],
};
