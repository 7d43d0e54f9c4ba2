//! What all handlers share: the options, the clock, and the one lock around everything else.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::CryptoRng;

use super::authorize::Asks;
use super::clock::Clock;
use super::codes::Codes;
use super::faults::Faults;
use super::journal::Journal;
use super::ledger::{Ledger, Occasion};
use super::limits::{Charge, Limits};
use super::options::Options;
use super::redirect::RedirectRule;
use super::refusal::Refusal;

/// The sandbox behind its routes.
pub(super) struct Server {
    pub(super) options: Options,
    pub(super) client_secret: String,
    pub(super) redirect_rule: RedirectRule,
    pub(super) address: SocketAddr,
    pub(super) clock: Clock,
    state: Mutex<State>,
}

/// All that changes. In memory only: a restart forgets it.
pub(super) struct State {
    pub(super) asks: Asks,
    pub(super) codes: Codes,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
}

impl Server {
    pub(super) fn new(options: Options, client_secret: String, address: SocketAddr) -> Self {
        let state = State {
            asks: Asks::default(),
            codes: Codes::default(),
            ledger: Ledger::default(),
            limits: Limits::default(),
            faults: Faults::new(&options.faults),
            journal: Journal::default(),
        };
        Self {
            redirect_rule: RedirectRule::new(&options.redirect_uris),
            options,
            client_secret,
            address,
            clock: Clock::default(),
            state: Mutex::new(state),
        }
    }

    /// The state. Handlers are not async while they hold it, so nobody waits long.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked half-way leaves at worst a practice token too many.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The circumstances of something that happens at `now`.
    pub(super) fn occasion<'a>(&'a self, now: u64, rng: &'a mut dyn CryptoRng) -> Occasion<'a> {
        Occasion { options: &self.options, now, rng }
    }

    /// Counts a request against the rate limits.
    pub(super) fn charge(&self, state: &mut State, charge: Charge<'_>, now: u64) -> Result<(), Refusal> {
        state.limits.charge(self.options.rate_limit, charge, now).map_err(Refusal::too_many)
    }
}
