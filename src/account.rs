//! What happens to an account, as pure functions of values: no I/O, no clock, no tokio.
//!
//! [`state`] is the heart: events in, effects out. [`view`] is what callers get to see of it, and
//! [`attempts`] the pending logins, which are no states of the account: a user can log in anew while the
//! old token still serves.

pub mod attempts;
pub mod health;
pub mod login_history;
pub mod record;
pub mod replace;
pub mod schedule;
pub mod state;
pub mod view;
