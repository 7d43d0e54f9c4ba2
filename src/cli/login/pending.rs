//! A pending login: begins or joins it, and waits until it has ended.

use std::thread::sleep;
use std::time::Duration;

use crate::cli::arguments::DaemonChoice;
use crate::cli::autostart::{self, Announce};
use crate::cli::failure::Failure;
use crate::cli::{message, report, waiting};
use crate::client::{Client, DEFAULT_TIMEOUT};
use crate::clock::{Clock, Moment};
use crate::contract::{ErrorCode, LoginReply, LoginRequest, LoginStarted, LoginStatus};

/// How long one request waits: short enough that a restart of the daemon is noticed soon.
const SLICE: Duration = Duration::from_secs(25);
/// Minimum time between two requests: a reply of `pending` that comes sooner did not wait.
const PACE: Duration = Duration::from_secs(1);
/// The daemon ends a login that runs out. If it does not, the command stops waiting this much later.
pub(super) const GRACE: Duration = Duration::from_secs(30);

/// Begins or joins the login, and has the daemon started if the config says so.
pub(super) fn begin(
    reach: &DaemonChoice,
    account: &str,
    request: &LoginRequest,
) -> Result<(Client, LoginStarted), Failure> {
    let begun = || format!("the daemon to start the login to `{account}`; it may ask the provider");
    autostart::or_start(reach, Announce::Start, || {
        let client = reach.client()?;
        let started = waiting::told(DEFAULT_TIMEOUT, begun, || start(&client, account, request))?;
        Ok((client, started))
    })
}

fn start(client: &Client, account: &str, request: &LoginRequest) -> Result<LoginStarted, Failure> {
    let ask = |request: LoginRequest| client.start_login(account, request).map_err(Failure::from);
    match ask(request.clone()) {
        // A daemon of an earlier version does not know this member and replaces without asking. It never asks for scope.
        Err(failure) if request.replace && request.more_scope.is_empty() && failure.code() == ErrorCode::Usage => {
            ask(LoginRequest { replace: false, ..request.clone() })
        }
        started => started,
    }
}

/// Says what there is to know of a login that was begun or joined, before anybody does something for it.
pub(super) fn announce(started: &LoginStarted) {
    if started.joined {
        report::say(&format!("Joining the pending login to `{}`.", started.account));
    }
    if let Some(warning) = &started.warning {
        report::say(&format!("warning: {warning}"));
    }
}

/// How long to wait for a login.
pub(super) fn longest(started: &LoginStarted, timeout: Option<Duration>) -> Duration {
    let left = started.expires_at.saturating_sub(Clock::System.unix_seconds());
    timeout.unwrap_or_else(|| Duration::from_secs(left.try_into().unwrap_or(0)))
}

/// Waits until the login has ended or asks something, for at most `timeout`.
pub(super) fn wait(client: &Client, started: &LoginStarted, timeout: Option<Duration>) -> Result<LoginReply, Failure> {
    let mut notices = Notices::default();
    follow(client, started, timeout, |reply| {
        if is_over(&reply) || reply.confirm.is_some() {
            return Ok(Some(reply));
        }
        notices.tell(reply);
        Ok(None)
    })
}

/// Whether the login has ended.
pub(super) fn is_over(reply: &LoginReply) -> bool {
    reply.status != LoginStatus::Pending
}

/// Passes every state of the login to `see`, for at most `timeout`, until that returns the last one.
pub(super) fn follow(
    client: &Client,
    started: &LoginStarted,
    timeout: Option<Duration>,
    mut see: impl FnMut(LoginReply) -> Result<Option<LoginReply>, Failure>,
) -> Result<LoginReply, Failure> {
    let now = Clock::System.now();
    let patience = longest(started, timeout) + if timeout.is_some() { Duration::ZERO } else { GRACE };
    let deadline = now.boot.plus(patience);
    let mut seen = 0;
    loop {
        let asked = Clock::System.now();
        let left = asked.boot.until(deadline);
        if left.is_zero() {
            return Err(late(started, patience));
        }
        let reply = state(client, &started.login_id, left.clamp(PACE, SLICE), seen)?;
        seen = reply.notices.len();
        if let Some(last) = see(reply)? {
            return Ok(last);
        }
        sleep(pause(asked));
    }
}

/// The notices that were shown.
#[derive(Default)]
pub(super) struct Notices(Vec<String>);

impl Notices {
    /// Shows those that are new.
    pub(super) fn tell(&mut self, reply: LoginReply) {
        // A daemon of an earlier version has only the newest one.
        for notice in reply.notices.into_iter().chain(reply.notice) {
            if !self.0.contains(&notice) {
                report::say(&format!("note: {notice}"));
                self.0.push(notice);
            }
        }
    }
}

fn state(client: &Client, id: &str, wait: Duration, seen: usize) -> Result<LoginReply, Failure> {
    match client.login(id, wait, Some(seen)).map_err(Failure::from) {
        // A daemon of an earlier version does not know this parameter.
        Err(failure) if failure.code() == ErrorCode::Usage => Ok(client.login(id, wait, None)?),
        reply => reply,
    }
}

/// What is left of [`PACE`] since `asked`.
fn pause(asked: Moment) -> Duration {
    Clock::System.now().boot.until(asked.boot.plus(PACE))
}

/// Nobody finished the login in time.
pub(super) fn late(started: &LoginStarted, patience: Duration) -> Failure {
    message::login_late(&started.account, report::span(patience))
}
