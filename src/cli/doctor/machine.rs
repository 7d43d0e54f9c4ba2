//! Checks of the machine: clock, browser, keyring, service.

use super::finding::{good, needs_hand, note, with_fix};
use crate::cli::config_source::ConfigSource;
use crate::cli::fix::Fix;
use crate::cli::platform;
use crate::cli::service;
use crate::cli::service::systemctl::{self, Property};
use crate::clock::Wall;
use crate::config::Config;
use crate::contract::{Finding, FindingState};
use crate::os::browser;
use crate::os::keyring::{self, KeyringError};
use crate::os::support::{self, System};

/// 2026-01-01, before this was written: an earlier clock is wrong.
const WRITTEN: i64 = 1_767_225_600;

/// What this system lacks; nothing on Linux.
pub(super) fn system(findings: &mut Vec<Finding>) {
    let fix = "docs/platforms.md says what works on which system.";
    findings.extend(support::missing(System::HERE).map(|(name, why)| note("system", format!("{name}: {why}"), fix)));
}

/// A clock that was never set. Smaller differences show in the providers' replies.
pub(super) fn clock(now: Wall, findings: &mut Vec<Finding>) {
    if now.unix_seconds() < WRITTEN {
        let what = "the clock is years behind: every token would look valid, and no certificate would be valid yet";
        findings.push(needs_hand("clock", what, "Set it; `timedatectl set-ntp true` keeps it right."));
    }
}

/// Whether a browser can be opened.
pub(super) fn browser(findings: &mut Vec<Finding>) {
    findings.push(if browser::has_browser(&|name| std::env::var_os(name)) {
        good("browser", "there is a display, or BROWSER names one")
    } else {
        let what = "there is none here: no display, and BROWSER is not set";
        note("browser", what, "Log in with `--no-browser`, `--paste` or `--device`.")
    });
}

/// Checked only if something depends on it; asking for a missing item is enough.
pub(super) fn keyring(config: &Config, findings: &mut Vec<Finding>) {
    if !platform::needs_keyring(config) {
        return;
    }
    findings.push(match keyring::get("ringback doctor", "checks whether the keyring answers") {
        Ok(_) | Err(KeyringError::NoEntry { .. }) => good("keyring", "it answers"),
        Err(error) => needs_hand("keyring", error.to_string(), "Unlock it, or start the session's Secret Service."),
    });
}

/// The user's units, if there is a systemd.
pub(super) fn service(source: &ConfigSource, config: &Config, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) {
    let Some(finding) = units(&|unit, property| systemctl::property(unit, property).ok()) else { return };
    let installed = finding.state != FindingState::Note;
    findings.push(finding);
    // Units that are not enabled are left alone: installing them again would enable them.
    if let Some(outdated) = service::outdated(source, config).filter(|_| installed) {
        let advice = with_fix("Run `ringback service install` again, which restarts the daemon.");
        findings.extend(outdated.units().iter().map(|unit| {
            let (why, advice) = (unit.why.clone(), advice.clone());
            if unit.is_broken { needs_hand("service", why, advice) } else { note("service", why, advice) }
        }));
        fixes.push(Fix::Units(outdated));
    }
    if installed && systemctl::lingers() == Some(false) {
        let fix = "`loginctl enable-linger` keeps the daemon running, and tokens fresh, while you are logged out.";
        findings.push(note("service", "it stops when you log out", fix));
    }
}

/// Whether something starts the daemon: its service at login, or its socket at the first request. `of`: the property of a
/// unit; `None` if systemd can't be reached.
fn units(of: &dyn Fn(&str, Property) -> Option<String>) -> Option<Finding> {
    let enabled = |unit| of(unit, Property::UnitFileState);
    let (service, socket) = (enabled("ringback.service")?, enabled("ringback.socket").unwrap_or_default());
    let active = |unit| of(unit, Property::ActiveState).unwrap_or_default();
    let (by_service, by_socket) = (service == "enabled", socket == "enabled");
    if by_socket {
        let socket = active("ringback.socket");
        let what = match (socket.as_str(), active("ringback.service").as_str(), by_service) {
            ("active", "active", _) => "ringback.socket is enabled, and the daemon runs",
            ("active", "inactive", false) => "ringback.socket is enabled: the daemon starts at the first request",
            (_, service, _) => {
                let fix = "`journalctl --user -u ringback.socket -u ringback` says why; then run `systemctl --user stop \
                           ringback.service`, and `systemctl --user start ringback.socket`.";
                let what = format!("ringback.socket is enabled, and {socket}; ringback.service is {service}");
                return Some(needs_hand("service", what, fix));
            }
        };
        return Some(good("service", what));
    }
    if !by_service {
        let (state, start) = match service.as_str() {
            "" => ("not installed", "ringback service install"),
            state => (state, "systemctl --user enable --now ringback"),
        };
        let fix = format!("To start the daemon automatically: `{start}`.");
        return Some(note("service", format!("ringback.service is {state}"), fix));
    }
    let service = active("ringback.service");
    if service == "active" {
        return Some(good("service", "ringback.service is enabled and runs"));
    }
    let fix = "`journalctl --user -u ringback` says why; then run `systemctl --user start ringback`.";
    Some(needs_hand("service", format!("ringback.service is enabled, and {service}"), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starts_the_daemon_is_its_service_or_its_socket() {
        use FindingState::{Good, NeedsHand, Note};
        // The service: enabled, active; the socket: the same.
        for (states, state, says) in [
            (["", "inactive", "", "inactive"], Note, "not installed"),
            (["disabled", "inactive", "not-found", "inactive"], Note, "ringback.service is disabled"),
            (["enabled", "active", "not-found", "inactive"], Good, "enabled and runs"),
            (["enabled", "failed", "disabled", "inactive"], NeedsHand, "ringback.service is enabled, and failed"),
            (["disabled", "inactive", "enabled", "active"], Good, "starts at the first request"),
            (["disabled", "active", "enabled", "active"], Good, "ringback.socket is enabled, and the daemon runs"),
            (["enabled", "active", "enabled", "active"], Good, "ringback.socket is enabled, and the daemon runs"),
            (["enabled", "inactive", "enabled", "active"], NeedsHand, "ringback.service is inactive"),
            (["disabled", "failed", "enabled", "failed"], NeedsHand, "and failed; ringback.service is failed"),
            (["disabled", "active", "enabled", "inactive"], NeedsHand, "ringback.socket is enabled, and inactive"),
        ] {
            let said = |unit: &str, property| {
                let is_active = matches!(property, Property::ActiveState);
                let column = usize::from(unit == "ringback.socket") * 2 + usize::from(is_active);
                Some(states[column].to_owned())
            };
            let finding = units(&said).unwrap();
            assert!(finding.state == state && finding.what.contains(says), "{states:?}: {finding:?}");
        }
        assert!(units(&|_, _| None).is_none(), "without a systemd there is nothing to say");
    }
}
