//! The rule for names of accounts, providers and apps.

/// Whether this is a valid name: 1 to 64 characters of `a-z`, `0-9`, `.`, `_` and `-`, the first a letter or digit.
/// Such a name is safe as a file name, even on a case-insensitive file system, and in a URL's path.
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (1..=64).contains(&name.len()) && !name.starts_with(['.', '_', '-']) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_safe_as_a_file_name_and_in_a_url() {
        for good in ["a", "0", "work", "a.b-c_d", &"x".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", ".a", "-a", "_a", "A", "a b", "a/b", "a\\b", "\u{e4}", "a\n", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
