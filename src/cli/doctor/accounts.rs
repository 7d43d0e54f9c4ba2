//! The state of every account, according to a running daemon.

use super::finding::{about, good, needs_hand, note};
use super::logins;
use crate::cli::arguments::DaemonChoice;
use crate::cli::report::{moment, plain};
use crate::config::{AccountConfig, Config};
use crate::contract::{
    AccountHealth, AccountReply, AccountState, AccountsReply, ErrorCode, ExpiryWord, Finding, ListenerReply,
};
use crate::oauth::dialect::Narrowing;
use crate::oauth::grant::GrantType;
use crate::program_version::Skew;

/// The daemon's reply, if one runs.
pub(super) fn daemon(reach: &DaemonChoice, findings: &mut Vec<Finding>) -> Option<AccountsReply> {
    match reach.client().and_then(|client| Ok(client.accounts()?)) {
        Ok(reply) => {
            findings.push(good("daemon", "it runs and answers"));
            if let Some(skew) = Skew::with_daemon(reply.daemon_version.as_deref()) {
                findings.push(needs_hand("daemon", skew.what(), skew.fix()));
            }
            findings.extend(reply.extra_listeners.iter().map(listener));
            if reply.reload_refused.is_some() {
                let what = "it refused the last reload of the config, and an older one is in effect";
                findings.push(needs_hand("daemon", what, "Fix what `ringback config check` reports, and reload."));
            }
            Some(reply)
        }
        Err(failure) if failure.code() == ErrorCode::NoDaemon => {
            findings.push(needs_hand("daemon", "it is not running", failure.reply().hint.clone()));
            None
        }
        Err(failure) => {
            let reply = failure.reply();
            findings.push(needs_hand("daemon", reply.error_description.clone(), reply.hint.clone()));
            None
        }
    }
}

/// An additional listener, as the daemon has it.
fn listener(listener: &ListenerReply) -> Finding {
    let check = format!("listener {}", listener.listener);
    let retried = "Free the address, or make what has it (such as a container's network). The daemon keeps trying.";
    match (&listener.problem, listener.open) {
        (None, _) => good(&check, "it is open"),
        (Some(problem), false) => needs_hand(&check, format!("it is not open: {problem}"), retried),
        (Some(problem), true) => needs_hand(&check, "it serves nobody", problem.clone() + "."),
    }
}

/// The accounts of the config, including those with a mistake.
pub(super) fn standing(config: &Config, daemon: Option<&AccountsReply>, now: i64, findings: &mut Vec<Finding>) {
    for account in config.accounts.values() {
        let found = daemon.and_then(|reply| reply.accounts.iter().find(|found| *found.account == *account.name));
        match (daemon, found) {
            (_, Some(found)) => {
                one(account, found, now, findings);
                logins::ends(account, found, now, findings);
            }
            (Some(_), None) => findings.push(needs_hand(
                &about(account),
                "the daemon does not know it",
                "It runs with an older or a different config: run `ringback config reload`.",
            )),
            (None, None) => {}
        }
    }
}

fn one(config: &AccountConfig, account: &AccountReply, now: i64, findings: &mut Vec<Finding>) {
    let check = about(config);
    let login = format!("Run `ringback login {}`.", account.account);
    let reason = account.reason.clone().unwrap_or_default();
    let tries = "The daemon keeps trying; see the finding about the provider above, if there is one.";
    let config_fix = "Correct the client's id, secret or scope in the config, and run `ringback config reload`.";
    let health = account.health_at(now);
    findings.push(match (account.state, health.now) {
        (AccountState::SignedOut, _) => needs_hand(&check, "nobody has logged in", &login),
        (AccountState::NeedsLogin, _) => needs_hand(&check, format!("it needs a login: {reason}"), &login),
        (AccountState::StoreUnavailable, _) | (_, AccountHealth::StoreUnavailable) => {
            let fix = "If it is locked, run `ringback unlock`; otherwise make the state folder and its key available.";
            needs_hand(&check, format!("its tokens can't be read or stored: {reason}"), fix)
        }
        (_, AccountHealth::NeedsUser) => needs_hand(&check, format!("it has no valid token: {reason}"), config_fix),
        (AccountState::Starting, _) if account.last_error.is_none() => {
            note(&check, "it has no token yet", "The daemon is getting one: check again.")
        }
        (_, AccountHealth::Recovering | AccountHealth::Other) => {
            note(&check, format!("it has no valid token: {reason}"), tries)
        }
        (_, AccountHealth::Ending) => {
            let ends = health.until.map(|at| format!(", which expires {},", moment(at, now))).unwrap_or_default();
            let what = format!("it has a valid token{ends} and can't get a new one: {reason}");
            if health.exit_code() == 0 { note(&check, what, tries) } else { needs_hand(&check, what, config_fix) }
        }
        (_, AccountHealth::Idle) => good(&check, "it is idle, and gets a token when a program asks"),
        (_, AccountHealth::Usable) => good(&check, "it has a valid token"),
    });
    if let Some(scope) = &account.lost_scope {
        findings.push(lost_scope(config, scope));
    }
    if config.keys.dpop && account.dpop_bound == Some(false) {
        let what =
            "its tokens are not bound to a key, though `dpop = true`: they are older than that, or were imported";
        findings.push(needs_hand(&check, what, &login));
    }
    let ends = account.expiry != Some(ExpiryWord::Never);
    if account.state == AccountState::Active && ends && !account.refreshable && renews_by_refresh(config) {
        let ends =
            account.expires_at.map(|at| format!(", and its token expires {}", moment(at, now))).unwrap_or_default();
        findings.push(needs_hand(&check, format!("there is no refresh token{ends}"), offline_advice(config)));
    }
}

fn lost_scope(config: &AccountConfig, scope: &str) -> Finding {
    let fix = match config.dialect.narrow {
        Narrowing::Off => "Log in again, and check at the provider what was revoked.",
        _ => {
            "If programs request narrower tokens, the provider may bind the refresh token to those (set \
             `narrow = \"off\"`), or something was revoked there. Log in again."
        }
    };
    needs_hand(&about(config), format!("the provider no longer gives the scope `{}`", plain(scope)), fix)
}

fn renews_by_refresh(config: &AccountConfig) -> bool {
    matches!(config.grant, GrantType::AuthorizationCode | GrantType::DeviceCode)
}

/// What makes a provider issue a refresh token differs; the account's own config shows what was tried.
fn offline_advice(config: &AccountConfig) -> String {
    let asks = config.target.scope.iter().any(|scope| scope == "offline_access" || scope == "offline");
    if asks || config.dialect.extra_authorize.contains_key("access_type") {
        "The provider was asked for one and issued none: check the client's settings there, then log in again.".into()
    } else {
        "Request one: most providers need the scope `offline_access`, or a setting of the client; then log in again."
            .into()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{FilePrivacy, parse};
    use crate::contract::{FindingState, StoreState};

    fn config(more: &str) -> Config {
        let text = format!(
            "[providers.p]\npreset = \"generic\"\nauthorize_url = \"https://id.example/a\"\n\
             token_url = \"https://id.example/t\"\nclient_auth = \"none\"\n\
             [accounts.work]\nprovider = \"p\"\nclient_id = \"c\"\n{more}\n"
        );
        parse(&text, Path::new("/c"), FilePrivacy::Private, None).unwrap()
    }

    fn told(config: &Config, account: &str) -> Vec<(FindingState, String)> {
        let account: AccountReply = serde_json::from_str(account).unwrap();
        let reply = AccountsReply {
            extra_listeners: Vec::new(),
            version: 1,
            daemon_version: None,
            default_account: None,
            store_key: String::new(),
            store: StoreState::Unlocked,
            accounts: vec![account],
            mistakes: Vec::new(),
            reload_refused: None,
            config_reads: None,
        };
        let mut findings = Vec::new();
        standing(config, Some(&reply), 1000, &mut findings);
        findings
            .into_iter()
            .map(|finding| (finding.state, finding.what + " | " + &finding.fix.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn what_an_account_needs_is_told_with_its_fix() {
        let account = |rest: &str| {
            format!(r#"{{"account":"work","provider":"p","attention_needed":false,"generation":1,{rest}}}"#)
        };
        for (rest, state, says) in [
            (r#""state":"active","refreshable":true"#, FindingState::Good, "it has a valid token"),
            (
                r#""state":"active","health":"recovering","refreshable":true,"reason":"503""#,
                FindingState::Note,
                "it has no valid token: 503",
            ),
            (
                r#""state":"active","health":"needs_user","refreshable":true,"reason":"invalid_client""#,
                FindingState::NeedsHand,
                "it has no valid token: invalid_client | Correct the client",
            ),
            (
                r#""state":"active","health":"ending","health_until":1600,"health_then":"recovering","refreshable":true,"reason":"503""#,
                FindingState::Note,
                "it has a valid token, which expires in 10 min, and can't get a new one: 503",
            ),
            (r#""state":"signed_out","refreshable":false"#, FindingState::NeedsHand, "ringback login work"),
            (
                r#""state":"needs_login","refreshable":false,"reason":"why"#,
                FindingState::NeedsHand,
                "needs a login: why",
            ),
            (r#""state":"store_unavailable","refreshable":false"#, FindingState::NeedsHand, "ringback unlock"),
        ] {
            let rest = if rest.ends_with("why") { format!("{rest}\"") } else { rest.to_owned() };
            let told = told(&config(""), &account(&rest));
            assert!(told[0].0 == state && told[0].1.contains(says), "{rest}: {told:?}");
        }
        let active = account(r#""state":"active","refreshable":false,"expires_at":4600"#);
        let without = told(&config(""), &active);
        assert!(without[1].1.contains("expires in 60 min | Request one"), "{without:?}");
        let less = told(&config(""), &account(r#""state":"active","refreshable":true,"lost_scope":"write""#));
        assert!(less[1].1.contains("no longer gives the scope `write` | Log in again"), "{less:?}");
        for (bound, warns) in [("", false), (r#","dpop_bound":true"#, false), (r#","dpop_bound":false"#, true)] {
            let active = account(&format!(r#""state":"active","refreshable":true{bound}"#));
            assert_eq!(told(&config(""), &active).len(), 1, "{bound}: nobody asks for it");
            let told = told(&config("dpop = true\nhand_out_dpop = true"), &active);
            assert_eq!(
                told.len() == 2 && told[1].1.ends_with("imported | Run `ringback login work`."),
                warns,
                "{told:?}"
            );
        }
        let permanent = account(r#""state":"active","refreshable":false,"expiry":"never""#);
        let permanent = told(&config(""), &permanent);
        assert!(permanent.len() == 1 && permanent[0].0 == FindingState::Good, "{permanent:?}");
        let with = told(&config("scope = [\"offline_access\"]"), &active);
        assert!(with[1].1.contains("was asked for one and issued none"), "{with:?}");
    }
}
