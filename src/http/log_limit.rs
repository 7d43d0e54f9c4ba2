//! The rate limit of the daemon's log: for lines that somebody else can cause at will. Lines about the owner's programs
//! are not limited, nor is the level `debug`.

use std::sync::Arc;

use crate::apps::App;
use crate::clock::Clock;
use crate::rate_limit::{LeftOut, LogRateLimit};

/// Lines of one kind per minute.
const LINES: u32 = 20;

/// The limit. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub struct LogLimit {
    lines: LogRateLimit<LineKind>,
}

/// What lines that are counted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LineKind {
    /// A request of somebody without a good key was answered, with this status.
    Stranger(u16),
    /// A request of this app was, with this status.
    App(String, u16),
    /// A process of another user connected to the socket.
    OtherUser,
    /// No connection could be accepted.
    NotAccepted,
    /// A request's head was larger than a connection reads.
    HeadTooLarge,
}

/// Whose request is answered.
#[derive(Debug)]
pub(super) enum LogKey {
    /// Whoever showed no good key.
    Stranger,
    /// Whoever has this app's key.
    App(Arc<App>),
    /// A process of our user on the socket, or a browser with a session.
    Owner,
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new(Clock::System)
    }
}

impl LogLimit {
    /// By this clock.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { lines: LogRateLimit::new(LINES, clock) }
    }

    /// Whether the line of a request that was answered with `status` may be written.
    pub(super) fn admits_answer(&self, asker: &LogKey, status: u16) -> bool {
        match asker {
            LogKey::Owner => true,
            LogKey::App(app) => self.lines.admits(LineKind::App(app.name.clone(), status)),
            LogKey::Stranger => self.lines.admits(LineKind::Stranger(status)),
        }
    }

    /// A process of another user connected.
    pub(super) fn other_user(&self, uid: u32) {
        // All of them together: a user can have many ids (user_namespaces(7)).
        if self.lines.admits(LineKind::OtherUser) {
            tracing::warn!(uid, "a process of another user connected to the socket and was dropped");
        }
    }

    /// No connection could be accepted.
    pub(super) fn not_accepted(&self, error: &std::io::Error) {
        if self.lines.admits(LineKind::NotAccepted) {
            tracing::warn!(%error, "a connection could not be accepted");
        }
    }

    /// A request's head was larger than a connection reads.
    pub(super) fn head_too_large(&self) {
        if self.lines.admits(LineKind::HeadTooLarge) {
            tracing::warn!(
                "a request was refused with 431: its head has more than 64 KiB or 64 lines; if a browser sent it, \
                 delete its cookies for this host"
            );
        }
    }

    /// Logs how many lines were left out, as each minute ends. Never ends.
    pub(crate) async fn count(&self) {
        loop {
            self.lines.ended().await.iter().for_each(tell);
        }
    }

    /// Logs what has been counted so far. For the end of the process.
    pub(crate) fn close(&self) {
        self.lines.rest().iter().for_each(tell);
    }
}

fn tell(left_out: &LeftOut<LineKind>) {
    let more = left_out.count;
    match &left_out.kind {
        LineKind::Stranger(status) => {
            tracing::info!(
                more,
                status,
                "more requests without a valid key were answered like this in the last minute"
            );
        }
        LineKind::App(app, status) => {
            tracing::info!(more, app, status, "more requests of an app were answered like this in the last minute");
        }
        LineKind::OtherUser => tracing::warn!(more, "more connections of other users were dropped in the last minute"),
        LineKind::HeadTooLarge => tracing::warn!(more, "more heads were too large in the last minute"),
        LineKind::NotAccepted => tracing::warn!(more, "more connections could not be accepted in the last minute"),
    }
}
