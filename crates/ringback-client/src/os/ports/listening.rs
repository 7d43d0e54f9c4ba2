//! The process that listens on a TCP port of this machine.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::table::{self, LISTEN, SocketRow};
use crate::os::process::own_uid;

/// A listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Whose socket it is.
    pub uid: u32,
    inode: u64,
}

/// The sockets that get a connection to `address`: those that listen there, else those that listen on every address of
/// that family, or of both. `None` if the system does not tell.
pub fn listening_at(address: SocketAddr) -> Option<Vec<Listening>> {
    let who = |row: &SocketRow| Listening { uid: row.uid, inode: row.inode };
    if let Some(row) = by_query(address) {
        return Some(vec![who(&row)]);
    }
    let listens = |row: &SocketRow| row.state == LISTEN && row.local.port() == address.port();
    let found: Vec<SocketRow> = table::rows(u64::MAX)?.filter(listens).collect();
    let exact: Vec<Listening> = found.iter().filter(|row| row.local == address).map(who).collect();
    if !exact.is_empty() {
        return Some(exact);
    }
    let covers = |at: SocketAddr| at.ip().is_unspecified() && (at.is_ipv4() == address.is_ipv4() || at.is_ipv6());
    Some(found.iter().filter(|row| covers(row.local)).map(who).collect())
}

/// The same by an exact query, whose cost does not depend on how many sockets others open.
#[cfg(target_os = "linux")]
fn by_query(address: SocketAddr) -> Option<SocketRow> {
    let kernel = super::sock_diag::SockDiag::open().ok()?;
    kernel.listening(address).ok().flatten()
}

#[cfg(not(target_os = "linux"))]
fn by_query(_: SocketAddr) -> Option<SocketRow> {
    None
}

impl Listening {
    /// The process, if it may be inspected: only those of this process's own user may.
    fn process(&self) -> Option<(u32, PathBuf)> {
        let socket = format!("socket:[{}]", self.inode);
        let holds = |process: &Path| {
            let files = std::fs::read_dir(process.join("fd")).ok()?;
            let mut links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
            links.any(|link| link.as_os_str() == socket.as_str()).then_some(())
        };
        std::fs::read_dir("/proc").ok()?.find_map(|entry| {
            let path = entry.ok()?.path();
            let pid: u32 = path.file_name()?.to_str()?.parse().ok()?;
            holds(&path)?;
            Some((pid, std::fs::read_link(path.join("exe")).unwrap_or_default()))
        })
    }
}

impl fmt::Display for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.uid == own_uid() { "your own user".to_owned() } else { format!("user {}", self.uid) };
        match self.process() {
            Some((pid, executable)) => write!(f, "process {pid} ({}) of {whose}", executable.display()),
            None => write!(f, "a process of {whose}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_of_ours_is_found_by_its_address_and_by_every_address() {
        let me = own_uid();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = listening_at(address).unwrap();
        assert_eq!(found.iter().map(|who| who.uid).collect::<Vec<_>>(), [me]);
        let told = found[0].to_string();
        assert!(told.contains(&format!("process {}", std::process::id())) && told.contains("your own user"), "{told}");
        drop(listener);
        assert_eq!(listening_at(address).unwrap(), []);
        let everywhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = everywhere.local_addr().unwrap().port();
        assert_eq!(listening_at(SocketAddr::from(([127, 0, 0, 1], port))).unwrap().len(), 1);
    }
}
