//! The owners of this machine's TCP sockets, according to the kernel: who listens on a port, and which local user is
//! behind a loopback connection.
//!
//! The queries to the kernel are in `ringback_client::os::ports`, since clients make them too, before they send their
//! key to a port.

mod peer;

pub use peer::{PeerLookup, PeerUser};
pub(crate) use ringback_client::os::ports::listening::listening_at;
