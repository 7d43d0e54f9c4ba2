//! What the programs of the comparison share: arguments, the fixed reply, the smallest client, CPU times.

pub mod args;
pub mod client;
pub mod cpu;
pub mod fixed;
pub mod reply;
pub mod stats;

/// What a program of the comparison ends with.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
