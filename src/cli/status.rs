//! `ringback status`: the state of every account, as a table or as the API's JSON.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::platform;
use super::report;
use super::report::{moment, plain};
use crate::clock::Clock;
use crate::contract::{
    AccountHealth, AccountReply, AccountState, AccountsReply, ErrorCode, ExpiryWord, HealthReply, StoreState, whose,
};

/// Show the state of every account
///
/// Exits with 0 if every shown account has a valid token and will get the next one by itself. Otherwise the worst account
/// decides: 9 if the store is locked or does not work, 5 if you have to log in or correct the config, 4 if an account is
/// skipped because of a mistake in the config, 7 if there is no valid token and the daemon is retrying.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct StatusArgs {
    /// Show only this account; `default` for the default one
    account: Option<String>,

    /// Print the daemon's reply as JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback status
  ringback status work --json
  ringback status >/dev/null || ringback login";

/// Prints the table or JSON; the exit code says whether somebody has to log in.
pub(super) fn run(args: &StatusArgs) -> CommandResult {
    let client = args.reach.client()?;
    let now = Clock::System.now().wall.unix_seconds();
    let (text, code) = if let Some(name) = &args.account {
        let account = client.account(name)?;
        let text = if args.json { report::json(&account)? } else { table(std::slice::from_ref(&account), now) };
        (text, exit(&[account], false, now))
    } else {
        let reply = client.accounts()?;
        let text = if args.json { report::json(&reply)? } else { overview(&reply, now) };
        (text, exit(&reply.accounts, !reply.mistakes.is_empty(), now))
    };
    report::answer(text.as_bytes())?;
    if let Some(notice) = platform::notice().filter(|_| !args.json) {
        report::say(notice);
    }
    Ok(code)
}

/// `mistaken`: whether an account is skipped because of a mistake in the config.
fn exit(accounts: &[AccountReply], mistaken: bool, now: i64) -> ExitCode {
    let codes = accounts.iter().map(|account| account.health_at(now).exit_code());
    let mistake = mistaken.then_some(ErrorCode::UnknownAccount.row().exit);
    ExitCode::from(HealthReply::worst(codes.chain(mistake)))
}

fn overview(reply: &AccountsReply, now: i64) -> String {
    let locked = match reply.store {
        StoreState::Unlocked => "",
        StoreState::Locked | StoreState::PassphraseNeeded => ". It is locked: run `ringback unlock`",
        StoreState::PassphraseUnset => ", which nobody has set yet: run `ringback unlock`",
    };
    let wrong = in_the_config(reply, now);
    if reply.accounts.is_empty() && reply.mistakes.is_empty() {
        return format!("There is no account in the config. `ringback account add` adds one.\n{wrong}");
    }
    let table = if reply.accounts.is_empty() { String::new() } else { table(&reply.accounts, now) };
    format!("{table}{wrong}\nStore key: {}{locked}\n", plain(&reply.store_key))
}

/// Which parts of the config are not in effect, and why.
fn in_the_config(reply: &AccountsReply, now: i64) -> String {
    let mut text = String::new();
    // Writing to a `String` does not fail.
    for mistake in &reply.mistakes {
        let account = mistake.account.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{}: skipped because of a mistake in the config", plain(account));
        let _ = writeln!(text, "  {}", plain(&mistake.message));
    }
    if let Some(refused) = &reply.reload_refused {
        let at = moment(refused.at, now);
        let _ = writeln!(text, "The config was reloaded {at} and refused; the previous one is in effect:");
        for mistake in &refused.mistakes {
            let _ = writeln!(text, "  {}", plain(&mistake.message));
        }
    }
    if !text.is_empty() {
        text.push_str(
            "  correct it (`ringback config check`), then reload (`systemctl --user reload ringback`, or SIGHUP)\n",
        );
    }
    text
}

/// The columns, and notes below each account.
fn table(accounts: &[AccountReply], now: i64) -> String {
    let rows: Vec<[String; 5]> = accounts.iter().map(|account| row(account, now)).collect();
    let head = ["ACCOUNT", "PROVIDER", "STATE", "EXPIRES", "NEXT REFRESH"].map(String::from);
    let lines = || std::iter::once(&head).chain(&rows);
    let mut widths = [0_usize; 5];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let notes = std::iter::once(Vec::new()).chain(accounts.iter().map(|account| notes(account, now)));
    for (line, notes) in lines().zip(notes) {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
        for note in notes {
            let _ = writeln!(text, "  {note}");
        }
    }
    text
}

fn row(account: &AccountReply, now: i64) -> [String; 5] {
    let state = match (account.health_at(now).now, account.state) {
        (_, AccountState::SignedOut) => "signed out",
        (_, AccountState::NeedsLogin) => "needs login",
        (AccountHealth::StoreUnavailable, _) | (_, AccountState::StoreUnavailable) => "store unavailable",
        (AccountHealth::Usable, _) => "active",
        (AccountHealth::Ending, _) => "ending",
        (AccountHealth::NeedsUser, _) => "needs you",
        (_, AccountState::Starting) => "starting",
        (AccountHealth::Recovering | AccountHealth::Other, _) => "recovering",
    };
    let expires = match (account.expires_at, account.expiry) {
        (Some(at), _) if at < now => format!("expired {}", moment(at, now)),
        (Some(at), _) => moment(at, now),
        (None, Some(ExpiryWord::Never)) => "never".into(),
        (None, Some(ExpiryWord::Unknown)) => "unknown".into(),
        (None, None) => "-".into(),
    };
    let next = match account.next_refresh_at {
        Some(at) if at <= now => "due".into(),
        Some(at) => moment(at, now),
        None => "-".into(),
    };
    [plain(&account.account), plain(&account.provider), state.into(), expires, next]
}

fn notes(account: &AccountReply, now: i64) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reason) = &account.reason {
        notes.push(plain(reason));
    }
    let health = account.health_at(now);
    if let Some(until) = health.until.filter(|_| health.now == AccountHealth::Ending) {
        notes.push(format!("its token expires {}, and no new one will come unless this is fixed", moment(until, now)));
    }
    if let Some(error) = &account.last_error {
        let times = if error.failures > 1 { format!(", {} times in a row", error.failures) } else { String::new() };
        notes.push(format!("last error {}{times}: {}", moment(error.at, now), plain(&error.error_description)));
    }
    if account.state == AccountState::Starting {
        notes.push("is getting its first token".into());
    }
    if let Some(confirm) = &account.login_confirm {
        let (current, new) = confirm.in_words();
        let (current, new, name) = (plain(&current), plain(&new), plain(&account.account));
        notes.push(format!("a login as {new} is waiting: should it replace {current}? run `ringback login {name}`"));
    } else if account.login_pending.is_some() {
        notes.push("a login is pending: finish it in the browser".into());
    } else if matches!(account.state, AccountState::NeedsLogin | AccountState::SignedOut) {
        notes.push(format!("run `ringback login {}`", plain(&account.account)));
    }
    if account.state == AccountState::Active && !account.refreshable {
        notes.push("can't be refreshed: you have to log in when it expires".into());
    }
    if let Some(whose) = whose(&account.identity) {
        notes.push(format!("whose: {}", plain(&whose)));
    }
    if let Some(scope) = &account.scope {
        notes.push(format!("scope: {}", plain(scope)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ConfigMistake, LastError, ReloadRefused};

    fn account(name: &str, state: AccountState) -> AccountReply {
        AccountReply {
            account: name.into(),
            provider: "phonecom".into(),
            state,
            health: None,
            attention_needed: false,
            reason_code: None,
            reason: None,
            lost_scope: None,
            scope: None,
            obtained_at: None,
            expires_at: None,
            expiry: None,
            next_refresh_at: None,
            refreshable: true,
            generation: 1,
            last_error: None,
            identity: serde_json::Map::new(),
            logged_in_at: None,
            logins_lasted: Vec::new(),
            login_due_at: None,
            login_pending: None,
            login_confirm: None,
        }
    }

    #[test]
    fn the_table_tells_expiry_next_refresh_and_what_to_do() {
        let mut good = account("work", AccountState::Active);
        good.expires_at = Some(1_000 + 42 * 60);
        good.next_refresh_at = Some(1_000 + 30 * 60);
        good.last_error = Some(LastError {
            error: ErrorCode::ProviderUnreachable,
            error_description: "no \x1b[31manswer".into(),
            at: 990,
            failures: 3,
        });
        good.identity = serde_json::from_str(r#"{"voip_id":1000001,"name":"A\u001b[1mnn"}"#).unwrap();
        let of = |name, now, until, then| {
            let health = Some(HealthReply { now, until, then });
            AccountReply { health, ..account(name, AccountState::Active) }
        };
        let accounts = [
            good,
            account("home", AccountState::SignedOut),
            account("robot", AccountState::Starting),
            of("a", AccountHealth::Ending, Some(1_600), Some(AccountHealth::Recovering)),
            of("b", AccountHealth::Recovering, None, None),
            of("c", AccountHealth::NeedsUser, None, None),
            of("d", AccountHealth::StoreUnavailable, None, None),
        ];
        let text = table(&accounts, 1_000);
        assert_eq!(
            text,
            "ACCOUNT  PROVIDER  STATE              EXPIRES    NEXT REFRESH\n\
             work     phonecom  active             in 42 min  in 30 min\n\
             \x20 last error 10 s ago, 3 times in a row: no [31manswer\n\
             \x20 whose: name A[1mnn, voip_id 1000001\n\
             home     phonecom  signed out         -          -\n\
             \x20 run `ringback login home`\n\
             robot    phonecom  starting           -          -\n\
             \x20 is getting its first token\n\
             a        phonecom  ending             -          -\n\
             \x20 its token expires in 10 min, and no new one will come unless this is fixed\n\
             b        phonecom  recovering         -          -\n\
             c        phonecom  needs you          -          -\n\
             d        phonecom  store unavailable  -          -\n"
        );
    }

    #[test]
    fn of_an_older_daemon_the_state_tells_the_health() {
        for (state, expires_at, code) in [
            (AccountState::Active, Some(2_000), 0),
            (AccountState::Active, None, 0),
            (AccountState::Active, Some(1_000), 7),
            (AccountState::Starting, None, 7),
            (AccountState::SignedOut, None, 5),
            (AccountState::NeedsLogin, Some(2_000), 5),
            (AccountState::StoreUnavailable, None, 9),
        ] {
            let account = AccountReply { expires_at, ..account("a", state) };
            assert_eq!(account.health_at(1_000).exit_code(), code, "{state:?} {expires_at:?}");
        }
        let active = [account("a", AccountState::Active)];
        assert_eq!(format!("{:?}", exit(&active, true, 1_000)), format!("{:?}", ExitCode::from(4)));
    }

    #[test]
    fn accounts_with_a_mistake_and_a_refused_reload_are_shown() {
        let mistake = |account: &str, line: u32| ConfigMistake {
            account: Some(account.into()),
            message: format!("/c.toml:{line}:1: accounts.{account}.scope: is an integer"),
        };
        let mut reply = AccountsReply {
            version: 1,
            default_account: None,
            store_key: "k".into(),
            store: StoreState::Unlocked,
            accounts: Vec::new(),
            mistakes: Vec::new(),
            reload_refused: None,
        };
        let fix =
            "  correct it (`ringback config check`), then reload (`systemctl --user reload ringback`, or SIGHUP)\n";
        assert!(overview(&reply, 1_000).starts_with("There is no account in the config."));
        reply.mistakes = vec![mistake("bad", 3)];
        assert_eq!(
            overview(&reply, 1_000),
            format!(
                "bad: skipped because of a mistake in the config\n  \
                 /c.toml:3:1: accounts.bad.scope: is an integer\n{fix}\nStore key: k\n"
            )
        );
        reply.mistakes.clear();
        reply.reload_refused = Some(ReloadRefused { at: 990, mistakes: vec![mistake("a", 7)] });
        reply.accounts = vec![account("a", AccountState::Active)];
        let text = overview(&reply, 1_000);
        let told = "The config was reloaded 10 s ago and refused; the previous one is in effect:\n  /c.toml:7:1: ";
        assert!(text.contains(told) && text.contains(fix), "{text}");
    }
}
