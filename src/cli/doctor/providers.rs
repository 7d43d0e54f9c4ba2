//! Whether the providers can be reached, by verified TLS and the proxy that the user expects, and whether their clock
//! agrees with ours.

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

/// More than a slow network and a rounded `Date` explain.
const BEARABLE: Duration = Duration::from_secs(60);

/// Proxies of the environment that the config does not use.
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
            let what = format!("{variable} is set, and `{provider}` is asked without a proxy");
            let fix = format!(
                "If it can be reached by that alone, set `proxy = \"environment\"` in `[providers.{provider}]`."
            );
            findings.push(note("proxy", what, fix));
        }
    }
}

/// Asks each host once: a GET without any credentials, whatever it answers.
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
                "Look at the network, the proxy and the URL; TLS has to be verified, there is no way around it.",
            )),
            Ok(None) => findings.push(good(&check, "it answers")),
            Ok(Some(theirs)) => {
                let ours = Clock::System.now().wall;
                let apart = ours.since(theirs).max(theirs.since(ours));
                findings.push(if apart <= BEARABLE {
                    good(&check, "it answers, and its clock agrees with this one")
                } else {
                    let what = format!("its clock and this one are {} s apart", apart.as_secs());
                    needs_hand("clock", what, "Set the clock; `timedatectl set-ntp true` keeps it right.")
                });
            }
        }
    }
}

/// What the daemon itself talks to; the authorization endpoint is the browser's.
fn asked(dialect: &Dialect) -> impl Iterator<Item = Url> {
    let issuer = dialect.issuer.as_deref().filter(|_| dialect.discover).and_then(|issuer| Url::parse(issuer).ok());
    [dialect.endpoints.token.clone(), issuer].into_iter().flatten()
}
