//! What is wrong with a provider's replies though they are used: logged once for each kind, and only when what they
//! brought is kept.

/// The kinds that were told, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    logged: Vec<String>,
    pending: Vec<String>,
}

/// Kinds that are remembered at once.
const REMEMBERED: usize = 16;

impl Flaws {
    /// Of a reply that was just read.
    pub(super) fn note(&mut self, flaws: &[String]) {
        self.pending.extend_from_slice(flaws);
    }

    /// Logs what is new among what was noted.
    pub(super) fn log(&mut self, account: &str) {
        for flaw in std::mem::take(&mut self.pending) {
            // Without where it was, which differs from one reply to the next.
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
