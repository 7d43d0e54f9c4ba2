//! The sections about the daemon itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::kinds::{
    Addresses, Command, Count, Credential, DAY, FilePath, Flag, HOUR, Length, MINUTE, OneOf, Socket, Text,
};
use crate::config::row::settings;
use crate::config::sections::listeners::{ExtraKeys, ExtraListeners};
use crate::config::value::SocketChoice;
use crate::config::words::KeyWord;

/// Of the TCP listener, unless the config says otherwise: the digits of RING on a telephone's keypad.
pub(crate) const DEFAULT_PORT: u16 = 7464;

settings! {
    /// Settings before the first section.
    section "", Top, AtReload;
    pub(crate) struct TopKeys, static TOP;

    /// The account for callers that name none (`ringback token`, `GET /token`).
    default_account: Option<String> = Text, none("the only account, if there is exactly one"), example(r#""work""#);
}

settings! {
    /// Where the daemon listens for local programs. It never listens beyond this machine, except where `extra` says so.
    /// Sockets that systemd passes (`ringback.socket`) are used instead of binding the same addresses; a passed port that
    /// is not named here is served as well.
    section "listen", Single, AfterRestart;
    pub(crate) struct Listen, static LISTEN;

    /// Loopback addresses for HTTP and for the browser's redirect. `[]` turns TCP off. Callers need the key from the
    /// key file.
    tcp: Vec<SocketAddr> = Addresses, default(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))]),
        example(r#"["127.0.0.1:7464", "[::1]:7464"]"#);

    /// The unix socket: `true` for `$XDG_RUNTIME_DIR/ringback/ringback.sock`, `false` for none, or a path. Only your
    /// own user can connect, and needs no key.
    socket: SocketChoice = Socket, default(SocketChoice::Default), example("true");

    /// Whether programs of other users of this machine may ask over TCP, each with a key: for containers, and for
    /// services that run as a user of their own. Logins in the browser and the status page remain limited to your own
    /// user. Without this setting, connections of other users are refused on systems that tell whose they are (Linux).
    other_users: bool = Flag, default(false), example("true");

    /// How many connections are served at once, over all listeners; further ones wait. When all are in use, connections
    /// without a request in progress are closed. On TCP and on the unix socket, a third of them each may wait for a
    /// provider, a login or your answer; further callers are answered at once.
    max_connections: usize = Count, default(768), example("1024");

    /// Additional listeners, for programs in containers and sandboxes; each is written as `[[listen.extra]]`.
    extra: Vec<ExtraKeys> = ExtraListeners, default(Vec::new(), "none"),
        example(r#"[{ address = "10.88.0.1:7464" }]"#), instead();
}

settings! {
    /// Where tokens are stored, encrypted.
    section "store", Single, AfterRestart;
    pub(crate) struct StoreConfig, static STORE;

    /// The state folder. Only one daemon at a time can use it.
    folder: Option<PathBuf> = FilePath, none("`$XDG_STATE_HOME/ringback`, usually `~/.local/state/ringback`"),
        example(r#""~/.local/state/ringback""#);

    /// The source of the master key that encrypts the tokens: a 0600 file in the state folder, the desktop's keyring, a
    /// systemd credential, the output of a command, or a file in the state folder that a passphrase unlocks. With
    /// `passphrase` the daemon starts locked and waits for `ringback unlock`, which sets the passphrase the first time.
    /// With `memory` nothing is stored: the tokens are in the daemon's memory only, and a restart or `ringback lock`
    /// ends every login (the tokens are not revoked); `export`, `import --from` and `store rekey` have nothing to work
    /// on. `auto` uses the keyring if one answers at the first start, else the file, and keeps that choice. `ringback store
    /// rekey --to passphrase|file|keyring` moves to a new key, or changes the passphrase, without a new login. After
    /// that, the new place takes precedence over this setting, and the command tells you to change it.
    key: KeyWord = OneOf<KeyWord>, default(KeyWord::File), example(r#""file""#);

    /// The name of the systemd credential (`LoadCredentialEncrypted=NAME:...` in the unit).
    key_credential: Option<String> = Credential, none(r#"none; needed with `key = "credential"`"#),
        example(r#""ringback-key""#), instead();

    /// The program that prints the key within 10 s, run without a shell and with a short list of environment variables.
    key_command: Option<Vec<String>> = Command, none(r#"none; needed with `key = "command"`"#),
        example(r#"["pass", "show", "ringback/key"]"#), instead();

    /// Whether to lock the store (`ringback lock`) before the machine sleeps. Without systemd-logind, the store is
    /// locked right after the machine wakes up.
    lock_on_suspend: bool = Flag, default(false), example("true");

    /// Lock the store when no token has been requested for this long. From 1 minute to 7 days.
    lock_after_idle: Option<Duration> = Length<MINUTE, { 7 * DAY }>, none("never"), example(r#""30m""#);
}

settings! {
    /// How tokens are served.
    section "serve", Single, AtReload;
    pub struct Serving, static SERVE;

    /// Minimum remaining lifetime of a served token, unless the caller requests more. At most 1 day.
    min_ttl: Duration = Length<0, DAY>, default(Duration::from_secs(10)), example(r#""10s""#);

    /// How long a caller waits for a refresh by default. At most 10 minutes.
    wait: Duration = Length<0, { 10 * MINUTE }>, default(Duration::from_secs(10)), example(r#""10s""#);

    /// How long a login may take in the browser before it times out. From 1 second to 1 hour.
    login_timeout: Duration = Length<1, HOUR>, default(Duration::from_secs(10 * MINUTE)), example(r#""10m""#);

    /// Whether `ringback token` and `ringback login` have systemd start the daemon if it does not run. `ringback service
    /// install` has to have installed the service.
    autostart: bool = Flag, default(false), example("true");
}

settings! {
    /// The audit log: which program got which token (`ringback audit`). It is `audit.jsonl` in the state folder.
    section "audit", Single, AtReload;
    pub(crate) struct AuditConfig, static AUDIT;

    /// Whether the audit log is on.
    enabled: bool = Flag, default(true), example("true");

    /// The maximum size of the file, in MiB, before a new one is started.
    max_mib: usize = Count, default(8), example("8");

    /// How many older files are kept.
    keep: usize = Count, default(4), example("4");
}
