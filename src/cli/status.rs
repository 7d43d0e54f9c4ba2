//! `ringback status`: how the accounts stand, as a table or as the API tells it.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::report::{moment, plain};
use super::{Outcome, Reach, report};
use crate::clock::Clock;
use crate::contract::{AccountReply, AccountState, AccountsReply, ErrorCode, ExpiryWord, StoreState, whose};

/// Show how the accounts stand
///
/// Exits with 0 if every account shown is fine, with 5 if one of them needs a login, and else with 9
/// if the store of one of them can't be read.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct Status {
    /// Only this account; `default` for the default one
    account: Option<String>,

    /// Print the daemon's reply (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: Reach,
}

const HELP: &str = "\
Examples:
  ringback status
  ringback status work --json
  ringback status >/dev/null || ringback login";

/// Prints the table or JSON; the exit code tells whether somebody has to log in.
pub(super) fn run(args: &Status) -> Outcome {
    let client = args.reach.client()?;
    let now = Clock::System.now().wall.unix_seconds();
    let (text, accounts) = if let Some(name) = &args.account {
        let account = client.account(name)?;
        let text = if args.json { report::json(&account)? } else { table(std::slice::from_ref(&account), now) };
        (text, vec![account])
    } else {
        let reply = client.accounts()?;
        let text = if args.json { report::json(&reply)? } else { overview(&reply, now) };
        (text, reply.accounts)
    };
    report::answer(text.as_bytes())?;
    Ok(exit(&accounts))
}

fn exit(accounts: &[AccountReply]) -> ExitCode {
    let any = |states: &[AccountState]| accounts.iter().any(|account| states.contains(&account.state));
    let code = if any(&[AccountState::NeedsLogin, AccountState::SignedOut]) {
        ErrorCode::LoginRequired.row().exit
    } else if any(&[AccountState::StoreUnavailable]) {
        ErrorCode::StoreUnavailable.row().exit
    } else {
        0
    };
    ExitCode::from(code)
}

fn overview(reply: &AccountsReply, now: i64) -> String {
    let locked = match reply.store {
        StoreState::Unlocked => "",
        StoreState::Locked | StoreState::PassphraseNeeded => ". It is locked: run `ringback unlock`",
        StoreState::PassphraseUnset => ", which nobody has set yet: run `ringback unlock`",
    };
    if reply.accounts.is_empty() {
        return "There is no account in the config. `ringback config example` shows how to add one.\n".into();
    }
    format!("{}\nStore key: {}{locked}\n", table(&reply.accounts, now), plain(&reply.store_key))
}

/// The columns, and below each account what needs more words.
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
    let state = match account.state {
        AccountState::SignedOut => "signed out",
        AccountState::Starting => "starting",
        AccountState::Active => "active",
        AccountState::NeedsLogin => "needs login",
        AccountState::StoreUnavailable => "store unavailable",
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
    if let Some(error) = &account.last_error {
        let times = if error.failures > 1 { format!(", {} times in a row", error.failures) } else { String::new() };
        notes.push(format!("last error {}{times}: {}", moment(error.at, now), plain(&error.error_description)));
    }
    if account.state == AccountState::Starting {
        notes.push("gets its first token by itself".into());
    }
    if let Some(confirm) = &account.login_confirm {
        let told = |identity| whose(identity).map_or_else(|| "somebody".into(), |whose| plain(&whose));
        let (current, new, name) = (told(&confirm.current), told(&confirm.new), plain(&account.account));
        notes.push(format!(
            "a login as {new} waits for an answer whether it replaces {current}: run `ringback login {name}`"
        ));
    } else if account.login_pending.is_some() {
        notes.push("a login is pending: finish it in the browser".into());
    } else if matches!(account.state, AccountState::NeedsLogin | AccountState::SignedOut) {
        notes.push(format!("run `ringback login {}`", plain(&account.account)));
    }
    if account.state == AccountState::Active && !account.refreshable {
        notes.push("can't be refreshed: a login will be needed when it expires".into());
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
    use crate::contract::LastError;

    fn account(name: &str, state: AccountState) -> AccountReply {
        AccountReply {
            account: name.into(),
            provider: "phonecom".into(),
            state,
            attention_needed: false,
            reason_code: None,
            reason: None,
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
        let accounts = [good, account("home", AccountState::SignedOut), account("robot", AccountState::Starting)];
        let text = table(&accounts, 1_000);
        assert_eq!(
            text,
            "ACCOUNT  PROVIDER  STATE       EXPIRES    NEXT REFRESH\n\
             work     phonecom  active      in 42 min  in 30 min\n\
             \x20 last error 10 s ago, 3 times in a row: no [31manswer\n\
             \x20 whose: name A[1mnn, voip_id 1000001\n\
             home     phonecom  signed out  -          -\n\
             \x20 run `ringback login home`\n\
             robot    phonecom  starting    -          -\n\
             \x20 gets its first token by itself\n"
        );
    }

    #[test]
    fn a_needed_login_decides_the_exit_code() {
        let code = |states: &[AccountState]| {
            format!("{:?}", exit(&states.iter().map(|state| account("a", *state)).collect::<Vec<_>>()))
        };
        let expected = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(code(&[]), expected(0));
        assert_eq!(code(&[AccountState::Active]), expected(0));
        assert_eq!(code(&[AccountState::StoreUnavailable, AccountState::Active]), expected(9));
        assert_eq!(code(&[AccountState::StoreUnavailable, AccountState::NeedsLogin]), expected(5));
    }
}
