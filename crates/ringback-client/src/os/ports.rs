//! Which user and process own a TCP socket of this machine, according to the kernel.
//!
//! Two sources: an exact `NETLINK_SOCK_DIAG` query (`sock_diag`), and the text of `/proc/net/tcp` (`table`), which
//! has to be read from its beginning and which every user of the machine can make long.

pub mod listening;
#[cfg(target_os = "linux")]
pub mod sock_diag;
pub mod table;
