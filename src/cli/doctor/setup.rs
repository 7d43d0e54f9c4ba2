//! Checks of the setup: config, ports, redirect URIs.

use super::finding::{about, good, needs_hand, note, with_fix};
use crate::cli::config_change::ConfigRepair;
use crate::cli::config_source::{self, ConfigSource};
use crate::cli::fix::{self, Fix};
use crate::config::{Config, ConfigError, comes_back};
use crate::config_file::ConfigFileError;
use crate::contract::Finding;
use crate::http::listen::{BindError, bind_tcp};

/// The usable part of the config; each mistake is a finding.
pub(super) fn config(source: &ConfigSource, findings: &mut Vec<Finding>, fixes: &mut Vec<Fix>) -> Option<Config> {
    let (config, mistakes) = match source.load_with_mistakes() {
        Ok(loaded) => loaded,
        Err(error) => {
            let failure = config_source::failure(&error);
            let reply = failure.reply();
            findings.push(match error {
                ConfigFileError::Unusable { fix: Some(fix), .. } => {
                    fix::add_mode(fixes, &fix);
                    needs_hand("config", &reply.error_description, with_fix(LOOK_THROUGH))
                }
                _ => needs_hand("config", &reply.error_description, &reply.hint),
            });
            return None;
        }
    };
    let repair = ConfigRepair::find(source);
    let advice = |found: &ConfigError, otherwise: &str| match (&repair, found.fix()) {
        (Some(repair), Some(fix)) if repair.covers(found) => with_fix(&format!("The fix is to {fix}.")),
        _ => otherwise.to_owned(),
    };
    for mistake in &mistakes {
        let advice = advice(mistake, "Correct it: `ringback config example` explains every key.");
        findings.push(needs_hand("config", mistake.to_string(), advice));
    }
    for warning in config.iter().flat_map(|config| &config.warnings) {
        let advice = advice(warning, "It works, but docs/config.md recommends something else.");
        findings.push(note("config", warning.to_string(), advice));
    }
    fixes.extend(repair.map(|repair| Fix::Config(Box::new(repair))));
    let config = config?;
    findings.push(match config.accounts.len() {
        0 => needs_hand("config", "it has no account that can be used", "Add one with `ringback account add`."),
        1 => good("config", "1 account can be used"),
        accounts => good("config", format!("{accounts} accounts can be used")),
    });
    Some(config)
}

const LOOK_THROUGH: &str = "Look through it: others could change it.";

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
