//! The practice provider over real HTTP: what Phone.com documents, and what the flags change.

#[path = "sandbox/world.rs"]
mod world;

#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/login.rs"]
mod login;
#[path = "sandbox/tokens.rs"]
mod tokens;
