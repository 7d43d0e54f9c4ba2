//! The operating system: everything that differs from one to the next, behind plain functions. `cfg` for systems stands
//! only below this module.

pub mod browser;
pub mod child_env;
pub mod clock;
pub mod fifo;
pub mod folder;
pub mod folder_watch;
pub mod hardening;
pub(crate) use ringback_client::os::holder;
pub mod init;
pub mod keyring;
pub(crate) mod locked_memory;
pub mod notify;
pub use ringback_client::paths;
pub mod ports;
pub mod private_file;
pub mod program;
pub mod service_manager;
pub mod signals;
pub mod sockets;
pub mod support;
pub mod suspend;
pub mod terminal;
pub mod wakeups;
