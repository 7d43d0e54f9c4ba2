//! Paths that two readers could understand differently (path confusion).

use std::borrow::Cow;

/// What two readers of a path could understand differently (`security.md` §0, 3): the gate refuses it in every request,
/// and the config in a redirect URI.
pub(crate) fn ambiguity(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    // Few paths have any of these, so one look is enough for most.
    if !bytes.iter().any(|byte| b".%\\".contains(byte)) && !bytes.windows(2).any(|pair| pair == b"//") {
        return None;
    }
    if path.split('/').skip(1).any(|segment| matches!(segment, "." | "..")) {
        return Some("the path has a segment `.` or `..`, which servers read differently");
    }
    if path.contains("//") {
        return Some("the path has two slashes in a row, which servers read differently");
    }
    if path.contains('\\') {
        return Some("the path has a backslash, which servers read differently");
    }
    let escaped = "the path has an escape of `/`, `\\`, `.`, `%` or a control character, or a `%` that is no escape, which \
                   servers read differently";
    (!escapes_are_harmless(path.as_bytes())).then_some(escaped)
}

/// As [`ambiguity`], for a path that is another server's to read: an escaped slash may be part of a name there (RFC 3986
/// §2.2), as in `/projects/group%2Fname`, as long as nothing changes with how it is read.
pub(crate) fn forwarded_ambiguity(path: &str) -> Option<&'static str> {
    ambiguity(&with_slashes(path))
}

/// A path as servers read it that take an escaped slash for a slash.
pub(crate) fn with_slashes(path: &str) -> Cow<'_, str> {
    if path.contains('%') { path.replace("%2F", "/").replace("%2f", "/").into() } else { path.into() }
}

/// Each `%` with two digits, and none of them a separator, a dot, a percent sign or a control character.
fn escapes_are_harmless(path: &[u8]) -> bool {
    let value = |digit: u8| char::from(digit).to_digit(16);
    path.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let digits = (path.get(at + 1).copied().and_then(value), path.get(at + 2).copied().and_then(value));
        match digits {
            (Some(high), Some(low)) => {
                let byte = high * 16 + low;
                byte >= 0x20 && byte != 0x7f && !"/\\.%".chars().any(|c| u32::from(c) == byte)
            }
            _ => false,
        }
    })
}
