//! The rules of the injecting reverse proxy: where a request may go, which header lines pass, and what an app may ask.
//! Pure.
//!
//! What is ambiguous is refused and never normalised: two readers of one request must not see two targets.

pub(crate) mod address;
mod glob;
pub(crate) mod headers;
mod json_rpc;
pub(crate) mod rules;
pub mod tools;
pub(crate) mod upstream;
