//! Checks of the proxy: whether the upstreams answer, whether their paths look right, and whether the apps that may use
//! it can.

use super::finding::{good, needs_hand, note};
use crate::clock::Clock;
use crate::config::{AccountConfig, Config};
use crate::contract::{AppReply, Finding};
use crate::oauth::challenge::Challenge;
use crate::provider::HttpProvider;
use crate::provider::upstream::Upstreams;
use crate::reverse_proxy::rules::NEVER_FORWARDED;
use crate::reverse_proxy::upstream::Upstream;

/// The accounts with a proxy, and where it leads.
fn proxied(config: &Config) -> impl Iterator<Item = (&AccountConfig, &Upstream)> {
    config.accounts.values().filter_map(|account| Some((&**account, &account.proxied.as_ref()?.upstream)))
}

fn proxy_of(account: &str) -> String {
    format!("proxy of {account}")
}

/// Sends one GET without a token to each upstream's base URL.
pub(super) async fn reach(config: &Config, findings: &mut Vec<Finding>) {
    let upstreams = Upstreams::default();
    for (account, upstream) in proxied(config) {
        let (check, shown) = (proxy_of(&account.name), upstream.shown());
        let Ok(url) = upstream.target("", None) else { continue };
        let answer = match upstreams.probe(&account.dialect.reach, &url).await {
            Ok(answer) => answer,
            Err(why) => {
                findings.push(needs_hand(&check, format!("{shown} can't be used: {why}"), unreached(account)));
                continue;
            }
        };
        let status = answer.status;
        findings.push(match (status, answer.location) {
            (300..=399, Some(to)) => note(
                &check,
                format!("{shown} redirects to {to}, and the proxy follows no redirect"),
                format!(
                    "If the API has moved there, set that as `upstream` in `[accounts.{0}.proxy]`. If only its start page does this, nothing has to be done.",
                    account.name
                ),
            ),
            (401 | 403, _) => good(&check, format!("{shown} answers {status} to a request without a token, as it should")),
            (500.., _) => note(
                &check,
                format!("{shown} answers {status}"),
                "Something is wrong at the API itself: if it stays so, ask who runs it.",
            ),
            _ => good(&check, format!("{shown} answers ({status})")),
        });
        if let (401, Some(challenge)) = (status, &answer.challenge) {
            mcp_server(account, &url, challenge, findings).await;
        }
    }
}

fn unreached(account: &AccountConfig) -> String {
    format!(
        "Check the network, the name and the port in `upstream` of `[accounts.{}.proxy]`. An API on this machine is `http://127.0.0.1:PORT`. TLS verification can't be turned off; `ca_file` of `[providers.{}]` adds a certificate.",
        account.name, account.dialect.provider
    )
}

/// Whether an MCP server still gets its tokens from the account's issuer, and for the same resource.
async fn mcp_server(account: &AccountConfig, url: &url::Url, challenge: &Challenge, findings: &mut Vec<Finding>) {
    let (Some(issuer), Some(_)) = (&account.dialect.issuer, &challenge.resource_metadata) else { return };
    let Ok(found) = HttpProvider::new(Clock::System).protected_resource(url, challenge).await else { return };
    let fix = format!("Run `ringback mcp add {} {url}` again, and then `ringback login {0}`.", account.name);
    let check = proxy_of(&account.name);
    if !found.authorization_servers.is_empty() && !found.authorization_servers.contains(issuer) {
        let others = found.authorization_servers.join(", ");
        findings.push(needs_hand(&check, format!("the server takes tokens of {others}, and not of {issuer}"), fix));
    } else if !account.target.resource.is_empty() && !account.target.resource.contains(&found.resource) {
        let what = format!("the server calls itself {}, which is not `resource` of the account", found.resource);
        findings.push(note(&check, what, fix));
    }
}

/// Upstreams whose path looks like a mistake.
pub(super) fn paths(config: &Config, findings: &mut Vec<Finding>) {
    for (account, upstream) in proxied(config) {
        if let Some(twice) = repeated(upstream.path()) {
            findings.push(note(
                &proxy_of(&account.name),
                format!("the path of {} has `{twice}` twice", upstream.shown()),
                format!("If that is a mistake, correct `upstream` in `[accounts.{}.proxy]`.", account.name),
            ));
        }
    }
}

/// The end of the path, if the same stands before it.
fn repeated(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let twice = |count: &usize| {
        let (before, last) = segments.split_at(segments.len() - count);
        before.ends_with(last)
    };
    let count = (1..=segments.len() / 2).rev().find(twice)?;
    Some(segments.iter().rev().take(count).rev().flat_map(|segment| ["/", segment]).collect())
}

/// Apps that may use the proxy of accounts where that can't work.
pub(super) fn apps(config: &Config, apps: &[AppReply], findings: &mut Vec<Finding>) {
    for app in apps {
        let Some(rules) = &app.proxy else { continue };
        let check = format!("app {}", app.name);
        let again = format!("`ringback app remove {}`, and make its key again", app.name);
        for method in rules.methods.iter().filter(|method| NEVER_FORWARDED.contains(&method.as_str())) {
            let what = format!("its rule for {method} fits no request: the proxy forwards none");
            findings.push(note(&check, what, format!("Run {again} without `--method {method}`.")));
        }
        for name in app.accounts.iter().flatten().filter(|name| !config.broken.contains_key(*name)) {
            match config.accounts.get(name) {
                None => findings.push(needs_hand(
                    &check,
                    format!("it may use the proxy of `{name}`, which is no account of the config"),
                    format!("Add the account, or run {again} for another one."),
                )),
                Some(account) if account.proxied.is_none() => findings.push(needs_hand(
                    &check,
                    format!("it may use the proxy of `{name}`, which is not open"),
                    format!("Set `upstream` in `[accounts.{name}.proxy]`, or run {again} for another account."),
                )),
                Some(_) => {}
            }
        }
        let of_app =
            |account: &AccountConfig| app.accounts.as_ref().is_none_or(|own| own.contains(&account.name.to_string()));
        for (account, upstream) in proxied(config).filter(|(account, _)| of_app(account)) {
            for (path, rest) in rules.paths.iter().filter_map(|path| Some((path, below(upstream.path(), path)?))) {
                let what = format!(
                    "its rule `{path}` begins with `{}`, as the upstream of `{}` does: it fits only what has that twice",
                    upstream.path(),
                    account.name
                );
                let fix = format!("Paths of rules begin behind the base URL: run {again} with `--path '{rest}'`.");
                findings.push(note(&check, what, fix));
            }
        }
    }
}

/// What of a rule's path is below the upstream's, if it begins with that.
fn below<'p>(upstream: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(upstream).filter(|_| !upstream.is_empty())?;
    if rest.is_empty() { Some("/") } else { rest.starts_with('/').then_some(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_repeats_itself_at_its_end_is_found() {
        for (path, twice) in [
            ("", None),
            ("/v4", None),
            ("/v4/v4", Some("/v4")),
            ("/api/v1/api/v1", Some("/api/v1")),
            ("/x/v1/v1", Some("/v1")),
            ("/v1/x/v1", None),
            ("/a/a/b", None),
        ] {
            assert_eq!(repeated(path).as_deref(), twice, "{path}");
        }
    }

    #[test]
    fn a_rule_with_the_upstreams_own_path_is_found() {
        for (upstream, path, rest) in [
            ("/v4", "/v4/accounts/**", Some("/accounts/**")),
            ("/v4", "/v4", Some("/")),
            ("/v4", "/v40/x", None),
            ("/v4", "/accounts/v4", None),
            ("", "/v4/x", None),
        ] {
            assert_eq!(below(upstream, path), rest, "{upstream} {path}");
        }
    }
}
