//! The operating system: everything that differs between systems, behind plain functions. `cfg` for systems is used
//! only below this module.

pub(crate) mod atomic_file;
pub mod browser;
pub(crate) mod child_env;
pub(crate) mod clipboard;
pub(crate) mod clock;
pub(crate) mod dead_peers;
pub(crate) mod fifo;
pub(crate) mod folder;
pub(crate) mod folder_watch;
pub(crate) mod foreground;
pub(crate) mod hardening;
pub(crate) mod init;
pub(crate) mod keyring;
pub(crate) mod locked_memory;
pub(crate) mod mode_fix;
pub(crate) mod notify;
pub(crate) mod output_reader;
pub mod ports;
pub(crate) mod private_file;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod service_manager;
pub(crate) mod signals;
pub(crate) mod sockets;
pub(crate) mod ssh;
pub(crate) mod support;
pub(crate) mod suspend;
pub(crate) mod terminal;
pub(crate) mod wakeups;

pub(crate) use ringback_client::os::holder;
pub(crate) use ringback_client::paths;
