//! Authorization requests that wait for a decision on the consent page.

use std::collections::HashMap;

use crate::authorize::AuthorizationRequest;
use crate::ledger::Occasion;
use crate::mint;

/// The requests whose consent page is open, each under the one-time id in its form.
#[derive(Default)]
pub(crate) struct Pending(HashMap<String, (AuthorizationRequest, u64)>);

/// How long a consent page can be left open.
const OPEN_FOR: u64 = 3_600_000;

impl Pending {
    /// Stores a request, and returns the id for its form.
    pub(crate) fn insert(&mut self, ask: AuthorizationRequest, on: &mut Occasion<'_>) -> String {
        self.0.retain(|_, (_, shown)| on.now < *shown + OPEN_FOR);
        let id = mint::transaction(on.rng);
        self.0.insert(id.clone(), (ask, on.now));
        id
    }

    /// Removes and returns the request with that id.
    pub(crate) fn take(&mut self, id: &str) -> Option<AuthorizationRequest> {
        self.0.remove(id).map(|(ask, _)| ask)
    }
}
