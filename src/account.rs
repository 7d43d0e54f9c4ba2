//! What happens to an account, as pure functions of values: no I/O, no clock, no tokio.
//!
//! [`state`] is the heart: the state machine, events in, effects out. [`snapshot`] is what callers see of it, and
//! [`attempts`] holds the pending logins. Those are no states of the account: a user can log in again while the old
//! token is still served.

pub mod attempts;
pub mod downscoped;
pub mod health;
pub mod login_history;
pub mod login_reason;
pub mod lost_scope;
pub mod record;
pub mod replace;
pub mod schedule;
pub mod served;
pub mod snapshot;
pub mod state;
pub mod status;
pub mod trouble;
pub mod verdict;
