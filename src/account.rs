//! What happens to an account, as pure functions of values: no I/O, no clock, no tokio.
//!
//! [`state`] is the heart: the state machine, events in, effects out. `snapshot` is what callers see of it, and
//! [`attempts`] holds the pending logins. Those are no states of the account: a user can log in again while the old
//! token is still served.

pub mod attempts;
pub(crate) mod downscoped;
pub(crate) mod health;
pub(crate) mod login_history;
pub mod login_reason;
pub(crate) mod lost_scope;
pub(crate) mod more_scope;
pub mod record;
pub(crate) mod replace;
pub(crate) mod schedule;
pub(crate) mod served;
pub(crate) mod snapshot;
pub mod state;
pub(crate) mod status;
pub(crate) mod trouble;
pub(crate) mod verdict;
