//! What `GET /metrics` shows: a table of metric families, each with how its samples are made of what was observed.
//!
//! Nothing is computed before somebody asks: an account's gauges come from its snapshot, the counters from atomics that
//! their owners increase.

mod exposition;
mod families;
mod observed;

pub(super) use exposition::{CONTENT_TYPE, text};
pub(super) use observed::Observed;

#[cfg(test)]
mod tests;
