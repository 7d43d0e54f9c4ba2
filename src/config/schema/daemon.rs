//! The sections about the daemon itself.

use super::{ConfigKey, Fallback, Section, SectionForm, Shown, TakesEffect, ValueKind};

pub(super) static TOP: Section = Section {
    path: "",
    form: SectionForm::Top,
    doc: "Settings that stand before the first section.",
    takes_effect: TakesEffect::AtReload,
    keys: &[ConfigKey {
        name: "default_account",
        kind: ValueKind::Text,
        fallback: Fallback::Words("the only account, if there is just one"),
        doc: "The account that a caller gets who names none (`ringback token`, `GET /token`).",
        example: "\"work\"",
        shown: Shown::Line,
    }],
};

pub(super) static LISTEN: Section = Section {
    path: "listen",
    form: SectionForm::Single,
    doc: "Where local programs reach the daemon. It never listens beyond this machine. What `ringback.socket` of systemd passes is taken instead of binding it anew; a port that it passes and that is not named here is served as well.",
    takes_effect: TakesEffect::AfterRestart,
    keys: &[
        ConfigKey {
            name: "tcp",
            kind: ValueKind::Addresses,
            fallback: Fallback::Value("[\"127.0.0.1:7464\"]"),
            doc: "Loopback addresses for HTTP and for the browser's redirect. `[]` switches TCP off. Callers need the key from the key file.",
            example: "[\"127.0.0.1:7464\", \"[::1]:7464\"]",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "socket",
            kind: ValueKind::FlagOrPath,
            fallback: Fallback::Value("true"),
            doc: "The unix socket: `true` for `$XDG_RUNTIME_DIR/ringback/ringback.sock`, `false` for none, or a path. Only your own user gets in, without a key.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "other_users",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("false"),
            doc: "Whether programs of other users of this machine may ask over TCP, each with a key: for containers, and for services with users of their own. A login in the browser and the status page stay your own user's. Without it, connections of other users are refused, where the system tells whose they are (Linux).",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "max_connections",
            kind: ValueKind::Count,
            fallback: Fallback::Value("256"),
            doc: "How many connections are served at once, over all listeners; more wait. When all are taken, connections without a request in progress are closed. By each door (TCP, the unix socket) a third of them may wait for a provider, a login or your answer: who comes then is answered at once.",
            example: "256",
            shown: Shown::Line,
        },
    ],
};

pub(super) static STORE: Section = Section {
    path: "store",
    form: SectionForm::Single,
    doc: "Where tokens are kept, sealed.",
    takes_effect: TakesEffect::AfterRestart,
    keys: &[
        ConfigKey {
            name: "folder",
            kind: ValueKind::Path,
            fallback: Fallback::Words("`$XDG_STATE_HOME/ringback`, that is `~/.local/state/ringback`"),
            doc: "The state folder. One daemon at a time uses it.",
            example: "\"~/.local/state/ringback\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "key",
            kind: ValueKind::Choice(&["auto", "file", "keyring", "credential", "command", "passphrase"]),
            fallback: Fallback::Value("\"file\""),
            doc: "Where the master key comes from that seals the tokens: a 0600 file in the state folder, the desktop's keyring, a systemd credential, what a command prints, or a file in the state folder that only a passphrase opens: with `passphrase` the daemon starts locked and waits for `ringback unlock`, which sets the passphrase the first time. `auto` takes the keyring if one answers at the first start, else the file, and stays with it. `ringback store rekey --to passphrase|file|keyring` puts a new key elsewhere, and changes the passphrase, with no new login; its word goes before this key, which it tells you to change.",
            example: "\"file\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "key_credential",
            kind: ValueKind::Credential,
            fallback: Fallback::Words("none; needed with `key = \"credential\"`"),
            doc: "The name of the systemd credential (`LoadCredentialEncrypted=NAME:...` in the unit).",
            example: "\"ringback-key\"",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "key_command",
            kind: ValueKind::Command,
            fallback: Fallback::Words("none; needed with `key = \"command\"`"),
            doc: "The program that prints the key within 10 s, run without a shell and with a short list of environment variables.",
            example: "[\"pass\", \"show\", \"ringback/key\"]",
            shown: Shown::Instead,
        },
        ConfigKey {
            name: "lock_on_suspend",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("false"),
            doc: "Whether to lock the store (`ringback lock`) before the machine sleeps. Without systemd-logind it is locked right after the machine woke up.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "lock_after_idle",
            kind: ValueKind::Duration,
            fallback: Fallback::Words("never"),
            doc: "Lock the store once nobody has asked for a token for so long. From 1 minute to 7 days.",
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
            doc: "How long a served token is good for at the least, unless the caller asks for more. At most 1 day.",
            example: "\"10s\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "wait",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"10s\""),
            doc: "How long a caller who says nothing waits for a refresh. At most 10 minutes.",
            example: "\"10s\"",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "login_timeout",
            kind: ValueKind::Duration,
            fallback: Fallback::Value("\"10m\""),
            doc: "How long a login may take in the browser before it ends by itself. From 1 second to 1 hour.",
            example: "\"10m\"",
            shown: Shown::Line,
        },
    ],
};

pub(super) static AUDIT: Section = Section {
    path: "audit",
    form: SectionForm::Single,
    doc: "What is written down of who got which token (`ringback audit`), in `audit.jsonl` of the state folder.",
    takes_effect: TakesEffect::AtReload,
    keys: &[
        ConfigKey {
            name: "enabled",
            kind: ValueKind::Flag,
            fallback: Fallback::Value("true"),
            doc: "Whether anything is.",
            example: "true",
            shown: Shown::Line,
        },
        ConfigKey {
            name: "max_mib",
            kind: ValueKind::Count,
            fallback: Fallback::Value("8"),
            doc: "How large the file may become, in MiB, before another is begun.",
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
