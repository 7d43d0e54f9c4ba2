//! Which local user is at the other end of a connection that came in on loopback.

use std::net::{SocketAddr, TcpListener};
#[cfg(target_os = "linux")]
use std::sync::{Mutex, PoisonError};

#[cfg(target_os = "linux")]
use ringback_client::os::ports::sock_diag::SockDiag;
use ringback_client::os::ports::table::{self, ESTABLISHED, LISTEN, SocketRow};

/// How much of a table is read for one connection, in bytes: 27,000 sockets.
const LONGEST: u64 = 4 << 20;

/// The user at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerUser {
    /// The user who made the socket.
    Uid(u32),
    /// There is no open socket: it was closed, or shut down for sending. Such a socket has no user (it shows uid 0).
    NotFound,
    /// A user without an id in this user namespace. All of them look the same.
    Unmapped,
    /// This system does not tell who owns a socket.
    Unsupported,
}

impl PeerUser {
    /// The user's id, if the system names one.
    pub(crate) fn uid(self) -> Option<u32> {
        match self {
            Self::Uid(uid) => Some(uid),
            Self::NotFound | Self::Unmapped | Self::Unsupported => None,
        }
    }
}

/// Looks up the users of peers in the kernel, for listeners. Opened once, at the start: if a resource is missing later
/// (such as file descriptors), peers are not found, but the check is never skipped.
#[derive(Debug)]
pub struct PeerLookup {
    source: PeerSource,
    /// The uid that users without an id in this user namespace have; `None` if every user has one.
    overflow_uid: Option<u32>,
}

#[derive(Debug)]
enum PeerSource {
    /// One query at a time: its answer is read from the same socket, some microseconds later.
    #[cfg(target_os = "linux")]
    SockDiag(Mutex<SockDiag>),
    ProcNet,
    None,
}

impl PeerLookup {
    /// Chooses the best source that finds a listening socket of this process, which proves that it works here.
    pub fn open() -> Self {
        let probe = TcpListener::bind(("127.0.0.1", 0)).or_else(|_| TcpListener::bind(("::1", 0)));
        let found = probe.and_then(|probe| Ok(PeerSource::that_finds(probe.local_addr()?)));
        Self { source: found.unwrap_or(PeerSource::None), overflow_uid: overflow_uid() }
    }

    /// Whether it can find any user.
    pub(crate) fn is_supported(&self) -> bool {
        !matches!(self.source, PeerSource::None)
    }

    /// The owner of the socket that has the address `peer` and is connected to `ours`. Call this as soon as the
    /// connection is accepted, and once: it may be closed a moment later.
    pub async fn user(&self, peer: SocketAddr, ours: SocketAddr) -> PeerUser {
        let row = match &self.source {
            #[cfg(target_os = "linux")]
            PeerSource::SockDiag(kernel) => {
                let found = kernel.lock().unwrap_or_else(PoisonError::into_inner).find(peer, ours);
                match found {
                    Ok(row) => row,
                    Err(error) => {
                        tracing::debug!(%error, "the kernel did not tell the user of a connection: reading its table instead");
                        in_table(peer, ours).await
                    }
                }
            }
            PeerSource::ProcNet => in_table(peer, ours).await,
            PeerSource::None => return PeerUser::Unsupported,
        };
        user_of(row, (peer, ours), self.overflow_uid)
    }
}

/// The user of `row`, if that is a connection with these two ends.
fn user_of(row: Option<SocketRow>, (peer, ours): (SocketAddr, SocketAddr), overflow_uid: Option<u32>) -> PeerUser {
    match row {
        Some(row) if is_connection(&row, peer, ours) && row.inode != 0 => {
            if overflow_uid == Some(row.uid) {
                PeerUser::Unmapped
            } else {
                PeerUser::Uid(row.uid)
            }
        }
        _ => PeerUser::NotFound,
    }
}

fn is_connection(row: &SocketRow, local: SocketAddr, remote: SocketAddr) -> bool {
    row.state == ESTABLISHED && same(row.local, local) && same(row.remote, remote)
}

/// An IPv6 socket may be at the end of an IPv4 connection; its address is then an IPv4-mapped one.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}

/// Reading the table takes longer the more sockets there are, so it is done off the runtime.
async fn in_table(peer: SocketAddr, ours: SocketAddr) -> Option<SocketRow> {
    let look = move || table::rows(LONGEST)?.find(|row| is_connection(row, peer, ours));
    tokio::task::spawn_blocking(look).await.ok().flatten()
}

impl PeerSource {
    fn that_finds(listener: SocketAddr) -> Self {
        #[cfg(target_os = "linux")]
        if let Ok(kernel) = SockDiag::open()
            && let Ok(Some(row)) = kernel.listening(listener)
            && row.local == listener
        {
            return Self::SockDiag(Mutex::new(kernel));
        }
        let is_it = |row: &SocketRow| row.state == LISTEN && row.local == listener;
        match table::rows(LONGEST).and_then(|mut rows| rows.find(is_it)) {
            Some(_) => Self::ProcNet,
            None => Self::None,
        }
    }
}

/// See `user_namespaces(7)`, "Unmapped user and group IDs". In the initial namespace every user has an id.
fn overflow_uid() -> Option<u32> {
    let map = std::fs::read_to_string("/proc/self/uid_map").ok()?;
    if maps_everybody(&map) {
        return None;
    }
    let shown = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
    Some(shown.and_then(|text| text.trim().parse().ok()).unwrap_or(65_534))
}

fn maps_everybody(uid_map: &str) -> bool {
    let fields: Vec<&str> = uid_map.split_whitespace().collect();
    fields == ["0", "0", "4294967295"]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_an_open_connection_with_these_two_ends_names_a_user() {
        let (peer, ours) = (address("127.0.0.1:50000"), address("127.0.0.1:7464"));
        let good = SocketRow { local: peer, remote: ours, state: ESTABLISHED, uid: 1000, inode: 7 };
        let cases = [
            (Some(good.clone()), PeerUser::Uid(1000)),
            (Some(SocketRow { uid: 0, ..good.clone() }), PeerUser::Uid(0)),
            (Some(SocketRow { local: address("[::ffff:127.0.0.1]:50000"), ..good.clone() }), PeerUser::Uid(1000)),
            (Some(SocketRow { uid: 65_534, ..good.clone() }), PeerUser::Unmapped),
            (None, PeerUser::NotFound),
            // Closed by its owner: uid 0 by default.
            (Some(SocketRow { uid: 0, inode: 0, ..good.clone() }), PeerUser::NotFound),
            // FIN_WAIT1, CLOSE_WAIT, SYN_SENT, and one that listens on the peer's port.
            (Some(SocketRow { state: 4, ..good.clone() }), PeerUser::NotFound),
            (Some(SocketRow { state: 8, ..good.clone() }), PeerUser::NotFound),
            (Some(SocketRow { state: 2, ..good.clone() }), PeerUser::NotFound),
            (Some(SocketRow { state: LISTEN, remote: address("0.0.0.0:0"), ..good.clone() }), PeerUser::NotFound),
            // Our own end of it, and somebody else's connection.
            (Some(SocketRow { local: ours, remote: peer, ..good.clone() }), PeerUser::NotFound),
            (Some(SocketRow { local: address("127.0.0.2:50000"), ..good.clone() }), PeerUser::NotFound),
            (Some(SocketRow { remote: address("127.0.0.1:7465"), ..good }), PeerUser::NotFound),
        ];
        for (row, expected) in cases {
            assert_eq!(user_of(row.clone(), (peer, ours), Some(65_534)), expected, "{row:?}");
        }
    }

    #[test]
    fn only_the_first_namespace_maps_everybody() {
        assert!(maps_everybody("         0          0 4294967295\n"));
        for map in ["", "0 1000 1\n", "0 1000 1\n1 100000 65536\n", "1000 1000 1\n", "0 1 4294967295\n"] {
            assert!(!maps_everybody(map), "{map}");
        }
    }

    #[tokio::test]
    async fn both_sources_name_the_user_of_an_open_connection_and_of_no_other() {
        let me = PeerUser::Uid(rustix::process::geteuid().as_raw());
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at) else { continue };
            let ours = listener.local_addr().unwrap();
            let best = PeerLookup::open();
            assert!(best.is_supported());
            for lookup in [best, PeerLookup { source: PeerSource::ProcNet, overflow_uid: None }] {
                let client = std::net::TcpStream::connect(ours).unwrap();
                let (server, peer) = listener.accept().unwrap();
                assert_eq!(lookup.user(peer, ours).await, me, "{lookup:?} {at}");
                assert_eq!(lookup.user(ours, peer).await, me, "{lookup:?} {at}: the other way round it is our own end");
                drop(client);
                assert_eq!(lookup.user(peer, ours).await, PeerUser::NotFound, "{lookup:?} {at}: it was closed");
                drop(server);
            }
        }
        let nowhere = PeerLookup { source: PeerSource::None, overflow_uid: None };
        assert_eq!(nowhere.user(address("127.0.0.1:1"), address("127.0.0.1:2")).await, PeerUser::Unsupported);
    }
}
