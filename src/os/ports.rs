//! Whose the TCP sockets of this machine are, as the kernel tells: who listens on a port, and which local user is
//! behind a loopback connection.
//!
//! The kernel is asked in `ringback_client::os::ports`, since clients ask it too: before they send their key to a port.

mod peer;

pub use peer::{PeerLookup, PeerUser};
pub use ringback_client::os::ports::listening::{Listening, listening_at};
