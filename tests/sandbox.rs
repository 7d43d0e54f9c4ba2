//! The practice provider over real HTTP: what Phone.com documents, and what the flags change.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; clippy knows the test functions only, not their world"
)]

#[path = "sandbox/world.rs"]
mod world;

#[path = "sandbox/bearer.rs"]
mod bearer;
#[path = "sandbox/control.rs"]
mod control;
#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/login.rs"]
mod login;
#[path = "sandbox/tokens.rs"]
mod tokens;
