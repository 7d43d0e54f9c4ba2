//! The journal: the token requests and their outcomes, for tests and debugging.
//!
//! Contains no secret: the values of secret and of unknown parameters are fingerprinted.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::params::Params;
use crate::pkce::fingerprint;

/// One token request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// Unix milliseconds.
    pub(crate) time: u64,
    pub(crate) grant_type: Option<String>,
    pub(crate) content_type: Option<String>,
    /// The parameter names in the body and the query, sorted.
    pub(crate) names: Vec<String>,
    /// Their values; secrets as the first eight hex digits of their SHA-256.
    pub(crate) params: BTreeMap<String, String>,
    /// `granted`, the code of a refusal, or `fault` if a fault prevented the grant.
    pub(crate) outcome: String,
    /// The fault that spoilt the reply, if any.
    pub(crate) fault: Option<&'static str>,
}

/// Totals since the start or the last DELETE.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Counters {
    granted_by_grant: BTreeMap<String, u64>,
    /// Token requests being handled now.
    in_flight: u64,
    /// Their maximum at any one time: 1 proves single-flight.
    max_in_flight: u64,
}

/// The last token requests and the totals of all of them.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<Entry>,
    counters: Counters,
}

/// Older entries are dropped, so that a load test does not fill the memory.
const ENTRIES_KEPT: usize = 10_000;

/// Parameters whose value may be shown.
const PLAIN: [&str; 6] = ["grant_type", "client_id", "redirect_uri", "scope", "username", "phonenumber"];

impl Journal {
    /// Records a request; `outcome` as in [`Entry`].
    pub(crate) fn record(&mut self, entry: Entry) {
        if entry.outcome == "granted" {
            let grant = entry.grant_type.clone().unwrap_or_default();
            *self.counters.granted_by_grant.entry(grant).or_default() += 1;
        }
        if self.entries.len() >= ENTRIES_KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn enter(&mut self) {
        self.counters.in_flight += 1;
        self.counters.max_in_flight = self.counters.max_in_flight.max(self.counters.in_flight);
    }

    pub(crate) fn leave(&mut self) {
        self.counters.in_flight = self.counters.in_flight.saturating_sub(1);
    }

    /// Forgets all but the requests that are being handled.
    pub(crate) fn clear(&mut self) {
        let in_flight = self.counters.in_flight;
        *self = Self::default();
        self.counters.in_flight = in_flight;
        self.counters.max_in_flight = in_flight;
    }

    pub(crate) fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// The values of a request as they may be shown.
pub(crate) fn shown(params: &Params) -> BTreeMap<String, String> {
    params
        .iter()
        .map(|(name, value)| {
            let value = if PLAIN.contains(&name) { value.to_owned() } else { fingerprint(value) };
            (name.to_owned(), value)
        })
        .collect()
}
