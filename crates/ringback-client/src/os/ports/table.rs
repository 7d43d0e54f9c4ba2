//! The kernel's TCP sockets as text: `/proc/net/tcp` and `/proc/net/tcp6` (`proc(5)`).

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRow {
    /// Its own end.
    pub local: SocketAddr,
    /// The other end; unspecified for one that listens.
    pub remote: SocketAddr,
    /// [`ESTABLISHED`], [`LISTEN`], or another of `include/net/tcp_states.h`.
    pub state: u8,
    /// The user who made it.
    pub uid: u32,
    /// 0 if no process holds it any more: `uid` then says nothing.
    pub inode: u64,
}

/// Both ends may send.
pub const ESTABLISHED: u8 = 1;
/// It waits for connections.
pub const LISTEN: u8 = 10;

const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Every row of both tables, up to `most` bytes of each, listening sockets first; `None` if there are no tables.
pub fn rows(most: u64) -> Option<impl Iterator<Item = SocketRow>> {
    // A machine without IPv6 has no second table.
    let mut tables = TABLES.iter().filter_map(|path| File::open(path).ok()).peekable();
    tables.peek()?;
    let lines = tables.flat_map(move |table| BufReader::new(table.take(most)).lines().map_while(Result::ok));
    Some(lines.filter_map(|line| row(&line)))
}

fn row(line: &str) -> Option<SocketRow> {
    let mut fields = line.split_whitespace();
    let (local, remote, state) = (fields.nth(1)?, fields.next()?, fields.next()?);
    let (uid, inode) = (fields.nth(3)?, fields.nth(1)?);
    Some(SocketRow {
        local: address(local)?,
        remote: address(remote)?,
        state: u8::from_str_radix(state, 16).ok()?,
        uid: uid.parse().ok()?,
        inode: inode.parse().ok()?,
    })
}

fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    Some(SocketAddr::new(ip_address(ip)?, u16::from_str_radix(port, 16).ok()?))
}

/// Parses words of 32 bits, each in the byte order of the machine's memory.
fn ip_address(hex: &str) -> Option<IpAddr> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_for_both_families_and_what_is_no_row_is_passed_over() {
        let v4 = "   0: 0100007F:1D28 0200007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x";
        let expected = SocketRow {
            local: "127.0.0.1:7464".parse().unwrap(),
            remote: "127.0.0.2:50000".parse().unwrap(),
            state: ESTABLISHED,
            uid: 1000,
            inode: 4242,
        };
        assert_eq!(row(v4), Some(expected));
        let v6 = "   1: 00000000000000000000000001000000:1D28 00000000000000000000000000000000:0000 0A 0:0 00:0 0  65534 0 7 1 x";
        let expected = SocketRow {
            local: "[::1]:7464".parse().unwrap(),
            remote: "[::]:0".parse().unwrap(),
            state: LISTEN,
            uid: 65_534,
            inode: 7,
        };
        assert_eq!(row(v6), Some(expected));
        for other in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            &v4.replace(" 01 ", " 1FF "),
            &v4.replace("0100007F", "01"),
            &v4.replace(":C350", ""),
            &v4.replace("1000 ", "x "),
            &v4.replace("4242", "-1"),
        ] {
            assert_eq!(row(other), None, "{other}");
        }
    }
}
