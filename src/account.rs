//! What happens to an account, as pure functions of values: no I/O, no clock, no tokio.

pub mod record;
