//! Scopes (RFC 6749 §3.3).

/// Whether a byte may be in a scope, and in a nonce of DPoP: `NQCHAR` (RFC 6749 Appendix A), which is printable ASCII
/// without space, quote and backslash. So it fits into a quoted string unescaped.
pub(crate) fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// Adds what is missing of `more` to the end of `scopes`, each once.
pub(crate) fn add_missing<'a>(scopes: &mut Vec<String>, more: impl IntoIterator<Item = &'a str>) {
    for scope in more {
        if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_added_once_and_in_its_order() {
        let mut scopes = vec!["b".to_owned()];
        add_missing(&mut scopes, ["c", "b", "a", "c"]);
        assert_eq!(scopes, ["b", "c", "a"]);
    }

    #[test]
    fn a_scope_has_no_byte_that_a_quoted_string_would_escape() {
        let unfit: Vec<u8> = (0x20..=0x7f).filter(|byte| !is_scope_byte(*byte)).collect();
        assert_eq!(unfit, b" \"\\\x7f");
        assert!(![0, b'\n', 0x80, 0xff].into_iter().any(is_scope_byte));
    }
}
