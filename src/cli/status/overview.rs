//! All accounts: one line for each, a summary, and what is wrong with the config and the store.

use std::fmt::Write as _;

use super::details;
use super::standing::{Group, ON_DEMAND, ends_at, is_idle, summary, word};
use crate::cli::report::{Palette, moment, plain};
use crate::contract::{AccountReply, AccountState, AccountsReply, ExpiryWord, StoreState};
use crate::program_version::Skew;

/// The whole text; `verbose`: with everything that is known about each account.
pub(super) fn overview(reply: &AccountsReply, verbose: bool, now: i64, palette: Palette) -> String {
    let config = listeners(reply, verbose) + &in_the_config(reply, now);
    let skew = skew(reply);
    if reply.accounts.is_empty() && reply.mistakes.is_empty() {
        return format!("There is no account in the config. `ringback account add` adds one.\n{config}{skew}");
    }
    // With one account alone, nobody asks which is the default.
    let several = reply.accounts.len() + reply.mistakes.len() > 1;
    let default = reply.default_account.as_deref().filter(|_| several);
    let lines = lines(reply, now);
    let groups: Vec<Group> = lines.iter().map(|line| line.group).collect();
    let mut text = if verbose && !reply.accounts.is_empty() {
        let skipped: Vec<&Line> = lines.iter().filter(|line| line.group == Group::Skipped).collect();
        details::table(&reply.accounts, default, now, palette) + &aligned(&skipped, default, palette)
    } else {
        aligned(&lines.iter().collect::<Vec<_>>(), default, palette)
    };
    let locked = locked(reply.store);
    let store = if verbose { format!(" Store key: {}.", plain(&reply.store_key)) } else { String::new() };
    // Writing to a `String` does not fail.
    let _ = writeln!(text, "{config}{skew}\n{}.{store}{locked}", summary(&groups, palette));
    text
}

/// That the daemon is of another version than this command line.
fn skew(reply: &AccountsReply) -> String {
    let skew = Skew::with_daemon(reply.daemon_version.as_deref());
    skew.map(|skew| format!("Note: {skew}\n")).unwrap_or_default()
}

fn locked(store: StoreState) -> &'static str {
    match store {
        StoreState::Unlocked => "",
        StoreState::Locked | StoreState::PassphraseNeeded => " The token store is locked: run `ringback unlock`.",
        StoreState::PassphraseUnset => " The token store has no passphrase yet: run `ringback unlock`.",
    }
}

/// One line: its name, group, word and what there is to say.
struct Line {
    name: String,
    group: Group,
    word: &'static str,
    says: String,
}

/// The worst first.
fn lines(reply: &AccountsReply, now: i64) -> Vec<Line> {
    let accounts = reply.accounts.iter().map(|account| {
        let group = Group::of(account, now);
        let says = plain(&says(account, group, now));
        Line { name: plain(&account.account), group, word: word(account, now), says }
    });
    let skipped = reply.mistakes.iter().map(|mistake| Line {
        name: plain(mistake.account.as_deref().unwrap_or_default()),
        group: Group::Skipped,
        word: "skipped",
        says: plain(&mistake.message),
    });
    let mut lines: Vec<Line> = accounts.chain(skipped).collect();
    lines.sort_by_key(|line| line.group);
    lines
}

fn aligned(lines: &[&Line], default: Option<&str>, palette: Palette) -> String {
    let longest = |of: fn(&Line) -> usize| lines.iter().map(|line| of(line)).max().unwrap_or_default();
    let name = longest(|line| line.name.chars().count());
    let word = longest(|line| line.word.len());
    lines.iter().fold(String::new(), |mut text, line| {
        let mark = details::mark(&line.name, default);
        let shown = palette.paint(line.group.tone(), &format!("{:word$}", line.word));
        let _ = writeln!(text, "{mark}{:name$}  {shown}  {}", line.name, line.says);
        text
    })
}

/// The most important thing about the account: what to do, else what the daemon does, else until when its token is valid.
fn says(account: &AccountReply, group: Group, now: i64) -> String {
    let reason = account.reason.as_deref();
    if let Some(todo) = details::to_do(account) {
        let why =
            reason.filter(|_| account.login_confirm.is_none()).map(|why| format!(" ({})", why.trim_end_matches('.')));
        return todo + &why.unwrap_or_default();
    }
    let failed = account.last_error.as_ref().map(|error| details::failed(error, now));
    let why = || reason.map(str::to_owned).or_else(|| failed.clone());
    match group {
        Group::Fine => [Some(validity(account, now)), why(), details::scope_wanted(account)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
        Group::Ending => {
            let at = ends_at(account, now).map(|at| format!(" {}", moment(at, now))).unwrap_or_default();
            let why = why().map(|why| format!(": {why}")).unwrap_or_default();
            format!("expires{at}, and no new token will come unless this is fixed{why}")
        }
        Group::Recovering if account.state == AccountState::Starting => {
            let failed = failed.map(|failed| format!("; {failed}")).unwrap_or_default();
            format!("is getting its first token{failed}")
        }
        _ => why().unwrap_or_else(|| "see `ringback status -v`".into()),
    }
}

fn validity(account: &AccountReply, now: i64) -> String {
    if is_idle(account, now) {
        return ON_DEMAND.into();
    }
    let until = match (account.expires_at, account.expiry) {
        (Some(at), _) if at < now => format!("expired {}", moment(at, now)),
        (Some(at), _) => format!("expires {}", moment(at, now)),
        (None, Some(ExpiryWord::Never)) => "does not expire".into(),
        (None, _) => "expires at an unknown time".into(),
    };
    if account.refreshable { until } else { until + ", then you have to log in" }
}

/// The additional listeners that serve nobody; `all`: the others, too.
fn listeners(reply: &AccountsReply, all: bool) -> String {
    reply.extra_listeners.iter().fold(String::new(), |mut text, listener| {
        let what = match (&listener.problem, listener.open) {
            (None, _) if !all => return text,
            (None, _) => "open".to_owned(),
            (Some(problem), true) => format!("serves nobody: {}", plain(problem)),
            (Some(problem), false) => format!("is not open: {}", plain(problem)),
        };
        let app = listener.app.as_deref().map(|app| format!(" (app `{}`)", plain(app))).unwrap_or_default();
        let _ = writeln!(text, "Listener {}{app}: {what}.", plain(&listener.listener));
        text
    })
}

/// What to do about parts of the config that are not in effect, and a refused reload.
fn in_the_config(reply: &AccountsReply, now: i64) -> String {
    let mut text = String::new();
    if let Some(refused) = &reply.reload_refused {
        let at = moment(refused.at, now);
        let _ = writeln!(text, "The config was reloaded {at} and refused; the previous one is in effect:");
        for mistake in &refused.mistakes {
            let _ = writeln!(text, "  {}", plain(&mistake.message));
        }
    }
    if !text.is_empty() || !reply.mistakes.is_empty() {
        text.push_str("Correct the config (`ringback config check`), then run `ringback config reload`.\n");
    }
    text
}
