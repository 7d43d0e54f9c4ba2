//! How an account's requests for a new token ended, counted since its task was started.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::account::state::RefreshOutcome;

/// The results, as `docs/metrics.md` explains them.
const RESULTS: [&str; 6] = ["ok", "refused", "busy", "not_sent", "circuit_open", "lost"];

/// One counter for each result.
#[derive(Debug, Default)]
pub(in crate::broker) struct RefreshCounts([AtomicU64; RESULTS.len()]);

impl RefreshCounts {
    /// Counts the end of one request.
    pub(super) fn count(&self, outcome: &RefreshOutcome) {
        let result = match outcome {
            RefreshOutcome::Granted(_) => "ok",
            RefreshOutcome::Refused(_) => "refused",
            // Nothing was decided: an answer as to a device login, too.
            RefreshOutcome::Busy { .. } | RefreshOutcome::Pending { .. } => "busy",
            RefreshOutcome::NotSent { .. } => "not_sent",
            RefreshOutcome::CircuitOpen { .. } => "circuit_open",
            RefreshOutcome::Lost { .. } => "lost",
        };
        let counted = RESULTS.iter().zip(&self.0).find(|(name, _)| **name == result);
        if let Some((_, count)) = counted {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each result with its count so far.
    pub(in crate::broker) fn so_far(&self) -> [(&'static str, u64); RESULTS.len()] {
        let mut counts = RESULTS.map(|result| (result, 0));
        for ((_, so_far), count) in counts.iter_mut().zip(&self.0) {
            *so_far = count.load(Ordering::Relaxed);
        }
        counts
    }
}
