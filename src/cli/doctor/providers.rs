//! Checks whether the providers can be reached by verified TLS and the expected proxy, and whether their clocks agree with
//! ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use url::Url;

use super::finding::{good, needs_hand, note};
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::Finding;
use crate::oauth::dialect::{Dialect, NetworkOptions};
use crate::provider::HttpProvider;
use crate::provider::proxy::{Env, unused_proxy};

/// More than a slow network and a rounded `Date` can explain.
const BEARABLE: Duration = Duration::from_secs(60);

/// Proxies in the environment that the config does not use.
pub(super) fn proxies(config: &Config, env: Env<'_>, findings: &mut Vec<Finding>) {
    let mut unused: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for account in config.accounts.values() {
        for url in asked(&account.dialect) {
            if let Some(variable) = unused_proxy(&account.dialect.reach, &url, env) {
                unused.entry(variable).or_default().insert(account.dialect.provider.clone());
            }
        }
    }
    for (variable, providers) in unused {
        for provider in providers {
            let what = format!("{variable} is set, but `{provider}` is reached without a proxy");
            let fix = format!(
                "If the provider can be reached only through the proxy, set `proxy = \"environment\"` in `[providers.{provider}]`."
            );
            findings.push(note("proxy", what, fix));
        }
    }
}

/// Sends one GET without credentials to each host; any answer will do.
pub(super) async fn reach(config: &Config, findings: &mut Vec<Finding>) {
    let mut places: BTreeMap<String, (NetworkOptions, Url)> = BTreeMap::new();
    for account in config.accounts.values() {
        for url in asked(&account.dialect) {
            places.entry(url.origin().ascii_serialization()).or_insert_with(|| (account.dialect.reach.clone(), url));
        }
    }
    let provider = HttpProvider::new(Clock::System);
    for (origin, (reach, url)) in places {
        let check = format!("provider at {origin}");
        match provider.probe(&reach, url).await {
            Err(why) => findings.push(needs_hand(
                &check,
                why,
                "Check the network, the proxy and the URL. TLS verification can't be turned off.",
            )),
            Ok(None) => findings.push(good(&check, "it answers")),
            Ok(Some(theirs)) => {
                let ours = Clock::System.now().wall;
                let apart = ours.since(theirs).max(theirs.since(ours));
                findings.push(if apart <= BEARABLE {
                    good(&check, "it answers, and its clock agrees with this machine's")
                } else {
                    let what = format!("its clock and this machine's differ by {} s", apart.as_secs());
                    needs_hand("clock", what, "Set the clock; `timedatectl set-ntp true` keeps it right.")
                });
            }
        }
    }
}

/// The endpoints that the daemon itself uses; the authorization endpoint is used by the browser.
fn asked(dialect: &Dialect) -> impl Iterator<Item = Url> {
    let issuer = dialect.issuer.as_deref().filter(|_| dialect.discover).and_then(|issuer| Url::parse(issuer).ok());
    [dialect.endpoints.token.clone(), issuer].into_iter().flatten()
}
