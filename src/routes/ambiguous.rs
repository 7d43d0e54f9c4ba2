//! Paths that two readers could understand differently (path confusion).

/// Whether two readers could understand a path differently (`security.md` §0, 3): the gate refuses it in every request,
/// and the config in a redirect URI.
pub(crate) fn is_ambiguous(path: &str) -> bool {
    let odd_segment = path.split('/').skip(1).any(|segment| matches!(segment, "." | ".."));
    odd_segment || path.contains("//") || path.contains('\\') || !escapes_are_harmless(path.as_bytes())
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
