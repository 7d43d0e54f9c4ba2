//! What is known of a request's connection: who is at its other end, over which transport, and what a body may cost.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::activity::Evictable;
use crate::os::ports::PeerUser;

/// Who is at the other end, as the kernel tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A process of this machine, or on an additional listener of a container.
    Tcp {
        /// Theirs.
        address: SocketAddr,
        /// Our port that they connected to.
        port: u16,
        /// Whose it was when it connected.
        user: PeerUser,
        /// What is spoken.
        scheme: Scheme,
    },
    /// A process of our own user.
    Unix {
        /// Its effective user when it connected.
        uid: u32,
        /// Its process id, where the system tells.
        pid: Option<i32>,
    },
    /// A process that reaches the socket of an app (`[[listen.extra]]`): that is its proof, whoever its user is.
    AppSocket {
        /// Its effective user when it connected.
        uid: u32,
        /// Its process id, where the system tells.
        pid: Option<i32>,
    },
}

/// What is spoken on a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// HTTP where the listener has TLS: a browser that is told what comes next, and nothing else.
    BeforeTls,
}

impl Scheme {
    /// As it stands before `://`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Http | Self::BeforeTls => "http",
            Self::Https => "https",
        }
    }

    /// The port that browsers omit.
    pub(super) fn usual_port(self) -> u16 {
        match self {
            Self::Http | Self::BeforeTls => 80,
            Self::Https => 443,
        }
    }
}

/// What a connection goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// TCP, or the socket of an app: neither may take from the owner's programs what they need.
    Tcp,
    /// The unix socket of the owner.
    Unix,
}

impl Peer {
    /// What it came over.
    pub(super) fn transport(self) -> Transport {
        match self {
            Self::Tcp { .. } | Self::AppSocket { .. } => Transport::Tcp,
            Self::Unix { .. } => Transport::Unix,
        }
    }

    /// What is spoken.
    pub(super) fn scheme(self) -> Scheme {
        match self {
            Self::Tcp { scheme, .. } => scheme,
            Self::Unix { .. } | Self::AppSocket { .. } => Scheme::Http,
        }
    }

    /// Our port that a TCP peer connected to.
    pub(super) fn port(self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } => Some(port),
            Self::Unix { .. } | Self::AppSocket { .. } => None,
        }
    }

    /// The address that a TCP peer comes from.
    pub(super) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp { address, .. } => Some(address.ip()),
            Self::Unix { .. } | Self::AppSocket { .. } => None,
        }
    }
}

/// What every request carries in its extensions. The gate refuses a request without it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Who asks.
    pub(super) peer: Peer,
    /// The same in words.
    pub(super) described: Arc<PeerText>,
    /// What a body may cost.
    pub(super) body: BodyLimits,
    /// The fingerprint of the listener's certificate, if it has one.
    pub(super) fingerprint: Option<Arc<str>>,
    /// By which a request says that the connection may be evicted. `None`: there is no connection.
    pub(super) evictable: Option<Evictable>,
}

impl Connection {
    /// Without anything that could evict it.
    pub fn new(peer: Peer, executable: Option<Executable>, body: BodyLimits) -> Self {
        let described = Arc::new(PeerText::new(peer, executable));
        Self { peer, described, body, fingerprint: None, evictable: None }
    }
}

/// What a process ran when it connected, where the system tells: a hint and no proof, since it may be an interpreter, or
/// run something else by now.
#[derive(Debug)]
pub struct Executable {
    /// Its path.
    pub(super) path: String,
    /// If that is our own command line: the path of what started it, whose hands it is.
    pub(super) parent: Option<String>,
}

/// A peer in words, which are written once for all requests of its connection.
#[derive(Debug)]
pub(super) struct PeerText {
    /// The address and port of a TCP peer.
    pub(super) address: Option<String>,
    /// The executable, as the audit log has it.
    pub(super) executable: Option<String>,
    /// The executable of whoever asks: of our own command line its parent, on whose behalf it asks.
    pub(super) program: Option<String>,
}

/// The longest path of an executable that the audit log gets.
const LONGEST_PATH: usize = 512;

impl PeerText {
    fn new(peer: Peer, executable: Option<Executable>) -> Self {
        let address = match peer {
            Peer::Tcp { address, .. } => Some(address.to_string()),
            Peer::Unix { .. } | Peer::AppSocket { .. } => None,
        };
        let audited = executable.as_ref().map(|Executable { path, parent }| {
            let cut = |path: &str| path.chars().take(LONGEST_PATH).collect::<String>();
            let parent = parent.as_deref().map(|parent| format!(" (started by {})", cut(parent)));
            cut(path) + parent.as_deref().unwrap_or_default()
        });
        Self { address, executable: audited, program: executable.map(|found| found.parent.unwrap_or(found.path)) }
    }
}

/// What a request's body may cost.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub size: usize,
    /// From the moment a handler wants the body to its last byte.
    pub deadline: Duration,
}
