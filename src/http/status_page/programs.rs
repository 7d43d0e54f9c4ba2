//! What the status page says of programs: those that have a key, those that ask for a token, and what they got.

use super::shown::{Bar, ShownTime, cut};
use crate::apps::App;
use crate::apps::consent::{ConsentQuestion, Requester};
use crate::apps::wording::times;
use crate::clock::{Moment, Wall};
use crate::contract::{AuditEvent, AuditLine};

/// A program with a key, in words.
pub(super) struct AppRow {
    pub(super) name: String,
    /// It ends with the program that it was made for.
    pub(super) temporary: bool,
    pub(super) rights: String,
    /// The scopes that its tokens are limited to.
    pub(super) scopes: Option<String>,
    pub(super) uses: String,
    pub(super) last: Option<ShownTime>,
    pub(super) address: Option<String>,
    pub(super) ends: Option<ShownTime>,
    /// The process that its key ends with.
    pub(super) while_pid: Option<i32>,
}

/// A program that waits for the user's answer, in words.
pub(super) struct QuestionRow {
    pub(super) id: String,
    /// `the app editor`, or a path.
    pub(super) who: String,
    /// The executable tells who it is, which is only a hint.
    pub(super) is_hint: bool,
    /// An answer can be remembered.
    pub(super) is_known: bool,
    pub(super) account: String,
    pub(super) pid: Option<i32>,
    /// From the question to its end.
    pub(super) span: Option<Bar>,
}

/// A line of the audit log, in words.
pub(super) struct AuditRow {
    pub(super) at: Option<ShownTime>,
    pub(super) good: bool,
    pub(super) what: &'static str,
    pub(super) account: Option<String>,
    pub(super) who: Option<String>,
    pub(super) why: Option<String>,
}

pub(super) fn app_row(app: &App, now: Wall) -> AppRow {
    let accounts = app.rights.accounts.as_ref();
    let accounts = accounts.map_or("every account".into(), |some| some.iter().cloned().collect::<Vec<_>>().join(", "));
    let scopes = app.rights.scopes.as_ref();
    let usage = app.usage();
    AppRow {
        name: app.name.clone(),
        temporary: app.is_temporary(),
        rights: cut(&format!("{} {accounts}", rights(app))),
        scopes: scopes.map(|scopes| cut(&scopes.iter().cloned().collect::<Vec<_>>().join(" "))),
        uses: usage.last_used_at.map_or("never used".into(), |_| format!("used {}", times(usage.uses))),
        last: usage.last_used_at.map(|at| ShownTime::of(at, now)),
        address: usage.last_address.map(|address| address.to_string()),
        ends: app.expires_at.map(|at| ShownTime::of(at, now)),
        while_pid: app.pid(),
    }
}

fn rights(app: &App) -> &'static str {
    match &app.rights.proxy {
        Some(rules) if rules.are_any() => "within its rules uses through the proxy",
        Some(_) => "uses through the proxy",
        None if app.rights.write => "reads and changes",
        None => "reads",
    }
}

pub(super) fn question_row(question: &ConsentQuestion, now: Moment) -> QuestionRow {
    // By the time since boot, since the question ends by that: the clock may have been set since.
    let asked = now.wall.minus(question.asked.boot.until(now.boot));
    let ends = now.wall.plus(now.boot.until(question.ends()));
    QuestionRow {
        id: question.id.clone(),
        who: cut(&question.asker.to_string()),
        is_hint: matches!(question.asker, Requester::Program(_)),
        is_known: question.asker.is_known(),
        account: cut(&question.account),
        pid: question.pid,
        span: Bar::of(asked.unix_seconds(), ends.unix_seconds(), None, now.wall),
    }
}

pub(super) fn audit_row(line: &AuditLine, now: Wall) -> AuditRow {
    let at = Wall::parse_rfc3339(&line.at).map(|at| ShownTime::of(at.unix_seconds(), now));
    let app = line.app.as_ref().map(|app| format!("the app {app}"));
    let process = line.executable.as_ref().map(|path| match line.pid {
        Some(pid) => format!("{path}, process {pid}"),
        None => path.clone(),
    });
    let more = line.more.map(|more| format!("and {more} more like this"));
    let why: Vec<String> = line.reason.clone().into_iter().chain(more).collect();
    AuditRow {
        at,
        good: line.is_good(),
        what: event_in_words(line),
        account: line.account.as_deref().map(cut),
        who: app.or(process).or_else(|| line.address.clone()).map(|who| cut(&who)),
        why: (!why.is_empty()).then(|| cut(&why.join("; "))),
    }
}

fn event_in_words(line: &AuditLine) -> &'static str {
    match (line.event, line.is_good()) {
        (AuditEvent::Token, true) => "Token",
        (AuditEvent::Token, false) => "No token",
        (AuditEvent::Proxy, true) if line.result == AuditLine::BEGUN => "Request forwarded",
        (AuditEvent::Proxy, true) => "Reply passed on",
        (AuditEvent::Proxy, false) => "Request not forwarded",
        (AuditEvent::Denied, _) => "Refused",
        (AuditEvent::Login, true) if line.result == AuditLine::BEGUN => "Login started",
        (AuditEvent::Login, true) => "Logged in",
        (AuditEvent::Login, false) => "Login failed",
        (AuditEvent::Logout, true) => "Logged out",
        (AuditEvent::Logout, false) => "Logout failed",
        (AuditEvent::Refresh, true) => "Refreshed",
        (AuditEvent::Refresh, false) => "Refresh failed",
        (AuditEvent::Import, _) => "Import",
        (AuditEvent::Export, _) => "Export",
        (AuditEvent::Accept, _) => "Provider's address accepted",
        (AuditEvent::AppAdded, _) => "Key made",
        (AuditEvent::AppRemoved, _) => "Key removed",
        (AuditEvent::AppRotated, _) => "Key changed",
        (AuditEvent::Consent, _) => "Question answered",
        (AuditEvent::Session, _) => "Status page opened",
        (AuditEvent::Lock, _) => "Locked",
        (AuditEvent::Unlock, _) => "Unlocked",
        (AuditEvent::Rekey, _) => "Store's key changed",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Boot;

    #[test]
    fn a_question_says_who_asks_since_when_and_counts_down_whatever_the_clock_is_set_to() {
        let asked = Moment { wall: Wall(0), boot: Boot(Duration::from_secs(100)) };
        let now = Moment { wall: Wall(9_000_000), boot: Boot(Duration::from_secs(115)) };
        for (asker, who, is_hint, is_known) in [
            (Requester::App("editor".into()), "the app editor", false, true),
            (Requester::Program("/bin/\u{202e}x".into()), "/bin/x", true, true),
            (Requester::Unknown, "an unknown program", false, false),
        ] {
            let question = ConsentQuestion { id: "7".into(), asker, account: "work".into(), pid: Some(9), asked };
            let row = question_row(&question, now);
            let span = row.span.unwrap();
            assert_eq!((row.who.as_str(), row.is_hint, row.is_known), (who, is_hint, is_known));
            assert_eq!(row.pid, Some(9));
            assert_eq!((span.from.distance.as_str(), span.to.distance.as_str()), ("15 s ago", "in 45 s"));
            assert_eq!(span.passed, 250);
        }
    }

    #[test]
    fn an_audit_line_says_what_happened_to_whom_and_who_did_it() {
        let line = |event| AuditLine::new(event, "1970-01-01T00:00:10.500Z".into());
        let token = AuditLine {
            account: Some("work".into()),
            executable: Some("/bin/sh".into()),
            pid: Some(7),
            ..line(AuditEvent::Token)
        };
        let row = audit_row(&token, Wall(70_000));
        assert_eq!((row.good, row.what, row.who.as_deref()), (true, "Token", Some("/bin/sh, process 7")));
        assert_eq!(row.at.unwrap().distance, "60 s ago");
        let mut refused = AuditLine { reason: Some("no key".into()), more: Some(3), ..line(AuditEvent::Denied) };
        (refused.result, refused.at) = ("not_permitted".into(), "today".into());
        refused.address = Some("127.0.0.1:5".into());
        let row = audit_row(&refused, Wall(0));
        assert_eq!((row.good, row.what, row.at), (false, "Refused", None));
        assert_eq!(row.why.as_deref(), Some("no key; and 3 more like this"));
        assert_eq!(row.who.as_deref(), Some("127.0.0.1:5"));
        let app = AuditLine { app: Some("editor".into()), result: "x".into(), ..line(AuditEvent::Token) };
        assert_eq!(
            (audit_row(&app, Wall(0)).what, audit_row(&app, Wall(0)).who.unwrap().as_str()),
            ("No token", "the app editor")
        );
        let begun = AuditLine { result: AuditLine::BEGUN.into(), ..line(AuditEvent::Login) };
        assert_eq!(audit_row(&begun, Wall(0)).what, "Login started");
    }
}
