//! What differs by operating system. `ports` and `holder` are public for the daemon, which needs the same.

pub(crate) mod boot_clock;
pub mod holder;
pub(crate) mod peer;
pub mod ports;
pub(crate) mod process;
