//! What the status page says, in words: accounts, apps and questions as rows of text. What a stranger wrote is cut
//! and cleaned here.

use crate::apps::App;
use crate::apps::consent::ConsentQuestion;
use crate::apps::wording::times;
use crate::clock::Wall;
use crate::contract::{AccountHealth, AccountReply, AccountState, whose};
use crate::printable::is_unprintable;

/// What a provider wrote is cut to this many characters.
const SHOWN: usize = 300;

/// An account, in words.
pub(super) struct AccountRow {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) mark: &'static str,
    pub(super) class: &'static str,
    pub(super) state: &'static str,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) trouble: Option<String>,
    pub(super) can_log_in: bool,
    pub(super) can_refresh: bool,
    pub(super) can_log_out: bool,
}

/// A program with a key, in words.
pub(super) struct AppRow {
    pub(super) name: String,
    pub(super) rights: String,
    pub(super) used: String,
    pub(super) ends: Option<String>,
}

/// A login that waits for an answer, in words.
pub(super) struct LoginRow {
    pub(super) account: String,
    pub(super) login: String,
    pub(super) question: String,
}

pub(super) fn row(account: &AccountReply, now: Wall) -> AccountRow {
    let health = account.health_at(now.unix_seconds());
    let (mark, class, state) = match (account.state, health.now) {
        (AccountState::SignedOut, _) => ("–", "notice", "nobody has logged in"),
        (AccountState::NeedsLogin, _) => ("!", "bad", "needs a login"),
        (AccountState::StoreUnavailable, _) => ("✗", "bad", "its tokens can't be read"),
        (_, AccountHealth::StoreUnavailable) => ("✗", "bad", "has no valid token, and a new one could not be stored"),
        (_, AccountHealth::NeedsUser) => ("!", "bad", "has no valid token, and needs attention"),
        (AccountState::Starting, _) => ("…", "", "is getting its first token"),
        (_, AccountHealth::Usable) => ("✓", "good", "has a valid token"),
        (_, AccountHealth::Ending) => ("!", "notice", "has a valid token, but can't get a new one"),
        (_, AccountHealth::Recovering | AccountHealth::Other) => ("!", "bad", "has no valid token; retrying"),
    };
    let time = |at: Option<i64>| at.map(|at| moment(at, now));
    let facts = [
        ("Whose", whose(&account.identity)),
        ("Scope", account.scope.clone().filter(|scope| !scope.is_empty())),
        ("Expires", time(account.expires_at)),
        ("Usable until", time(health.until)),
        ("Next refresh", time(account.next_refresh_at)),
        ("Login due", time(account.login_due_at)),
        ("Login", account.login_pending.as_ref().map(|_| login(account).to_owned())),
    ];
    let error = account.last_error.as_ref().map(|error| error.error_description.clone());
    let holds = matches!(account.state, AccountState::Active | AccountState::NeedsLogin);
    AccountRow {
        name: account.account.clone(),
        provider: cut(&account.provider),
        mark,
        class,
        state,
        facts: facts.into_iter().filter_map(|(name, value)| Some((name, cut(&value?)))).collect(),
        trouble: account.reason.clone().or(error).map(|why| cut(&why)),
        can_log_in: account.state != AccountState::StoreUnavailable,
        can_refresh: account.refreshable && holds,
        can_log_out: holds,
    }
}

fn login(account: &AccountReply) -> &'static str {
    if account.login_confirm.is_some() { "waits for an answer" } else { "in progress" }
}

/// The id of the account's login and what it asks, if it waits for an answer.
pub(super) fn login_row(account: &AccountReply) -> Option<LoginRow> {
    let (login, confirm) = account.login_pending.clone().zip(account.login_confirm.as_ref())?;
    let (current, new) = confirm.in_words();
    let question = cut(&format!("is logged in as {current}, but the new login is by {new}. Replace the tokens?"));
    Some(LoginRow { account: account.account.clone(), login, question })
}

/// Its number, and who asks for what.
pub(super) fn question_row(question: &ConsentQuestion) -> (String, String) {
    (question.id.clone(), cut(&format!("{} asks for a token of {}", question.asker, question.account)))
}

pub(super) fn app_row(app: &App, now: Wall) -> AppRow {
    let accounts = app.rights.accounts.as_ref();
    let accounts = accounts.map_or("every account".into(), |some| some.iter().cloned().collect::<Vec<_>>().join(", "));
    let usage = app.usage();
    AppRow {
        name: app.name.clone(),
        rights: cut(&format!("{} {accounts}", if app.rights.write { "reads and changes" } else { "reads" })),
        used: usage
            .last_used_at
            .map_or("never used".into(), |at| format!("used {}, last {}", times(usage.uses), moment(at, now))),
        ends: app.expires_at.map(|at| moment(at, now)),
    }
}

/// How many wrong keys were shown, if any were.
pub(super) fn wrong_keys(count: u64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 wrong key was shown".into()),
        _ => Some(format!("{count} wrong keys were shown")),
    }
}

/// What a stranger wrote, in a bearable length and without what hides or turns text around.
fn cut(text: &str) -> String {
    let short: String = text.chars().filter(|c| !is_unprintable(*c)).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() { short + "…" } else { short }
}

/// `at` in Unix seconds, as seen from `now`, in the largest unit of which there are two.
fn moment(at: i64, now: Wall) -> String {
    let distance = at.abs_diff(now.unix_seconds());
    let told = match distance {
        0..120 => format!("{distance} s"),
        120..7_200 => format!("{} min", distance / 60),
        7_200..172_800 => format!("{} h", distance / 3600),
        _ => format!("{} days", distance / 86_400),
    };
    if at >= now.unix_seconds() { format!("in {told}") } else { format!("{told} ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_wrote_is_cut_and_cannot_turn_the_page_around() {
        assert_eq!(cut("a\u{202e}b\u{200b}c\nd"), "abcd");
        assert_eq!(cut(&"x".repeat(SHOWN + 1)).chars().count(), SHOWN + 1);
        for (count, told) in [(0, None), (1, Some("1 wrong key was shown")), (2, Some("2 wrong keys were shown"))] {
            assert_eq!(wrong_keys(count).as_deref(), told);
        }
        assert_eq!((times(1), times(2)), ("once".to_owned(), "2 times".to_owned()));
        assert_eq!(moment(160, Wall(100_000)), "in 60 s");
        assert_eq!(moment(0, Wall(500_000_000)), "5 days ago");
    }
}
