//! Whose the TCP sockets of this machine are, as the kernel tells: who listens on a port, and which local user is
//! behind a loopback connection.
//!
//! Two sources: an exact `NETLINK_SOCK_DIAG` query (`sock_diag`), and the text of `/proc/net/tcp` (`table`), which
//! has to be read from its beginning and which every user of the machine can make long.

mod listening;
mod peer;
#[cfg(target_os = "linux")]
mod sock_diag;
mod table;

pub use listening::{Listening, listening_at};
pub use peer::{PeerLookup, PeerUser};
