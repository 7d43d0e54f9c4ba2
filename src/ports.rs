//! Who listens on a port of this machine, as the kernel tells (`/proc/net/tcp`, proc(5)).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Somebody who listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Whose socket it is.
    pub uid: u32,
    inode: u64,
}

/// Who gets a connection to `address`: whoever listens there, else whoever listens on every address of that
/// family, or of both. `None` where the system does not tell.
pub fn listening_at(address: SocketAddr) -> Option<Vec<Listening>> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A machine without IPv6 has no second table.
        let Ok(text) = std::fs::read_to_string(table) else { continue };
        found.extend(text.lines().filter_map(row).filter(|(at, _)| at.port() == address.port()));
    }
    if found.is_empty() && !Path::new("/proc/net/tcp").exists() {
        return None;
    }
    let exact: Vec<Listening> = found.iter().filter(|(at, _)| *at == address).map(|(_, who)| who.clone()).collect();
    if !exact.is_empty() {
        return Some(exact);
    }
    let covers = |at: &SocketAddr| at.ip().is_unspecified() && (at.is_ipv4() == address.is_ipv4() || at.is_ipv6());
    Some(found.into_iter().filter(|(at, _)| covers(at)).map(|(_, who)| who).collect())
}

/// A listening socket's row: its address, and whose it is.
fn row(line: &str) -> Option<(SocketAddr, Listening)> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, _, state, _, _, _, uid, _, inode, ..] = fields.as_slice() else { return None };
    if *state != LISTEN {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let address = SocketAddr::new(ip(address)?, u16::from_str_radix(port, 16).ok()?);
    Some((address, Listening { uid: uid.parse().ok()?, inode: inode.parse().ok()? }))
}

/// Words of 32 bits, each as it lies in memory.
fn ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?).into())
        }
        _ => None,
    }
}

impl Listening {
    /// The process, where we may look into it: our own user's.
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
        let whose = if self.uid == rustix::process::geteuid().as_raw() {
            "your own user".to_owned()
        } else {
            format!("user {}", self.uid)
        };
        match self.process() {
            Some((pid, executable)) => write!(f, "process {pid} ({}) of {whose}", executable.display()),
            None => write!(f, "a process of {whose}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_for_both_families_and_only_listeners_count() {
        let v4 = "   0: 0100007F:1D28 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x";
        assert_eq!(row(v4), Some(("127.0.0.1:7464".parse().unwrap(), Listening { uid: 1000, inode: 4242 })));
        let v6 = "   1: 00000000000000000000000001000000:1D28 00000000000000000000000000000000:0000 0A 0:0 00:0 0  65534 0 7 1 x";
        assert_eq!(row(v6), Some(("[::1]:7464".parse().unwrap(), Listening { uid: 65534, inode: 7 })));
        for other in [
            "",
            "  sl  local_address rem_address   st",
            &v4.replace(" 0A ", " 01 "),
            &v4.replace("0100007F", "01"),
            &v4.replace("1000 ", "x "),
        ] {
            assert_eq!(row(other), None, "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_listener_of_ours_is_found_by_its_address_and_by_every_address() {
        let me = rustix::process::geteuid().as_raw();
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
