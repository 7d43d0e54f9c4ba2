//! The practice provider over real HTTP: what Phone.com documents, and what the flags change.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; clippy knows the test functions only, not their world"
)]

mod world;

mod bearer;
mod control;
mod faults;
mod login;
mod tokens;
