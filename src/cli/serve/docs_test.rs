//! `docs/errors.md` agrees with the code on configs, failed starts, and unavailable secrets.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::binding::{failed, refused};
use super::stored::no_store;
use super::{broken_store, homeless};
use crate::cli::config_source::failure;
use crate::cli::failure::Failure;
use crate::config::{ConfigErrors, FilePrivacy, ProblemScope, parse};
use crate::config_file::ConfigFileError;
use crate::credentials::CredentialError;
use crate::docs_test::{every_variant, keep_current, table};
use crate::http::listen::{BindError, Holder, PassedError};
use crate::oauth::assertion::KeyError;
use crate::os::folder::error::FileSystemFeature;
use crate::os::folder::error::FolderError;
use crate::os::keyring::KeyringError;
use crate::os::paths::NoHome;
use crate::secret::text::Unfit;
use crate::store::StoreError;

fn why() -> String {
    "...".into()
}

fn row(failure: &Failure, cause: &str) -> [String; 4] {
    let reply = failure.reply();
    [reply.error_description.clone(), failure.exit().to_string(), cause.to_owned(), reply.hint.clone()]
}

fn mistakes(text: &str) -> ConfigErrors {
    parse(text, Path::new("config.toml"), FilePrivacy::Private, None).unwrap_err()
}

#[test]
fn every_refused_config_is_in_the_docs() {
    let path = || PathBuf::from("~/.config/ringback/config.toml");
    let rows = every_variant!(ConfigFileError {
        Nowhere: [(ConfigFileError::Nowhere, "an environment without HOME, such as cron's")],
        Missing: [(
            ConfigFileError::Missing { path: path(), named_by: "--config" },
            "there is none yet, or `--config` or `RINGBACK_CONFIG` names another"
        )],
        Unusable: [(
            ConfigFileError::Unusable { path: path(), why: why(), fix: None },
            "others could read or change it, or it is not a file"
        )],
        Mistakes: [(
            ConfigFileError::Mistakes(mistakes("default_acount = 1")),
            "mistakes in the config; each is printed above, with its place"
        )],
    });
    let rows = rows.map(|(error, cause)| row(&failure(&error), cause));
    keep_current("ConfigFileError", &table(["message", "exit", "cause", "what to do"], rows));
}

#[test]
fn the_effect_of_each_config_mistake_is_in_the_docs() {
    let account = "[accounts.work]\nprovider = \"google\"\nclient_id = \"c\"\n";
    let rows = every_variant!(ProblemScope {
        Everything: [(
            ProblemScope::Everything,
            "default_acount = \"work\"".to_owned(),
            "everything: the daemon doesn't start, and a reload changes nothing"
        )],
        Account: [(
            ProblemScope::Account("work".into()),
            format!("{account}scop = []"),
            "this account, which is then `unknown_account`; the others are served"
        )],
        Provider: [(
            ProblemScope::Provider("own".into()),
            "[providers.own]\ntoken_urll = \"https://id.example\"".to_owned(),
            "this provider, and the accounts that use it"
        )],
    });
    let rows = rows.map(|(blame, text, what)| {
        let mistakes = mistakes(&text);
        let mistake = mistakes.iter().find(|mistake| mistake.blame == blame).unwrap();
        [format!("`{}`", mistake.to_string().replace('`', "'")), what.to_owned()]
    });
    keep_current("Blame", &table(["such as", "what is skipped"], rows));
}

fn of_the_store() -> Vec<[String; 4]> {
    let path = || PathBuf::from("work.sealed");
    let rows = every_variant!(StoreError {
        InUse: [(
            StoreError::InUse { folder: "~/.local/state/ringback".into(), pid: Some(4711) },
            "a second daemon on the same state folder"
        )],
        Key: [(
            StoreError::Key { from: "the keyring".into(), why: why() },
            "a missing credential or program, or a missing `master.key` while encrypted accounts exist"
        )],
        KeyNotYet: [(
            StoreError::KeyNotYet { from: "the keyring".into(), why: why() },
            "a keyring that is locked or not available yet, or a program that failed. Once something is stored, the daemon \
             starts anyway, locked, and retries until it gets the key"
        )],
        Passphrase: [(
            StoreError::Passphrase { why: why() },
            "the config's `store.key` and the files in the state folder don't match"
        )],
        Unsafe: [(StoreError::Unsafe { path: path(), why: why() }, "wrong owner, mode or kind")],
        Io: [(StoreError::Io { path: path(), why: "No space left on device".into() }, "a full or read-only disk")],
        FileSystem: [
            (
                StoreError::FileSystem {
                    path: "lock".into(),
                    name: "nfs".into(),
                    asked: FileSystemFeature::Lock,
                    why: "No locks available".into()
                },
                "a state folder on a network or other file system without locks"
            ),
            (
                StoreError::FileSystem {
                    path: path(),
                    name: "9p".into(),
                    asked: FileSystemFeature::Sync,
                    why: "Invalid argument".into()
                },
                "the same, without durable writes"
            )
        ],
        ForeignKey: [(
            StoreError::ForeignKey { path: path(), from: "the keyring".into() },
            "`store.key` was changed, or a state folder was copied without its key"
        )],
        SetAside: [(
            StoreError::SetAside { path: path(), aside: "work.damaged".into(), why: why() },
            "a disk fault, or something that wrote into the file"
        )],
        Newer: [(
            StoreError::Newer { path: path(), found: 2, known: 1 },
            "an older ringback on the state folder of a newer one"
        )],
        Conflict: [(
            StoreError::Conflict { path: path(), stored: 3, new: 2 },
            "a backup was restored while the daemon was running"
        )],
        Locked: [(StoreError::Locked, "the key is not in memory; `ringback unlock`")],
        WrongPassphrase: [(StoreError::WrongPassphrase, "another passphrase was set")],
    });
    rows.map(|(error, cause)| row(&no_store(&error), cause)).into()
}

fn of_folders() -> Vec<[String; 4]> {
    let path = || PathBuf::from("/run/user/1000/ringback");
    let rows = every_variant!(FolderError {
        Unsafe: [(FolderError::Unsafe { path: path(), why: why(), fix: None }, "others could read or replace it")],
        Io: [(FolderError::Io { path: path(), why: why() }, "the system refused")],
        FileSystem: [(
            FolderError::FileSystem {
                path: path(),
                name: "nfs".into(),
                asked: FileSystemFeature::Sync,
                why: "Invalid argument".into()
            },
            "the file system does not support it"
        )],
    });
    rows.map(|(error, cause)| row(&broken_store(&error), cause)).into()
}

fn of_addresses() -> Vec<[String; 4]> {
    let address: SocketAddr = "127.0.0.1:7464".parse().unwrap();
    let path = || PathBuf::from("/run/user/1000/ringback/ringback.sock");
    let rows = every_variant!(BindError {
        NotLoopback: [(
            BindError::NotLoopback { address: "192.0.2.1:7464".parse().unwrap() },
            "`listen.tcp` names an address that others can reach"
        )],
        PortTaken: [
            (
                BindError::PortTaken {
                    address,
                    holder: Holder::Another("process 4711 (/usr/bin/node) of your own user".into())
                },
                "somebody else listens there"
            ),
            (
                BindError::PortTaken { address, holder: Holder::LooksLikeRingback("a process of user 1001".into()) },
                "a daemon of another user, or with another state folder"
            )
        ],
        SocketTaken: [(
            BindError::SocketTaken { path: path() },
            "a daemon with another state folder, or `ringback.socket` of systemd"
        )],
        NotASocket: [(BindError::NotASocket { path: path() }, "`listen.socket` names a file")],
        FolderNotPrivate: [(BindError::FolderNotPrivate { folder: "/tmp".into() }, "others could replace the socket")],
        Io: [(
            BindError::Io { place: "[::1]:7464".into(), source: std::io::ErrorKind::AddrNotAvailable.into() },
            "for example a machine without IPv6"
        )],
    });
    rows.map(|(error, cause)| row(&failed(&error), cause)).into()
}

fn of_passed_sockets() -> Vec<[String; 4]> {
    let path = || PathBuf::from("/run/user/1000/ringback/ringback.sock");
    let rows = every_variant!(PassedError {
        NotLoopback: [(
            PassedError::NotLoopback { address: "0.0.0.0:7464".parse().unwrap() },
            "`ListenStream=7464` means every address; use `127.0.0.1:7464`"
        )],
        NotListening: [(
            PassedError::NotListening { number: 1 },
            "`ListenDatagram=`, `Accept=yes`, or a file that was stored"
        )],
        Elsewhere: [(
            PassedError::Elsewhere { path: "/tmp/ringback.sock".into(), wanted: path() },
            "`ListenStream=` and `listen.socket` differ"
        )],
        NotPrivate: [(
            PassedError::NotPrivate { path: path() },
            "`SocketMode=` is missing, or the runtime folder was emptied: restart `ringback.socket`"
        )],
        Io: [(PassedError::Io(std::io::ErrorKind::InvalidInput.into()), "the system refused")],
    });
    rows.map(|(error, cause)| row(&refused(&error), cause)).into()
}

#[test]
fn every_failed_start_is_in_the_docs() {
    let home = row(&homeless(NoHome), "an environment without HOME");
    let rows = [of_the_store(), of_folders(), of_addresses(), of_passed_sockets(), vec![home]].concat();
    let source = "StoreError, FolderError, BindError, PassedError and NoHome";
    keep_current(source, &table(["message", "exit", "cause", "what to do"], rows));
}

fn of_keyrings() -> Vec<[String; 2]> {
    let (service, user) = (|| String::from("ringback"), || String::from("work"));
    let rows = every_variant!(KeyringError {
        NoService: [(KeyringError::NoService { why: why() }, "a server, or a session without a desktop")],
        Locked: [(KeyringError::Locked { why: why() }, "nobody has unlocked it since the login")],
        NoEntry: [(KeyringError::NoEntry { service: service(), user: user() }, "add it: `secret-tool store`")],
        Ambiguous: [(
            KeyringError::Ambiguous { service: service(), user: user(), count: 2 },
            "none is chosen at random"
        )],
        TimedOut: [(KeyringError::TimedOut, "a prompt is waiting on a screen")],
        Failed: [(KeyringError::Failed { why: why() }, "the Secret Service is at fault")],
    });
    rows.map(|(error, cause)| [error.to_string(), cause.to_owned()]).into()
}

fn of_client_keys() -> Vec<[String; 2]> {
    let rows = every_variant!(KeyError {
        Missing: [(KeyError::Missing, "`client_auth = \"private_key_jwt\"` alone")],
        NotPem: [(KeyError::NotPem, "another format, or a passphrase on it")],
        Unusable: [(KeyError::Unusable, "make one of those")],
        Failed: [(KeyError::Failed, "a mistake in ringback or in the key")],
    });
    rows.map(|(error, cause)| [error.to_string(), cause.to_owned()]).into()
}

#[test]
fn every_unavailable_secret_is_in_the_docs() {
    let rows = every_variant!(CredentialError {
        File: [(
            CredentialError::File { path: "phonecom.secret".into(), why: why(), fix: None },
            "it does not exist, or others could read it"
        )],
        Command: [(
            CredentialError::Command { program: "pass".into(), why: "ended with exit status: 1".into() },
            "the password manager is locked, or the daemon does not know its agent"
        )],
        NoCredentials: [(
            CredentialError::NoCredentials { name: "phonecom-secret".into() },
            "the daemon was not started by systemd, or the unit does not load it"
        )],
        Keyring: [(CredentialError::Keyring(KeyringError::TimedOut), "as below")],
        Unfit: [
            (
                CredentialError::Unfit { from: "the command `pass`".into(), why: Unfit::Empty.to_string() },
                "the source holds something else"
            ),
            (
                CredentialError::Unfit { from: "the file /etc/ringback/secret".into(), why: Unfit::Utf16.to_string() },
                "for example with `Out-File -Encoding utf8NoBOM`"
            ),
            (
                CredentialError::Unfit {
                    from: "the file /etc/ringback/secret".into(),
                    why: Unfit::Character { c: '\u{200b}', line: 1, column: 9 }.to_string()
                },
                "copied from a page or a document; a byte order mark at the beginning is allowed and removed"
            )
        ],
    });
    let rows = rows.map(|(error, cause)| [error.to_string(), cause.to_owned()]).into();
    let rows = [rows, of_keyrings(), of_client_keys()].concat();
    keep_current("CredentialError, KeyringError and KeyError", &table(["message", "cause, or what to do"], rows));
}
