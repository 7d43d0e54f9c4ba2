//! Progress messages: at a terminal, after a second, says what a command is waiting for and for how long at most.

use std::io::{self, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use super::report;
use crate::client::Client;
use crate::contract::AccountState;

/// Shorter waits are not reported.
const UNNOTICED: Duration = Duration::from_secs(1);

/// Does `work`. If it is not done after a second, a line at the terminal says what the command is waiting for (`what`,
/// evaluated only then) and that it takes `longest` at most. Nothing is printed if standard error is not a terminal.
pub(super) fn told<T>(longest: Duration, what: impl FnOnce() -> String + Send, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    observed(longest, what, work, report::say)
}

fn observed<T>(
    longest: Duration,
    what: impl FnOnce() -> String + Send,
    work: impl FnOnce() -> T,
    say: impl FnOnce(&str) + Send,
) -> T {
    thread::scope(|scope| {
        let (done, ended) = channel::<()>();
        scope.spawn(move || after_a_while(longest, what, &ended, say));
        let result = work();
        drop(done);
        result
    })
}

fn after_a_while(longest: Duration, what: impl FnOnce() -> String, ended: &Receiver<()>, say: impl FnOnce(&str)) {
    if ended.recv_timeout(UNNOTICED) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    let line = format!("Waiting for {}, at most {}. Ctrl-C stops waiting.", what(), report::span(longest));
    // Finding out what for takes time, and the wait may have ended meanwhile.
    if ended.try_recv() == Err(TryRecvError::Empty) {
        say(&line);
    }
}

/// What a token of `account` is waiting for, according to the daemon.
pub(super) fn for_a_token(client: &Client, account: &str) -> String {
    let provider = format!("the provider of `{account}`");
    let Ok(reply) = client.account(account) else { return provider };
    let asked = client.consents().is_ok_and(|consents| consents.pending.iter().any(|c| c.account == reply.account));
    let account = &reply.account;
    match reply.state {
        _ if asked => {
            format!("your answer whether a program may have a token of `{account}` (`ringback consent list`)")
        }
        AccountState::SignedOut | AccountState::NeedsLogin if reply.login_pending.is_some() => {
            format!("the pending login to `{account}`")
        }
        AccountState::SignedOut | AccountState::NeedsLogin => {
            format!("somebody to log in to `{account}` (`ringback login {account}`)")
        }
        AccountState::StoreUnavailable => "the token store (`ringback status` says what is wrong)".into(),
        AccountState::Starting | AccountState::Active => provider,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_wait_is_told_once_it_lasts_and_a_short_one_is_not() {
        let (waits_no_longer, told) = channel();
        let result = observed(
            Duration::from_secs(90),
            || "the provider of `work`".into(),
            || told.recv(),
            |line: &str| waits_no_longer.send(line.to_owned()).unwrap(),
        );
        assert_eq!(
            result.unwrap(),
            "Waiting for the provider of `work`, at most 90 s. Ctrl-C stops waiting.",
            "the work went on until the line came"
        );
        let said = Mutex::new(Vec::new());
        let short = observed(
            Duration::from_secs(90),
            || "nothing".into(),
            || 7,
            |line: &str| said.lock().unwrap().push(line.to_owned()),
        );
        assert!(short == 7 && said.lock().unwrap().is_empty());
    }
}
