//! Reads the head of a reply: its status, and where its body ends. Knows `Content-Length` only.

/// The head of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Where the body begins.
    pub body_at: usize,
    /// Where the reply ends.
    pub end: usize,
}

const LENGTH: &[u8] = b"content-length:";

/// The head at the start of `bytes`; `None` if it is not complete yet.
pub fn head(bytes: &[u8]) -> Result<Option<Head>, &'static str> {
    let mut status = None;
    let mut length = None;
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if status.is_none() {
            if !line.ends_with(b"\n") {
                return Ok(None);
            }
            status = Some(number(line.get(9..12).unwrap_or_default()).ok_or("not an HTTP reply")?);
        } else if line == b"\r\n" {
            let status = status.and_then(|status| u16::try_from(status).ok()).ok_or("not an HTTP reply")?;
            let length = length.ok_or("a reply without Content-Length")?;
            return Ok(Some(Head { status, body_at: at, end: at + length }));
        } else if line.len() > LENGTH.len() && line.ends_with(b"\n") {
            let (name, value) = line.split_at(LENGTH.len());
            if name.eq_ignore_ascii_case(LENGTH) {
                length = Some(number(value.trim_ascii()).ok_or("an unreadable Content-Length")?);
            }
        }
    }
    Ok(None)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Head, head};

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
        assert_eq!(head(reply), Ok(Some(Head { status: 200, body_at: reply.len() - 2, end: reply.len() })));
        for cut in 0..reply.len() - 2 {
            assert_eq!(head(&reply[..cut]), Ok(None), "cut at {cut}");
        }
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(head(b"hello\r\n").is_err());
    }
}
