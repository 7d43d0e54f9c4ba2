//! Detects logins that the provider ends again and again after about the same time.

use std::time::Duration;

use super::finding::{about, needs_hand, note};
use crate::account::login_history::pattern;
use crate::cli::report::{moment, span};
use crate::config::AccountConfig;
use crate::contract::{AccountReply, AccountState, Finding};

const DAY: u64 = 86_400;
/// Google's limit for apps in testing: 7 days, and up to one more until it is noticed.
const TESTING: std::ops::Range<u64> = 6 * DAY..8 * DAY;
const GOOGLE: &str = "https://accounts.google.com";

/// The finding, if there is such a pattern.
pub(super) fn ends(config: &AccountConfig, account: &AccountReply, now: i64, findings: &mut Vec<Finding>) {
    let Some((count, lasted)) = pattern(&account.logins_lasted) else { return };
    let expected = account.logged_in_at.filter(|_| account.state == AccountState::Active).map(|since| {
        let end = since.saturating_add_unsigned(lasted.as_secs());
        let when = if end > now { moment(end, now) } else { "at any time".into() };
        format!("; expect that of the present one {when}")
    });
    let (lasts, expected) = (rounded(lasted), expected.unwrap_or_default());
    let what = format!("the provider ended its last {count} logins after about {lasts} each{expected}");
    let of_google = config.dialect.issuer.as_deref() == Some(GOOGLE);
    findings.push(if of_google && TESTING.contains(&lasted.as_secs()) {
        let fix = "Google does that to apps in testing: in its Cloud console, under Google Auth Platform > Audience, \
                   publish the app (\"In production\"), then log in again.";
        needs_hand(&about(config), what, fix)
    } else {
        let fix = format!(
            "Ask the provider how long its refresh tokens last, and whether the client is in a test mode that it can \
             leave; until then run `ringback login {}` in advance.",
            account.account
        );
        note(&about(config), what, fix)
    });
}

/// 6 days and 23 hours are about 7 days.
fn rounded(lasted: Duration) -> String {
    let seconds = lasted.as_secs();
    let unit = if seconds >= 2 * DAY { DAY } else { 3600 };
    span(Duration::from_secs((seconds + unit / 2) / unit * unit))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{FilePrivacy, parse};
    use crate::contract::FindingState;

    fn told(provider: &str, state: &str, since: Option<i64>, lasted: &[u64]) -> Vec<Finding> {
        let text = format!(
            "[providers.p]\n{provider}\n[accounts.work]\nprovider = \"p\"\nclient_id = \"c\"\nclient_secret = \"s\"\n"
        );
        let config = parse(&text, Path::new("/c"), FilePrivacy::Private, None).unwrap();
        let account = serde_json::json!({
            "account": "work", "provider": "p", "state": state, "attention_needed": false, "refreshable": true,
            "generation": 1, "logged_in_at": since, "logins_lasted": lasted,
        });
        let mut findings = Vec::new();
        ends(&config.accounts["work"], &serde_json::from_value(account).unwrap(), 1_000_000, &mut findings);
        findings
    }

    const ANY: &str =
        "preset = \"generic\"\nauthorize_url = \"https://id.example/a\"\ntoken_url = \"https://id.example/t\"";
    const WEEKS: [u64; 2] = [7 * DAY - 600, 7 * DAY + 3000];

    #[test]
    fn the_seven_days_of_googles_test_mode_are_told_with_their_fix() {
        let findings = told("preset = \"google\"", "needs_login", None, &WEEKS);
        assert_eq!(findings[0].state, FindingState::NeedsHand);
        assert_eq!(findings[0].what, "the provider ended its last 2 logins after about 7 days each");
        assert!(findings[0].fix.as_ref().unwrap().contains("publish the app"), "{findings:?}");
    }

    #[test]
    fn other_patterns_are_told_and_none_where_there_is_none() {
        let findings = told(ANY, "active", Some(1_000_000 - 3 * 86_400), &WEEKS);
        assert_eq!(findings[0].state, FindingState::Note);
        assert!(
            findings[0].what.ends_with("about 7 days each; expect that of the present one in 3 days"),
            "{findings:?}"
        );
        assert!(findings[0].fix.as_ref().unwrap().contains("`ringback login work`"), "{findings:?}");
        let late = told(ANY, "active", Some(0), &WEEKS);
        assert!(late[0].what.ends_with("each; expect that of the present one at any time"), "{late:?}");
        let monthly = told("preset = \"google\"", "needs_login", None, &[30 * DAY, 30 * DAY]);
        assert_eq!((monthly.len(), monthly[0].state), (1, FindingState::Note));
        for lasted in [&[][..], &[7 * DAY], &[7 * DAY, 40 * DAY]] {
            assert_eq!(told("preset = \"google\"", "active", None, lasted), vec![]);
        }
    }
}
