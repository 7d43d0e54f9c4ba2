//! The texts of the status, for accounts in every state.

use std::process::ExitCode;

use super::state::State;
use super::*;
use crate::contract::{
    AccountHealth, AccountReply, AccountState, AccountsReply, ConfigMistake, Confirm, ErrorCode, ExpiryWord,
    HealthReply, LastError, ReloadRefused, StoreState,
};

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
        dpop_bound: None,
        generation: 1,
        last_error: None,
        identity: serde_json::Map::new(),
        logged_in_at: None,
        logins_lasted: Vec::new(),
        login_due_at: None,
        login_pending: None,
        login_confirm: None,
        file_error: None,
        proxy: None,
    }
}

fn reply(accounts: Vec<AccountReply>) -> AccountsReply {
    AccountsReply {
        extra_listeners: Vec::new(),
        version: 1,
        daemon_version: Some(env!("CARGO_PKG_VERSION").into()),
        default_account: None,
        store_key: "k".into(),
        store: StoreState::Unlocked,
        accounts,
        mistakes: Vec::new(),
        reload_refused: None,
        config_reads: None,
    }
}

fn good(name: &str) -> AccountReply {
    AccountReply {
        expires_at: Some(1_000 + 42 * 60),
        next_refresh_at: Some(1_000 + 30 * 60),
        ..account(name, AccountState::Active)
    }
}

fn of(name: &str, now: AccountHealth, until: Option<i64>, then: Option<AccountHealth>) -> AccountReply {
    let health = Some(HealthReply { now, until, then });
    AccountReply { health, ..account(name, AccountState::Active) }
}

fn last_error() -> LastError {
    let error_description = "no \x1b[31manswer".into();
    LastError { error: ErrorCode::ProviderUnreachable, error_description, at: 990, failures: 3 }
}

/// Accounts in every state.
fn one_of_each() -> Vec<AccountReply> {
    let identity = serde_json::from_str(r#"{"voip_id":1000001,"name":"A\u001b[1mnn"}"#).unwrap();
    vec![
        AccountReply { last_error: Some(last_error()), identity, dpop_bound: Some(true), ..good("work") },
        AccountReply { reason: Some("the provider ended it.".into()), ..account("home", AccountState::NeedsLogin) },
        account("robot", AccountState::Starting),
        of("a", AccountHealth::Ending, Some(1_600), Some(AccountHealth::Recovering)),
        AccountReply { last_error: Some(last_error()), ..of("b", AccountHealth::Recovering, None, None) },
        of("c", AccountHealth::NeedsUser, None, None),
        of("d", AccountHealth::StoreUnavailable, None, None),
    ]
}

#[test]
fn the_overview_has_a_line_for_each_account_and_a_summary() {
    let mut reply = reply(one_of_each());
    reply.default_account = Some("work".into());
    assert_eq!(
        overview::overview(&reply, false, 1_000, Palette::Plain),
        "\x20 d      store unavailable  see `ringback status -v`\n\
         \x20 home   needs login        run `ringback login home` (the provider ended it)\n\
         \x20 c      needs you          see `ringback status -v`\n\
         \x20 robot  starting           is getting its first token\n\
         \x20 b      recovering         last error 10 s ago, 3 times in a row: no [31manswer\n\
         \x20 a      ending             expires in 10 min, and no new token will come unless this is fixed\n\
         * work   active             expires in 42 min; last error 10 s ago, 3 times in a row: no [31manswer\n\
         \n\
         1 fine, 1 ending, 2 recovering, 2 need you, 1 waits for the token store.\n"
    );
}

#[test]
fn a_line_says_what_to_do_or_how_long_the_token_is_valid() {
    let someone = |voip_id: u32| serde_json::from_str(&format!(r#"{{"voip_id":{voip_id}}}"#)).unwrap();
    let confirm = Confirm { current: someone(1), new: someone(2) };
    for (account, line) in [
        (AccountReply { refreshable: false, ..good("x") }, "active  expires in 42 min, then you have to log in"),
        (AccountReply { expires_at: None, expiry: Some(ExpiryWord::Never), ..good("x") }, "active  does not expire"),
        (AccountReply { expires_at: None, ..good("x") }, "active  expires at an unknown time"),
        (
            AccountReply { expires_at: Some(400), ..of("x", AccountHealth::Idle, None, None) },
            "idle  gets a token when a program asks",
        ),
        (account("x", AccountState::SignedOut), "signed out  run `ringback login x`"),
        (
            AccountReply { login_pending: Some("l".into()), ..account("x", AccountState::SignedOut) },
            "signed out  a login is pending: finish it in the browser",
        ),
        (
            AccountReply { login_confirm: Some(confirm), ..good("x") },
            "active  a login as voip_id 2 is waiting: should it replace voip_id 1? run `ringback login x`",
        ),
    ] {
        let text = overview::overview(&reply(vec![account]), false, 1_000, Palette::Plain);
        assert_eq!(text.lines().next(), Some(format!("x  {line}").as_str()), "{text}");
    }
}

#[test]
fn the_details_tell_next_refresh_last_error_and_whose_the_token_is() {
    assert_eq!(
        details::table(&one_of_each(), None, 1_000, Palette::Plain),
        "ACCOUNT  PROVIDER  STATE              EXPIRES    NEXT REFRESH\n\
         d        phonecom  store unavailable  -          -\n\
         home     phonecom  needs login        -          -\n\
         \x20 the provider ended it.\n\
         \x20 run `ringback login home`\n\
         c        phonecom  needs you          -          -\n\
         robot    phonecom  starting           -          -\n\
         \x20 is getting its first token\n\
         b        phonecom  recovering         -          -\n\
         \x20 last error 10 s ago, 3 times in a row: no [31manswer\n\
         a        phonecom  ending             -          -\n\
         \x20 its token expires in 10 min, and no new one will come unless this is fixed\n\
         work     phonecom  active             in 42 min  in 30 min\n\
         \x20 last error 10 s ago, 3 times in a row: no [31manswer\n\
         \x20 whose: name A[1mnn, voip_id 1000001\n\
         \x20 its tokens are bound to a key (DPoP)\n"
    );
}

#[test]
fn the_details_of_an_idle_account_tell_when_it_gets_a_token() {
    let idle = AccountReply { expires_at: Some(400), ..of("x", AccountHealth::Idle, None, None) };
    assert_eq!(
        details::table(&[idle], None, 1_000, Palette::Plain),
        "ACCOUNT  PROVIDER  STATE  EXPIRES             NEXT REFRESH\n\
         x        phonecom  idle   expired 10 min ago  -\n\
         \x20 gets a token when a program asks\n"
    );
}

#[test]
fn the_state_has_a_colour_if_there_are_colours() {
    let text = overview::overview(&reply(one_of_each()), false, 1_000, Palette::Coloured);
    for part in ["home   \x1b[1;31mneeds login      \x1b[0m  run", "\x1b[32m1 fine\x1b[0m, \x1b[33m1 ending\x1b[0m, "] {
        assert!(text.contains(part), "{text:?}");
    }
    let table = details::table(&one_of_each(), None, 1_000, Palette::Coloured);
    assert!(table.contains("work     phonecom  \x1b[32mactive           \x1b[0m  in 42 min"), "{table:?}");
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
    let mut reply = reply(vec![account("a", AccountState::Active)]);
    reply.mistakes = vec![ConfigMistake { account: Some("b".into()), message: "m".into() }];
    assert_eq!(format!("{:?}", State::All(reply).exit(1_000)), format!("{:?}", ExitCode::from(4)));
}

#[test]
fn accounts_with_a_mistake_and_a_refused_reload_are_shown() {
    let mistake = |account: &str, line: u32| ConfigMistake {
        account: Some(account.into()),
        message: format!("/c.toml:{line}:1: accounts.{account}.scope: is an integer"),
    };
    let mut reply = reply(Vec::new());
    let text = |reply: &AccountsReply, verbose| overview::overview(reply, verbose, 1_000, Palette::Plain);
    let fix = "Correct the config (`ringback config check`), then run `ringback config reload`.\n";
    assert!(text(&reply, false).starts_with("There is no account in the config."));
    reply.mistakes = vec![mistake("bad", 3)];
    let line = "bad  skipped  /c.toml:3:1: accounts.bad.scope: is an integer\n";
    assert_eq!(text(&reply, false), format!("{line}{fix}\n1 skipped.\n"));
    assert_eq!(text(&reply, true), format!("{line}{fix}\n1 skipped. Store key: k.\n"));
    reply.mistakes.clear();
    reply.reload_refused = Some(ReloadRefused { at: 990, mistakes: vec![mistake("a", 7)] });
    reply.accounts = vec![good("a")];
    reply.store = StoreState::Locked;
    let told = "The config was reloaded 10 s ago and refused; the previous one is in effect:\n  /c.toml:7:1: ";
    for verbose in [false, true] {
        let text = text(&reply, verbose);
        assert!(text.contains(told) && text.contains(fix) && text.contains("locked: run `ringback unlock`"), "{text}");
    }
}

#[test]
fn a_daemon_of_another_version_is_told() {
    for (version, told) in [
        (Some(env!("CARGO_PKG_VERSION")), ""),
        (None, "Note: the daemon is ringback 0.1.0, and the command line "),
        (Some("999.0.0"), "Note: the daemon is ringback 999.0.0, and the command line "),
        // Nothing of it reaches the terminal.
        (Some("\u{1b}[31m"), ""),
    ] {
        for accounts in [vec![good("work")], Vec::new()] {
            let reply = AccountsReply { daemon_version: version.map(Into::into), ..reply(accounts) };
            let text = overview::overview(&reply, false, 1_000, Palette::Plain);
            assert_eq!(text.contains("Note: "), !told.is_empty(), "{text}");
            assert!(text.contains(told) && !text.contains('\u{1b}'), "{text}");
        }
    }
}
