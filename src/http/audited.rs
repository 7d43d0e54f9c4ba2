//! The audit log, as handlers write it: who, what, about which account, and how it ended.

use super::gate::caller::Caller;
use super::state::Http;
use crate::contract::{AuditEvent, AuditLine};
use crate::error::Error;

/// The longest account name that is written: the caller chose it.
const LONGEST: usize = 128;

/// Does `work` and writes down how it ended.
pub(super) async fn audited<T>(
    http: &Http,
    caller: &Caller,
    event: AuditEvent,
    account: Option<&str>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let result = work.await;
    note(http, caller, event, account, result.as_ref().err(), |_| {}).await;
    result
}

/// Writes down that a login began, or why not. How it ends is written by the broker, since the caller may have left.
pub(super) async fn note_begun(http: &Http, caller: &Caller, account: &str, failure: Option<&Error>) {
    note(http, caller, AuditEvent::Login, Some(account), failure, |line| {
        if failure.is_none() {
            line.result = AuditLine::BEGUN.into();
        }
    })
    .await;
}

/// Writes down what happened; `more` adds to the line.
pub(super) async fn note(
    http: &Http,
    caller: &Caller,
    event: AuditEvent,
    account: Option<&str>,
    failure: Option<&Error>,
    more: impl FnOnce(&mut AuditLine),
) {
    if !http.audit.is_on() {
        return;
    }
    let mut line = line(http, caller, event, account);
    if let Some(error) = failure {
        line.result = error.code().row().name.into();
        line.reason = Some(error.to_string());
    }
    more(&mut line);
    http.audit.note(&line).await;
}

/// Writes down that something went well, unless that would have to wait: then this is false, and nothing is written.
pub(super) fn try_note(
    http: &Http,
    caller: &Caller,
    event: AuditEvent,
    account: Option<&str>,
    more: impl FnOnce(&mut AuditLine),
) -> bool {
    if !http.audit.is_on() {
        return true;
    }
    let mut line = line(http, caller, event, account);
    more(&mut line);
    http.audit.try_note(&line)
}

/// Writes the first of two lines about something that takes a while. Returns the line, which [`last_line`] takes; `None`: no
/// lines are written.
pub(super) async fn first_line(
    http: &Http,
    caller: &Caller,
    event: AuditEvent,
    account: &str,
    more: impl FnOnce(&mut AuditLine),
) -> Option<Box<AuditLine>> {
    if !http.audit.is_on() {
        return None;
    }
    let mut line = Box::new(line(http, caller, event, Some(account)));
    line.result = AuditLine::BEGUN.into();
    more(&mut line);
    http.audit.note(&line).await;
    Some(line)
}

/// Writes the last one: that it went well, unless `more` says something else. False: the log is full, and has no such line.
pub(super) fn last_line(http: &Http, mut line: Box<AuditLine>, more: impl FnOnce(&mut AuditLine)) -> bool {
    (line.at, line.result) = (http.clock.now().wall.rfc3339(), AuditLine::OK.into());
    more(&mut line);
    http.audit.try_note(&line)
}

fn line(http: &Http, caller: &Caller, event: AuditEvent, account: Option<&str>) -> AuditLine {
    let mut line = caller.line(event, http.clock.now().wall);
    line.account = account.map(|account| account.chars().take(LONGEST).collect());
    line
}
