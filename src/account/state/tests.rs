//! The state machine by example, and under random orders of events.

mod backoff;
mod bench;
mod clocks;
mod commit;
mod config;
mod describe;
mod downscope;
mod locking;
mod logins;
mod partial;
mod random;
mod reacquire;
mod refusals;
mod replay;
mod restored;
mod serving;
