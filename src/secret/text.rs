//! Text with a secret in it, from a file, a program, a keyring or a terminal. Editors and shells add invisible
//! characters, and a provider would only answer `invalid_client`: so they are detected here, and reported without the
//! secret.

use std::fmt;

use crate::printable::{is_invisible, is_unprintable};

/// The byte order mark that some editors put in front of UTF-8. Removed from the beginning of a text.
pub const BOM: &[u8] = b"\xef\xbb\xbf";

/// The characters that a secret may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A client secret: RFC 6749 Appendix A.2 allows visible ASCII and spaces. Other characters are accepted if they
    /// are visible.
    ClientSecret,
    /// A client id: RFC 6749 Appendix A.1 allows visible ASCII and spaces.
    ClientId,
    /// What a person chose, in any language: invisible characters are refused only at the ends.
    Password,
}

/// Why a text can't be a secret: a predicate, without the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// UTF-16, as Windows writes it.
    Utf16,
    /// Not text in UTF-8.
    NotUtf8,
    /// Nothing but white space.
    Empty,
    /// Several lines, such as a password manager's entry with notes below the password.
    Lines,
    /// A character that such a secret can't have. Line and column count from 1, in characters.
    Character {
        /// The character.
        c: char,
        /// Its line.
        line: usize,
        /// Its place in the line.
        column: usize,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf16 => f.write_str("is in UTF-16, as written by PowerShell's `>`: save it as UTF-8"),
            Self::NotUtf8 => f.write_str("is not UTF-8"),
            Self::Empty => f.write_str("is empty"),
            Self::Lines => f.write_str("has more than one line"),
            Self::Character { c, line, column } => {
                let (code, name) = (u32::from(*c), name(*c));
                write!(
                    f,
                    "has {name} (U+{code:04X}) in line {line}, column {column}: remove it, or copy the text again"
                )
            }
        }
    }
}

/// The text, without a byte order mark.
pub fn decoded(bytes: &[u8]) -> Result<&str, Unfit> {
    if is_utf16(bytes) {
        return Err(Unfit::Utf16);
    }
    std::str::from_utf8(bytes.strip_prefix(BOM).unwrap_or(bytes)).map_err(|_| Unfit::NotUtf8)
}

/// Whether it begins as UTF-16 does, with a byte order mark or with ASCII.
pub fn is_utf16(bytes: &[u8]) -> bool {
    let ascii = |high: u8, low: u8| high == 0 && low.is_ascii() && low != 0;
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [a, b, c, d, ..] => ascii(*a, *b) && ascii(*c, *d) || ascii(*b, *a) && ascii(*d, *c),
        _ => false,
    }
}

/// The one secret in `bytes`, without the white space of ASCII around it.
pub fn single(bytes: &[u8], rule: Rule) -> Result<&str, Unfit> {
    let text = decoded(bytes)?;
    let secret = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if secret.is_empty() {
        return Err(Unfit::Empty);
    }
    if secret.contains(['\n', '\r']) {
        return Err(Unfit::Lines);
    }
    let begins = text.len() - text.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
    match unfit(secret, rule) {
        None => Ok(secret),
        Some((at, c)) => Err(place(text, begins + at, c)),
    }
}

/// The same check for a secret that is used unchanged.
pub fn check(secret: &str, rule: Rule) -> Result<(), Unfit> {
    unfit(secret, rule).map_or(Ok(()), |(at, c)| Err(place(secret, at, c)))
}

/// The text of a key file, in which nothing invisible may be.
pub fn lines(bytes: &[u8]) -> Result<&str, Unfit> {
    let text = decoded(bytes)?;
    let odd = |c: char| is_unprintable(c) && !matches!(c, '\n' | '\r' | '\t') || c == '\u{a0}';
    match text.char_indices().find(|(_, c)| odd(*c)) {
        None => Ok(text),
        Some((at, c)) => Err(place(text, at, c)),
    }
}

/// The first character that is not allowed, and its byte.
fn unfit(secret: &str, rule: Rule) -> Option<(usize, char)> {
    let unseen = |c: char| is_invisible(c) || c.is_whitespace() && c != ' ';
    let last = secret.char_indices().next_back().map_or(0, |(at, _)| at);
    secret.char_indices().find(|(at, c)| {
        c.is_control()
            || match rule {
                Rule::ClientSecret => unseen(*c) || is_selector(*c),
                Rule::ClientId => !c.is_ascii(),
                Rule::Password => unseen(*c) && (*at == 0 || *at == last),
            }
    })
}

fn place(text: &str, at: usize, c: char) -> Unfit {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Unfit::Character { c, line, column }
}

/// A variation selector, which changes the look of the character before it: part of many emoji.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn name(c: char) -> &'static str {
    match c {
        '\u{feff}' => "a byte order mark",
        '\u{200b}' => "a zero-width space",
        '\u{a0}' | '\u{202f}' | '\u{2007}' => "a non-breaking space",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark that changes the text direction"
        }
        c if c.is_control() => "a control character",
        c if c.is_whitespace() => "white space that is not ASCII",
        c if is_invisible(c) || is_selector(c) => "an invisible character",
        _ => "a character that is not ASCII",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rule::{ClientId, ClientSecret, Password};

    #[test]
    fn what_nobody_sees_is_cut_or_told_by_its_place() {
        let at = |c, line, column| Err(Unfit::Character { c, line, column });
        for (text, rule, expected) in [
            (" \n canary~! \r\n", ClientSecret, Ok("canary~!")),
            ("\u{feff}canary\n", ClientSecret, Ok("canary")),
            ("\u{feff}p\u{e4}ss w\u{f6}rd\n", Password, Ok("p\u{e4}ss w\u{f6}rd")),
            ("sch\u{f6}n", ClientSecret, Ok("sch\u{f6}n")),
            ("two words", ClientSecret, Ok("two words")),
            (" canary-7.apps\n", ClientId, Ok("canary-7.apps")),
            ("sch\u{f6}n", ClientId, at('\u{f6}', 1, 4)),
            ("canary\u{200b}", ClientId, at('\u{200b}', 1, 7)),
            ("canary\nnotes", ClientId, Err(Unfit::Lines)),
            ("\u{feff}\u{feff}x", ClientSecret, at('\u{feff}', 1, 1)),
            ("\n\n  can\u{200b}ary\n", ClientSecret, at('\u{200b}', 3, 6)),
            ("canary\u{a0}\n", ClientSecret, at('\u{a0}', 1, 7)),
            ("canary\u{a0}\n", Password, at('\u{a0}', 1, 7)),
            ("\u{2003}canary", Password, at('\u{2003}', 1, 1)),
            ("\u{200b}", Password, at('\u{200b}', 1, 1)),
            ("a\u{a0}b", ClientSecret, at('\u{a0}', 1, 2)),
            ("a\u{a0}b\u{200d}c\u{202e}d", Password, Ok("a\u{a0}b\u{200d}c\u{202e}d")),
            ("a\u{202e}b", ClientSecret, at('\u{202e}', 1, 2)),
            ("\u{2764}\u{fe0f}", Password, Ok("\u{2764}\u{fe0f}")),
            ("\u{2764}\u{fe0f}", ClientSecret, at('\u{fe0f}', 1, 2)),
            ("a\tb", Password, at('\t', 1, 2)),
            ("a\u{85}", ClientSecret, at('\u{85}', 1, 2)),
            ("a\0b", ClientSecret, at('\0', 1, 2)),
            ("canary\nnotes", ClientSecret, Err(Unfit::Lines)),
            ("\u{feff} \n", Password, Err(Unfit::Empty)),
            ("", ClientSecret, Err(Unfit::Empty)),
        ] {
            assert_eq!(single(text.as_bytes(), rule), expected, "{text:?} {rule:?}");
            if let Err(why) = expected {
                assert!(!why.to_string().contains("canary"), "{why}");
            }
        }
        assert_eq!(check(" canary ", ClientSecret), Ok(()), "as it is");
        assert_eq!(check("x\u{200b}", ClientSecret), Err(Unfit::Character { c: '\u{200b}', line: 1, column: 2 }));
    }

    #[test]
    fn utf_16_is_known_by_its_mark_or_by_its_zeros() {
        let wide = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for text in ["\u{feff}canary\r\n", "canary\r\n", "\u{feff}\u{e4}"] {
            for big in [false, true] {
                assert_eq!(decoded(&wide(text, big)), Err(Unfit::Utf16), "{text:?} {big}");
            }
        }
        for other in [&b"canary"[..], b"", b"a", b"\0\0\0\0", b"ab\0c", "\u{e4}\u{f6}".as_bytes()] {
            assert!(decoded(other).is_ok(), "{other:?}");
        }
        assert_eq!(decoded(b"can\xffary"), Err(Unfit::NotUtf8));
    }

    #[test]
    fn a_key_file_has_lines_and_nothing_invisible() {
        assert_eq!(lines(b"\xef\xbb\xbf-----BEGIN\r\n\tx\n"), Ok("-----BEGIN\r\n\tx\n"));
        let odd = "a\nbc\u{200b}\n";
        assert_eq!(lines(odd.as_bytes()), Err(Unfit::Character { c: '\u{200b}', line: 2, column: 3 }));
    }
}
