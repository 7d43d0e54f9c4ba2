//! Checks of files and folders: owner, mode and kind.

use std::ffi::OsStr;
use std::path::Path;

use rustix::fs::OFlags;

use super::finding::{about, good, needs_hand, note, with_fix};
use crate::cli::fix::{self, Fix};
use crate::cli::named_files::{self, UnusableFile};
use crate::config::{Config, SocketChoice};
use crate::contract::Finding;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::holder::LOCK;
use crate::os::paths::Paths;

/// The check of the state folder and of what is in it.
const STATE: &str = "state folder";
/// The folder of sealed files, in the state folder.
const ACCOUNTS: &str = "accounts";
/// By which files of ringback are told from others that somebody put there.
const SUFFIXES: [&str; 6] = ["key", "json", "jsonl", "toml", "sealed", "pem"];

/// Every folder, and the files in the state folder.
pub(super) fn folders(config: &Config, paths: &Paths, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) {
    if let Some(state) = folder(STATE, &paths.state, findings, fixes) {
        files(&state, findings, fixes);
        let accounts = state.file(ACCOUNTS);
        if accounts.symlink_metadata().is_ok() {
            match Folder::open(&accounts) {
                Ok(accounts) => files(&accounts, findings, fixes),
                Err(error) => findings.push(unsafe_path(STATE, &error, fixes)),
            }
        }
    }
    folder("runtime folder", &paths.runtime, findings, fixes);
    if let SocketChoice::At(socket) = &config.listen.socket
        && let Some(of_socket) = socket.parent().filter(|parent| *parent != paths.runtime)
    {
        folder("socket folder", of_socket, findings, fixes);
    }
    marks(paths.cache.as_deref(), findings, fixes);
}

/// The files that the config names.
pub(super) fn named(config: &Config, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) {
    for UnusableFile { account, why, advice, fix, .. } in named_files::unusable(config) {
        let advice = match fix {
            Some(fix) => {
                fix::add_mode(fixes, &fix);
                with_fix("Make it readable by you alone.")
            }
            None => advice.to_owned(),
        };
        findings.push(needs_hand(&about(account), why, advice));
    }
}

/// Only checked: the daemon creates what is missing.
fn folder(name: &str, path: &Path, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) -> Option<Folder> {
    if path.symlink_metadata().is_err() {
        findings.push(missing(name, path));
        return None;
    }
    let opened = Folder::open(path);
    findings.push(match &opened {
        Ok(folder) => good(name, format!("{} is yours alone", folder.path().display())),
        Err(error) => unsafe_path(name, error, fixes),
    });
    opened.ok()
}

fn missing(name: &str, path: &Path) -> Finding {
    note(name, format!("{} does not exist yet", path.display()), "The daemon creates it when it starts.")
}

/// The daemon does not start, or can't use an account, if a file is not the user's alone.
fn files(folder: &Folder, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) {
    let mut names = folder.names().unwrap_or_default();
    names.sort();
    let is_ours = |name: &str| {
        name == LOCK || SUFFIXES.iter().any(|suffix| Path::new(name).extension() == Some(OsStr::new(suffix)))
    };
    for name in names.iter().filter(|name| is_ours(name)) {
        if let Err(error) = folder.open_file(name, OFlags::RDONLY) {
            findings.push(unsafe_path(STATE, &error, fixes));
        }
    }
}

fn unsafe_path(name: &str, error: &FolderError, fixes: &mut Vec<Fix>) -> Finding {
    let advice = "Do what it says: others could read or replace tokens.";
    let Some(fix) = error.fix() else { return needs_hand(name, error.to_string(), advice) };
    fix::add_mode(fixes, fix);
    needs_hand(name, error.to_string(), with_fix(advice))
}

/// Whether an older state folder that is restored would be detected. No token depends on it.
fn marks(cache: Option<&Path>, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) {
    const NAME: &str = "cache folder";
    let unnoticed = |why: &dyn std::fmt::Display, advice: &str| {
        note(NAME, format!("a state folder that is restored from a backup would not be detected: {why}"), advice)
    };
    let advice = "Give the daemon a cache folder of its own that it can write to. Tokens are served without it, too.";
    let Some(path) = cache else {
        return findings.push(unnoticed(&"neither HOME nor XDG_CACHE_HOME is set", advice));
    };
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return findings.push(missing(NAME, path));
    }
    findings.push(match Folder::open(path).map(|_| rustix::fs::access(path, rustix::fs::Access::WRITE_OK)) {
        Ok(Ok(())) => good(NAME, format!("{} is yours alone", path.display())),
        Ok(Err(error)) => unnoticed(&format_args!("{}: {error}", path.display()), advice),
        Err(error) => match error.fix() {
            Some(fix) => {
                fix::add_mode(fixes, fix);
                unnoticed(&error, &with_fix(advice))
            }
            None => unnoticed(&error, advice),
        },
    });
}
