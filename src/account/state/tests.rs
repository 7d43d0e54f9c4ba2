//! The state machine: examples, and property tests with random event orders.

mod backoff;
mod bench;
mod bound;
mod clocks;
mod commit;
mod config;
mod describe;
mod downscope;
mod lazy;
mod locking;
mod logins;
mod partial;
mod random;
mod reacquire;
mod refusals;
mod replay;
mod restored;
mod serving;
