//! What the machine has and does: clock, browser, keyring, service.

use std::path::Path;
use std::process::{Command, Stdio};

use super::finding::{good, needs_hand, note};
use crate::browser;
use crate::clock::Wall;
use crate::config::{Config, KeySource, SecretSource};
use crate::contract::Finding;
use crate::keyring::{self, KeyringError};

/// 2026-01-01: before it was written, so a clock that says less is wrong.
const WRITTEN: i64 = 1_767_225_600;

/// A clock that was never set. Whether it agrees with others, the providers' answers tell.
pub(super) fn clock(now: Wall, findings: &mut Vec<Finding>) {
    if now.unix_seconds() < WRITTEN {
        let what = "the clock is years behind: every token would look fresh, and certificates not valid yet";
        findings.push(needs_hand("clock", what, "Set it; `timedatectl set-ntp true` keeps it right."));
    }
}

/// Whether a click can open one.
pub(super) fn browser(findings: &mut Vec<Finding>) {
    findings.push(if browser::has_browser(&|name| std::env::var_os(name)) {
        good("browser", "there is a display, or BROWSER names one")
    } else {
        let what = "there is none here: no display, and BROWSER is not set";
        note("browser", what, "Log in with `--no-browser`, `--paste` or `--device`.")
    });
}

/// Only asked where something depends on it; a name that it does not hold is answer enough.
pub(super) fn keyring(config: &Config, findings: &mut Vec<Finding>) {
    let of_accounts = config.accounts.values().any(|account| {
        let password = account.user.as_ref().and_then(|user| user.password.as_ref());
        [account.client_secret.as_ref(), password]
            .into_iter()
            .flatten()
            .any(|s| matches!(s, SecretSource::Keyring { .. }))
    });
    if config.store.key != KeySource::Keyring && !of_accounts {
        return;
    }
    findings.push(match keyring::get("ringback doctor", "looks whether the keyring answers") {
        Ok(_) | Err(KeyringError::NoEntry { .. }) => good("keyring", "it answers"),
        Err(error) => needs_hand("keyring", error.to_string(), "Unlock it, or start the session's Secret Service."),
    });
}

/// The user's service, where there is a systemd.
pub(super) fn service(findings: &mut Vec<Finding>) {
    let Some(enabled) = systemctl(&["is-enabled", "ringback.service"]) else { return };
    if enabled != "enabled" {
        let fix = "For a daemon that is always there: `systemctl --user enable --now ringback` (see the README).";
        findings.push(note(
            "service",
            format!("ringback.service is {}", if enabled.is_empty() { "not installed" } else { &enabled }),
            fix,
        ));
        return;
    }
    let active = systemctl(&["is-active", "ringback.service"]).unwrap_or_default();
    findings.push(if active == "active" {
        good("service", "ringback.service is enabled and runs")
    } else {
        let fix = "`journalctl --user -u ringback` says why; then `systemctl --user start ringback`.";
        needs_hand("service", format!("ringback.service is enabled, and {active}"), fix)
    });
    let user = std::env::var("USER").unwrap_or_default();
    if !user.is_empty() && !user.contains('/') && !Path::new("/var/lib/systemd/linger").join(&user).exists() {
        let fix = "`loginctl enable-linger` keeps the daemon running, and tokens fresh, while you are logged out.";
        findings.push(note("service", "it stops when you log out", fix));
    }
}

/// What `systemctl --user` prints; `None` where it can't be asked.
fn systemctl(arguments: &[&str]) -> Option<String> {
    std::env::var_os("XDG_RUNTIME_DIR")?;
    let done = Command::new("systemctl").arg("--user").args(arguments).stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    let unreachable = said.is_empty() && String::from_utf8_lossy(&done.stderr).contains("connect to bus");
    (!unreachable).then_some(said)
}
