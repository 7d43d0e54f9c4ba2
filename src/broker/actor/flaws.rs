//! Deduplicated warnings about flawed provider replies: each kind of flaw is logged once, and only when the reply's
//! tokens were stored.

use crate::account::snapshot::Snapshot;

/// The kinds of flaw that were logged, and flaws that are to be logged.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    logged: Vec<String>,
    pending: Vec<String>,
}

/// How many kinds are remembered.
const REMEMBERED: usize = 16;

impl Flaws {
    /// Adds the flaws of a reply that was just read.
    pub(super) fn note(&mut self, flaws: &[String]) {
        self.pending.extend_from_slice(flaws);
    }

    /// Logs the new kinds among the pending flaws.
    pub(super) fn log(&mut self, account: &str) {
        for flaw in std::mem::take(&mut self.pending) {
            // The kind without the position, which differs from one reply to the next.
            let kind = flaw.split(" (").next().unwrap_or_default();
            if self.logged.iter().any(|logged| logged == kind) {
                continue;
            }
            tracing::warn!(%account, "the provider's token reply has a flaw: {flaw}");
            if self.logged.len() >= REMEMBERED {
                self.logged.remove(0);
            }
            self.logged.push(kind.to_owned());
        }
    }
}
/// Says that scope which was granted is missing since a refresh.
pub(super) fn log_lost_scope(before: &Snapshot, after: &Snapshot) {
    if let Some(lost) = after.lost_scope.as_ref().filter(|lost| before.lost_scope.as_ref() != Some(lost)) {
        tracing::warn!(account = %after.account, "{lost}");
    }
}
