//! Checks of the setup: config, files, ports, redirect URIs.

use std::path::Path;

use super::finding::{good, needs_hand, note};
use crate::cli::config_source::{self, ConfigSource};
use crate::cli::named_files::{self, UnusableFile};
use crate::config::{AccountConfig, Config, comes_back};
use crate::contract::Finding;
use crate::http::listen::{BindError, bind_tcp};
use crate::os::folder::Folder;
use crate::os::paths::Paths;

/// The usable part of the config; each mistake is a finding.
pub(super) fn config(source: &ConfigSource, findings: &mut Vec<Finding>) -> Option<Config> {
    match crate::config_file::load_what_works(&source.env()) {
        Ok((config, mistakes)) => {
            for mistake in &mistakes {
                findings.push(needs_hand(
                    "config",
                    mistake.to_string(),
                    "Correct it: `ringback config example` explains every key.",
                ));
            }
            for warning in &config.warnings {
                findings.push(note(
                    "config",
                    warning.clone(),
                    "It works, but docs/config.md recommends something else.",
                ));
            }
            let accounts = config.accounts.len();
            findings.push(match accounts {
                0 => needs_hand("config", "it has no account that can be used", "Add one with `ringback account add`."),
                1 => good("config", "1 account can be used"),
                _ => good("config", format!("{accounts} accounts can be used")),
            });
            Some(config)
        }
        Err(error) => {
            let failure = config_source::failure(&error);
            let reply = failure.reply();
            findings.push(needs_hand("config", &reply.error_description, &reply.hint));
            None
        }
    }
}

/// Owner, mode and kind of every folder and secret file.
pub(super) fn files(config: &Config, paths: &Paths, findings: &mut Vec<Finding>) {
    for (name, path) in [("state folder", &paths.state), ("runtime folder", &paths.runtime)] {
        findings.push(folder(name, path));
    }
    findings.push(marks(paths.cache.as_deref()));
    for UnusableFile { account, why, advice, .. } in named_files::unusable(config) {
        findings.push(needs_hand(&about(account), why, advice));
    }
}

/// Only checked: the daemon creates what is missing.
fn folder(name: &str, path: &Path) -> Finding {
    if path.symlink_metadata().is_err() {
        return note(name, format!("{} does not exist yet", path.display()), "The daemon creates it when it starts.");
    }
    match Folder::open(path) {
        Ok(folder) => good(name, format!("{} is yours alone", folder.path().display())),
        Err(error) => needs_hand(name, error.to_string(), "Do what it says: others could read or replace tokens."),
    }
}

/// Whether an older state folder that is restored would be detected. No token depends on it.
fn marks(cache: Option<&Path>) -> Finding {
    let unnoticed = |why: &dyn std::fmt::Display| {
        note(
            "cache folder",
            format!("a state folder that is restored from a backup would not be detected: {why}"),
            "Give the daemon a cache folder of its own that it can write to. Tokens are served without it, too.",
        )
    };
    let Some(path) = cache else { return unnoticed(&"neither HOME nor XDG_CACHE_HOME is set") };
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return folder("cache folder", path);
    }
    match Folder::open(path).map(|_| rustix::fs::access(path, rustix::fs::Access::WRITE_OK)) {
        Ok(Ok(())) => folder("cache folder", path),
        Ok(Err(error)) => unnoticed(&format_args!("{}: {error}", path.display())),
        Err(error) => unnoticed(&error),
    }
}

/// Whether the configured ports are available. A running daemon already has them.
pub(super) async fn ports(config: &Config, running: bool, findings: &mut Vec<Finding>) {
    for address in &config.listen.tcp {
        match bind_tcp(*address).await {
            Ok(_) if running => findings.push(note(
                "port",
                format!("the daemon runs, but does not listen on {address}"),
                "Restart it, so that the `[listen]` of the config takes effect.",
            )),
            Ok(_) => findings.push(good("port", format!("{address} is free"))),
            Err(BindError::PortTaken { .. }) if running => {
                findings.push(good("port", format!("{address} is in use, and the daemon runs")));
            }
            Err(error) => findings.push(needs_hand(
                "port",
                error.to_string(),
                "Free it, or change `listen.tcp` and the redirect URI registered at the provider.",
            )),
        }
    }
}

/// The exact string to register.
pub(super) fn redirects(config: &Config, findings: &mut Vec<Finding>) {
    let first = config.listen.tcp.first().copied();
    for account in config.accounts.values().filter(|account| comes_back(account.grant)) {
        findings.push(match account.redirect_uri_at(first) {
            Some(uri) => note(
                &about(account),
                format!("redirect URI {uri}"),
                "Compare it with the one registered at the provider: every character counts.",
            ),
            None => {
                needs_hand(&about(account), "it has no redirect URI", "Set `redirect_uri`, or a port in `listen.tcp`.")
            }
        });
    }
}

/// The name of an account in findings.
pub(super) fn about(account: &AccountConfig) -> String {
    format!("account {}", account.name)
}
