//! Keys that end with a process: removed as soon as that has ended. They stop working by themselves, whoever is late here.

use crate::apps::Apps;
use crate::apps::consent::Consents;
use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::contract::{AuditEvent, AuditLine};

/// Removes the apps of processes that have ended, with the user's answers about them. Never returns.
pub(super) async fn keep(apps: &Apps, consents: &Consents, audit: &AuditLog) {
    loop {
        let app = apps.wait_for_ended_process().await;
        tracing::info!(app = app.name, "a key ends with its process");
        // First: if the daemon stops in between, the next one removes the app, and says so again.
        let mut line = AuditLine::new(AuditEvent::AppRemoved, Clock::System.now().wall.rfc3339());
        line.reason = app.pid().map(|pid| format!("process {pid}, which the key of {} was for, has ended", app.name));
        audit.note(&line).await;
        let (ended, list, answers) = (app.clone(), apps.clone(), consents.clone());
        // Both, even if one fails: the key no longer works, and what is in memory is written later.
        let removed = tokio::task::spawn_blocking(move || {
            let removed = list.remove_ended(&ended);
            let forgotten = if matches!(removed, Ok(false)) { Ok(false) } else { answers.forget_app(&ended.name) };
            removed.and(forgotten)
        });
        if let Ok(Err(error)) = removed.await {
            tracing::warn!(app = app.name, "the end of a key could not be stored: {error}");
        }
    }
}
