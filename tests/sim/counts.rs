//! The events of the simulation, and their counts.

use std::fmt;

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Draws true with probability `share`.
pub(crate) fn happens(rng: &mut StdRng, share: f64) -> bool {
    rng.random::<f64>() < share
}

macro_rules! steps {
    ($($step:ident $name:literal,)*) => {
        /// The events.
        #[derive(Debug, Clone, Copy)]
        pub(crate) enum What { $($step,)* }
        const NAMES: &[&str] = &[$($name,)*];
    };
}

steps! {
    Served "served",
    Refused "told no",
    Refreshed "refreshed",
    Reused "an old refresh token was reused",
    Unsent "a request was not sent",
    Unheard "a reply was lost",
    Flawed "a reply had no access token",
    Busy "the provider was busy",
    Outage "an outage began",
    Cut "a request failed in an outage",
    Spared "a request was stopped by the circuit breaker",
    Asked "a caller got a token after an outage",
    Revoked "the grant was revoked",
    Denied "a refresh was refused",
    Written "written",
    Unwritten "a write failed",
    Unsure "a write succeeded and reported failure",
    Full "the disk was full",
    Read "read",
    Unread "a read failed",
    Crash "the daemon was killed",
    Forgotten "uncommitted tokens were lost",
    Start "the daemon started",
    Slept "the machine was suspended",
    Jumped "the clock was set",
    PutBack "an older copy of the disk was restored",
    Unmarked "a mark was not written",
    Login "a user logged in",
    LoginBegun "a login was started",
    LoginKept "a login succeeded",
    LoginFailed "a login failed",
    LoginLate "a login was not finished in time",
    Turned "a browser returned too late",
    GaveBack "a grant was revoked by the daemon",
    Locked "the store was locked",
    NotLocked "the store could not be locked",
    Stopped "the daemon was stopped",
    Reported "a caller's API said 401",
    Left "a caller hung up",
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The count of each event.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; NAMES.len()])
    }
}

impl Counts {
    pub(crate) fn count(&mut self, what: What) {
        self.0[what as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, more)| *sum += more);
    }

    pub(crate) fn rarest(&self) -> (&'static str, u64) {
        NAMES.iter().copied().zip(self.0.iter().copied()).min_by_key(|(_, count)| *count).unwrap()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events", self.0.iter().sum::<u64>())?;
        NAMES.iter().zip(&self.0).try_for_each(|(name, count)| write!(f, "; {name}: {count}"))
    }
}
