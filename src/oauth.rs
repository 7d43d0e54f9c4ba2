//! OAuth without I/O: builds requests and parses replies, sends nothing and asks no clock.

pub mod dialect;
pub mod grant;
pub mod preset;
