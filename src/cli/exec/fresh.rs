//! `--file`: files with the current tokens, replaced for as long as the program runs.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::folder::ExecFolder;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::client::{Client, Happened, Token, TokenOptions};
use crate::clock::Clock;
use crate::contract::EventKind;

/// A token is replaced this long before it expires, in seconds, if the daemon has not done so earlier.
const BEFORE_EXPIRY: i64 = 60;
/// After a token that could not be had, in seconds.
const AGAIN: i64 = 30;
/// The longest wait without a look at the clock, which goes on while the machine sleeps.
const GLANCE: Duration = Duration::from_secs(60);
/// After a stream of events that has ended or was refused.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// The files. They are deleted when this is dropped.
pub(super) struct FreshFiles {
    folder: ExecFolder,
    paths: Vec<(String, PathBuf)>,
}

/// What keeps them fresh.
struct Keeper {
    client: Client,
    wish: TokenOptions,
    folder: ExecFolder,
    files: Vec<KeptFile>,
}

/// The file of one account, which has the account's name.
struct KeptFile {
    account: String,
    /// When the token is asked for next, in Unix seconds; `None`: when something happens to the account.
    due: Option<i64>,
    /// Whether the user was told that it is no longer fresh.
    told: bool,
}

impl FreshFiles {
    /// Writes the files, and keeps them fresh: a client asks for tokens, another one listens to events.
    pub(super) fn begin(
        names: &[String],
        tokens: &[Token],
        (client, listener, wish): (Client, Client, TokenOptions),
    ) -> Result<Self, Failure> {
        let folder = ExecFolder::make()?;
        let now = Clock::System.unix_seconds();
        let paths = names.iter().zip(tokens).map(|(name, token)| (name.clone(), folder.file(&token.account))).collect();
        // From here on, what goes wrong deletes them.
        let files = Self { folder: folder.clone(), paths };
        for token in tokens {
            folder.write(&token.account, token.access_token.expose().as_bytes())?;
        }
        let kept = tokens.iter().map(|token| KeptFile {
            account: token.account.clone(),
            due: due(token.expires_at, now),
            told: false,
        });
        let mut keeper = Keeper { client, wish, folder, files: kept.collect() };
        let (wake, woken) = channel();
        // Not joined: they end with the process.
        thread::spawn(move || listen(&listener, &wake));
        thread::spawn(move || keeper.keep(&woken));
        Ok(files)
    }

    /// The variables with their paths.
    pub(super) fn variables(&self) -> Vec<(String, PathBuf)> {
        self.paths.clone()
    }
}

impl Drop for FreshFiles {
    fn drop(&mut self) {
        self.folder.end();
    }
}

impl Keeper {
    /// Never returns.
    fn keep(&mut self, woken: &Receiver<Option<String>>) {
        loop {
            for file in &mut self.files {
                if file.due.is_some_and(|due| due <= Clock::System.unix_seconds()) {
                    file.renew(&self.client, &self.wish, &self.folder);
                }
            }
            match woken.recv_timeout(self.pause()) {
                Ok(account) => {
                    let meant = |file: &&mut KeptFile| account.as_ref().is_none_or(|account| *account == file.account);
                    self.files.iter_mut().filter(meant).for_each(|file| file.due = Some(Clock::System.unix_seconds()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody listens: the clock is left.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(self.pause()),
            }
        }
    }

    fn pause(&self) -> Duration {
        let next = self.files.iter().filter_map(|file| file.due).min();
        let left = next.map(|due| {
            Duration::from_secs(u64::try_from(due.saturating_sub(Clock::System.unix_seconds())).unwrap_or(0))
        });
        left.map_or(GLANCE, |left| left.clamp(Duration::from_secs(1), GLANCE))
    }
}

impl KeptFile {
    fn renew(&mut self, client: &Client, wish: &TokenOptions, folder: &ExecFolder) {
        let min_ttl = wish.min_ttl.or(Some(BEFORE_EXPIRY.unsigned_abs()));
        // The user waits for the start alone: the files of other accounts don't wait for a login to this one.
        let wish = TokenOptions { min_ttl, wait: None, ..wish.clone() };
        let got = client.token_with_lifetime(&self.account, &wish).map_err(Failure::from);
        let written = got.and_then(|token| {
            folder.write(&self.account, token.access_token.expose().as_bytes())?;
            Ok(token.expires_at)
        });
        match written {
            Ok(expires_at) => (self.due, self.told) = (due(expires_at, Clock::System.unix_seconds()), false),
            Err(failure) => {
                self.due = Some(Clock::System.unix_seconds() + AGAIN);
                if !std::mem::replace(&mut self.told, true) {
                    let why = &failure.reply().error_description;
                    report::say(&format!("ringback: the token file of `{}` can't be kept fresh: {why}", self.account));
                }
            }
        }
    }
}

/// When to ask for the next token: some time before this one expires, which is less for one that is short-lived.
fn due(expires_at: Option<i64>, now: i64) -> Option<i64> {
    let left = expires_at?.saturating_sub(now);
    if left <= 0 {
        return Some(now.saturating_add(AGAIN));
    }
    let asked = left.saturating_sub(BEFORE_EXPIRY.min(left / 5));
    Some(now.saturating_add(asked.max(1)))
}

/// Tells the keeper which account has another token; `None`: it may be any. Never returns.
fn listen(client: &Client, wake: &Sender<Option<String>>) {
    loop {
        if let Ok(mut events) = client.events() {
            // Something may have happened before.
            let mut happened = Ok(Happened::Lagged { missed: None });
            while let Ok(what) = happened {
                let account = match what {
                    Happened::Lagged { .. } => Some(None),
                    Happened::Event(event) => brings_a_token(event.event).then_some(Some(event.account)),
                };
                if let Some(account) = account
                    && wake.send(account).is_err()
                {
                    return;
                }
                happened = events.wait();
            }
        }
        thread::sleep(LISTEN_AGAIN);
    }
}

fn brings_a_token(event: EventKind) -> bool {
    matches!(event, EventKind::LoggedIn | EventKind::Refreshed | EventKind::Recovered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_token_is_asked_for_before_this_one_expires() {
        for (expires_at, expected) in [
            (None, None),
            (Some(1_000 + 3_600), Some(1_000 + 3_540)),
            (Some(1_000 + 100), Some(1_000 + 80)),
            (Some(1_001), Some(1_001)),
            (Some(1_000), Some(1_030)),
            (Some(i64::MIN), Some(1_030)),
            (Some(i64::MAX), Some(i64::MAX - 60)),
        ] {
            assert_eq!(due(expires_at, 1_000), expected, "{expires_at:?}");
        }
    }
}
