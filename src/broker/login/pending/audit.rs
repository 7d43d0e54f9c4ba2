//! Audit log lines of logins.

use super::task::Task;
use crate::clock::Moment;
use crate::contract::{AuditEvent, AuditLine, ErrorCode, LoginReply};

impl Task {
    /// Records the end of a login.
    pub(super) fn note_end(&mut self, reply: &LoginReply, now: Moment) {
        match &reply.failure {
            Some(failure) => self.note(&reply.account, now, Some(failure.error), failure.error_description.clone()),
            None => self.note(&reply.account, now, None, "granted".into()),
        }
    }

    pub(super) fn note(&mut self, account: &str, now: Moment, failure: Option<ErrorCode>, reason: String) {
        let mut line = AuditLine::new(AuditEvent::Login, now.wall.rfc3339());
        line.account = Some(account.to_owned());
        line.reason = Some(reason);
        if let Some(code) = failure {
            line.result = code.row().name.into();
        }
        self.notes.push(line);
    }

    /// Writes the recorded lines into the audit log.
    pub(super) async fn write_notes(&mut self) {
        for line in std::mem::take(&mut self.notes) {
            self.audit.note(&line).await;
        }
    }
}
