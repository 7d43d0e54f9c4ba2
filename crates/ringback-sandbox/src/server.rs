//! What all handlers share: the options, the clock, and the one lock around everything else.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::CryptoRng;

use crate::clock::Clock;
use crate::codes::Codes;
use crate::faults::Faults;
use crate::journal::Journal;
use crate::ledger::{Ledger, Occasion};
use crate::limits::{Charge, Limits};
use crate::options::Options;
use crate::pending::Pending;
use crate::redirect::RedirectRule;
use crate::refusal::Refusal;

/// The sandbox behind its routes.
pub(crate) struct Server {
    pub(crate) options: Options,
    pub(crate) client_secret: String,
    pub(crate) redirect_rule: RedirectRule,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

/// All that changes. In memory only: a restart forgets it.
pub(crate) struct State {
    pub(crate) pending: Pending,
    pub(crate) codes: Codes,
    pub(crate) ledger: Ledger,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) journal: Journal,
}

impl Server {
    pub(crate) fn new(options: Options, client_secret: String, address: SocketAddr) -> Self {
        let state = State {
            pending: Pending::default(),
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

    /// The state. Handlers do not await while they hold it, so no one waits long.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A handler that panicked half-way leaves at worst a practice token too many.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an operation at `now` depends on.
    pub(crate) fn occasion<'a>(&'a self, now: u64, rng: &'a mut dyn CryptoRng) -> Occasion<'a> {
        Occasion { options: &self.options, now, rng }
    }

    /// Counts a request against the rate limits.
    pub(crate) fn charge(&self, state: &mut State, charge: Charge<'_>, now: u64) -> Result<(), Refusal> {
        state.limits.charge(self.options.rate_limit, charge, now).map_err(Refusal::too_many)
    }
}
