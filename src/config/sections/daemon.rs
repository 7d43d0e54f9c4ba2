//! The sections about the daemon itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::kinds::{
    Addresses, Command, Count, Credential, DAY, FilePath, Flag, HOUR, Length, MINUTE, OneOf, Socket, Text,
};
use crate::config::row::settings;
use crate::config::value::SocketChoice;
use crate::config::words::KeyWord;

/// RING on a telephone's keypad.
const PORT: u16 = 7464;

settings! {
    /// Settings that stand before the first section.
    section "", Top, AtReload;
    pub(crate) struct TopKeys, static TOP;

    /// The account that a caller gets who names none (`ringback token`, `GET /token`).
    default_account: Option<String> = Text, none("the only account, if there is just one"), example(r#""work""#);
}

settings! {
    /// Where local programs reach the daemon. It never listens beyond this machine. What `ringback.socket` of systemd
    /// passes is taken instead of binding it anew; a port that it passes and that is not named here is served as well.
    section "listen", Single, AfterRestart;
    pub struct Listen, static LISTEN;

    /// Loopback addresses for HTTP and for the browser's redirect. `[]` switches TCP off. Callers need the key from the
    /// key file.
    tcp: Vec<SocketAddr> = Addresses, default(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))]),
        example(r#"["127.0.0.1:7464", "[::1]:7464"]"#);

    /// The unix socket: `true` for `$XDG_RUNTIME_DIR/ringback/ringback.sock`, `false` for none, or a path. Only your
    /// own user gets in, without a key.
    socket: SocketChoice = Socket, default(SocketChoice::Default), example("true");

    /// Whether programs of other users of this machine may ask over TCP, each with a key: for containers, and for
    /// services with users of their own. A login in the browser and the status page stay your own user's. Without it,
    /// connections of other users are refused, where the system tells whose they are (Linux).
    other_users: bool = Flag, default(false), example("true");

    /// How many connections are served at once, over all listeners; more wait. When all are taken, connections without
    /// a request in progress are closed. By each door (TCP, the unix socket) a third of them may wait for a provider, a
    /// login or your answer: who comes then is answered at once.
    max_connections: usize = Count, default(256), example("256");
}

settings! {
    /// Where tokens are kept, sealed.
    section "store", Single, AfterRestart;
    pub struct StoreConfig, static STORE;

    /// The state folder. One daemon at a time uses it.
    folder: Option<PathBuf> = FilePath, none("`$XDG_STATE_HOME/ringback`, that is `~/.local/state/ringback`"),
        example(r#""~/.local/state/ringback""#);

    /// Where the master key comes from that seals the tokens: a 0600 file in the state folder, the desktop's keyring, a
    /// systemd credential, what a command prints, or a file in the state folder that only a passphrase opens: with
    /// `passphrase` the daemon starts locked and waits for `ringback unlock`, which sets the passphrase the first time.
    /// `auto` takes the keyring if one answers at the first start, else the file, and stays with it. `ringback store
    /// rekey --to passphrase|file|keyring` puts a new key elsewhere, and changes the passphrase, with no new login; its
    /// word goes before this key, which it tells you to change.
    key: KeyWord = OneOf<KeyWord>, default(KeyWord::File), example(r#""file""#);

    /// The name of the systemd credential (`LoadCredentialEncrypted=NAME:...` in the unit).
    key_credential: Option<String> = Credential, none(r#"none; needed with `key = "credential"`"#),
        example(r#""ringback-key""#), instead();

    /// The program that prints the key within 10 s, run without a shell and with a short list of environment variables.
    key_command: Option<Vec<String>> = Command, none(r#"none; needed with `key = "command"`"#),
        example(r#"["pass", "show", "ringback/key"]"#), instead();

    /// Whether to lock the store (`ringback lock`) before the machine sleeps. Without systemd-logind it is locked right
    /// after the machine woke up.
    lock_on_suspend: bool = Flag, default(false), example("true");

    /// Lock the store once nobody has asked for a token for so long. From 1 minute to 7 days.
    lock_after_idle: Option<Duration> = Length<MINUTE, { 7 * DAY }>, none("never"), example(r#""30m""#);
}

settings! {
    /// How tokens are served.
    section "serve", Single, AtReload;
    pub struct Serving, static SERVE;

    /// How long a served token is good for at the least, unless the caller asks for more. At most 1 day.
    min_ttl: Duration = Length<0, DAY>, default(Duration::from_secs(10)), example(r#""10s""#);

    /// How long a caller who says nothing waits for a refresh. At most 10 minutes.
    wait: Duration = Length<0, { 10 * MINUTE }>, default(Duration::from_secs(10)), example(r#""10s""#);

    /// How long a login may take in the browser before it ends by itself. From 1 second to 1 hour.
    login_timeout: Duration = Length<1, HOUR>, default(Duration::from_secs(10 * MINUTE)), example(r#""10m""#);
}

settings! {
    /// What is written down of who got which token (`ringback audit`), in `audit.jsonl` of the state folder.
    section "audit", Single, AtReload;
    pub struct AuditConfig, static AUDIT;

    /// Whether anything is.
    enabled: bool = Flag, default(true), example("true");

    /// How large the file may become, in MiB, before another is begun.
    max_mib: usize = Count, default(8), example("8");

    /// How many older files are kept.
    keep: usize = Count, default(4), example("4");
}
