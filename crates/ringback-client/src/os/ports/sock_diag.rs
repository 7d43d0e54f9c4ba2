//! One TCP socket, found by its two ends in the kernel's hash table (`NETLINK_SOCK_DIAG`, `sock_diag(7)`).
//!
//! Request and answer have a fixed layout of 72 and 88 bytes, so they are written out here: the crates for it bring
//! an async stack of their own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with};

use super::table::{LISTEN, SocketRow};

/// `nlmsghdr` (netlink(7)).
const HEADER: usize = 16;
/// `nlmsghdr` and `inet_diag_req_v2`.
const REQUEST: usize = HEADER + 56;
/// `SOCK_DIAG_BY_FAMILY`, for the request and its answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
/// `NLM_F_REQUEST`: without `NLM_F_DUMP`, so one socket and not all of them.
const EXACT: u16 = 1;
const TCP: u8 = 6;
/// How many messages are read before giving up: answers to earlier requests may come first.
const STALE: usize = 8;

/// A netlink socket for queries to the kernel.
#[derive(Debug)]
pub struct SockDiag {
    socket: OwnedFd,
    asked: AtomicU32,
}

impl SockDiag {
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(SOCK_DIAG))?;
        // Connected to the kernel, so that messages from other processes are not received.
        connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self { socket, asked: AtomicU32::new(0) })
    }

    /// The socket that gets a connection to `address`.
    pub fn listening(&self, address: SocketAddr) -> io::Result<Option<SocketRow>> {
        let nobody: IpAddr =
            if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let row = self.find(address, SocketAddr::new(nobody, 0))?;
        Ok(row.filter(|row| row.state == LISTEN && row.local.port() == address.port()))
    }

    /// The socket whose own end is `local` and whose other end is `remote`. If there is none, the kernel may name one
    /// that listens on `local`: the caller has to check the row.
    pub fn find(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<SocketRow>> {
        let sequence = self.asked.fetch_add(1, Ordering::Relaxed);
        send(&self.socket, &request(sequence, local, remote), SendFlags::empty())?;
        let mut answer = [0; 512];
        for _ in 0..STALE {
            // The kernel has answered by the time that `send` returns.
            let (length, _) = recv(&self.socket, &mut answer, RecvFlags::empty())?;
            let answer = answer.get(..length).unwrap_or_default();
            if number(answer, 8).map(u32::from_ne_bytes) == Some(sequence) {
                return read(answer);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }
}

fn request(sequence: u32, local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut message = Vec::with_capacity(REQUEST);
    message.extend(u32::try_from(REQUEST).unwrap_or_default().to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(EXACT.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    message.extend([u8::try_from(family.as_raw()).unwrap_or_default(), TCP, 0, 0]);
    // All states: the kernel ignores them in a query for one socket.
    message.extend(u32::MAX.to_ne_bytes());
    message.extend(local.port().to_be_bytes());
    message.extend(remote.port().to_be_bytes());
    message.extend(octets(local.ip()));
    message.extend(octets(remote.ip()));
    // On any interface, with any cookie (`INET_DIAG_NOCOOKIE`).
    message.extend(0_u32.to_ne_bytes());
    message.extend(u64::MAX.to_ne_bytes());
    message
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut octets = [0; 16];
            octets.iter_mut().zip(ip.octets()).for_each(|(to, from)| *to = from);
            octets
        }
    }
}

/// `inet_diag_msg`, or the kernel's error.
fn read(answer: &[u8]) -> io::Result<Option<SocketRow>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    match number(answer, 4).map(u16::from_ne_bytes) {
        Some(ERROR) => {
            let code = number(answer, HEADER).map(i32::from_ne_bytes).ok_or_else(malformed)?;
            let error = io::Error::from_raw_os_error(code.saturating_neg());
            if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) { Ok(None) } else { Err(error) }
        }
        Some(BY_FAMILY) => {
            let message = answer.get(HEADER..).and_then(row);
            message.map(Some).ok_or_else(malformed)
        }
        _ => Err(malformed()),
    }
}

fn row(message: &[u8]) -> Option<SocketRow> {
    let [family, state, ..] = *message else { return None };
    let end = |port: usize, ip: usize| {
        let port = number(message, port).map(u16::from_be_bytes)?;
        let ip = if u32::from(family) == u32::from(AddressFamily::INET.as_raw()) {
            number(message, ip).map(Ipv4Addr::from)?.into()
        } else {
            number(message, ip).map(|octets: [u8; 16]| Ipv6Addr::from(octets))?.into()
        };
        Some(SocketAddr::new(ip, port))
    };
    Some(SocketRow {
        local: end(4, 8)?,
        remote: end(6, 24)?,
        state,
        uid: number(message, 64).map(u32::from_ne_bytes)?,
        inode: number(message, 68).map(u32::from_ne_bytes)?.into(),
    })
}

/// The `N` bytes at `at`.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::super::table::ESTABLISHED;
    use super::*;
    use crate::os::process::own_uid;

    fn connection(at: &str) -> (TcpListener, TcpStream, TcpStream) {
        let listener = TcpListener::bind(at).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap().0;
        (listener, client, server)
    }

    #[test]
    fn a_connection_is_found_by_its_two_ends_in_both_families() {
        let kernel = SockDiag::open().unwrap();
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(_) = TcpListener::bind(at) else { continue };
            let (listener, client, server) = connection(at);
            let (local, remote) = (client.local_addr().unwrap(), listener.local_addr().unwrap());
            let found = kernel.find(local, remote).unwrap().unwrap();
            assert_eq!((found.local, found.remote, found.state), (local, remote, ESTABLISHED), "{at}");
            assert_eq!(found.uid, own_uid());
            assert_ne!(found.inode, 0);
            client.shutdown(Shutdown::Write).unwrap();
            assert_ne!(kernel.find(local, remote).unwrap().unwrap().state, ESTABLISHED, "{at}: it was shut down");
            drop(client);
            let left = kernel.find(local, remote).unwrap();
            assert!(left.is_none_or(|row| row.inode == 0), "{at}: nobody holds it any more");
            drop(server);
        }
    }

    #[test]
    fn where_no_connection_is_one_that_listens_may_be_named() {
        let kernel = SockDiag::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        assert_eq!(kernel.listening(at).unwrap().unwrap().local, at);
        let found = kernel.find(at, "127.0.0.1:1".parse().unwrap()).unwrap().unwrap();
        assert_eq!(found.state, LISTEN);
        drop(listener);
        assert_eq!(kernel.find(at, "127.0.0.1:1".parse().unwrap()).unwrap(), None);
        assert_eq!(kernel.listening(at).unwrap(), None);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for answer in [&[][..], &[0; 16], &[0; 100], &[20, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1]] {
            assert!(read(answer).is_err(), "{answer:?}");
        }
        let refused = |code: i32| {
            let mut answer = vec![0; HEADER];
            answer[4] = 2;
            answer.extend(code.to_ne_bytes());
            read(&answer)
        };
        assert_eq!(refused(-2).unwrap(), None);
        assert_eq!(refused(-1).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(refused(i32::MIN).is_err());
    }
}
