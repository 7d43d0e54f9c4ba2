//! What is wrong with a provider's replies though they are used: logged once for each kind, and only when what they
//! brought is kept.

/// The kinds that were told, and what is to be told.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    told: Vec<String>,
    noted: Vec<String>,
}

/// Kinds that are remembered at once.
const MOST: usize = 16;

impl Flaws {
    /// Of a reply that was just read.
    pub(super) fn note(&mut self, flaws: &[String]) {
        self.noted.extend_from_slice(flaws);
    }

    /// Logs what is new among what was noted.
    pub(super) fn tell(&mut self, account: &str) {
        for flaw in std::mem::take(&mut self.noted) {
            // Without where it was, which differs from one reply to the next.
            let kind = flaw.split(" (").next().unwrap_or_default();
            if self.told.iter().any(|told| told == kind) {
                continue;
            }
            tracing::warn!(%account, "the provider's token reply has a flaw: {flaw}");
            if self.told.len() >= MOST {
                self.told.remove(0);
            }
            self.told.push(kind.to_owned());
        }
    }
}
