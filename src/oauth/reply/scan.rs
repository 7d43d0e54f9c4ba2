//! Recovery parser for broken JSON: reads an object member by member for as long as the text is well-formed.
//!
//! The provider has already acted when its reply turns out to be broken, and the refresh token in it may be the only
//! one that still works. A member counts if it arrived completely: text with its closing quote, anything else with the
//! character that has to follow it.

use serde_json::{Map, Value};

use super::members::Members;
use super::values::DEEPEST;

/// What was found.
pub(super) struct ScannedTokens {
    pub(super) members: Members,
    /// The object's closing brace was reached.
    pub(super) is_whole: bool,
}

/// The members of the first object in `body`; `None` if there is none.
pub(super) fn scan(body: &[u8]) -> Option<ScannedTokens> {
    let mut members = Members::default();
    let start = body.iter().position(|byte| *byte == b'{')?;
    let mut scanner = Scanner { rest: body.get(start..)? };
    let is_whole = scanner.object(DEEPEST, &mut |name, value| members.put(name, value));
    Some(ScannedTokens { members, is_whole })
}

/// The same for a whole document, which has to be a complete object.
pub(super) fn document(body: &[u8]) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    let mut scanner = Scanner { rest: body };
    let is_whole = scanner.object(DEEPEST, &mut |name, value| _ = members.insert(name, value));
    is_whole.then_some(members)
}

struct Scanner<'a> {
    rest: &'a [u8],
}

/// A value, and whether the text continues after it.
struct Scanned {
    /// `None`: the value is whole but useless.
    value: Option<Value>,
    is_whole: bool,
}

impl<'a> Scanner<'a> {
    /// Whether the object's end was reached. An error inside a value costs that value only.
    fn object(&mut self, levels: usize, put: &mut dyn FnMut(String, Value)) -> bool {
        if !self.take(b'{') {
            return false;
        }
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | 0));
            if self.take(b'}') {
                return true;
            }
            let Some(name) = self.text() else { return false };
            self.skip(|byte| byte.is_ascii_whitespace());
            if !self.take(b':') {
                return false;
            }
            self.skip(|byte| byte.is_ascii_whitespace());
            let Some(Scanned { value, is_whole }) = self.value(levels) else { return false };
            if let Some(value) = value {
                put(name, value);
            }
            if !is_whole {
                return false;
            }
        }
    }

    /// `None`: it is incomplete, and none of it can be used.
    fn value(&mut self, levels: usize) -> Option<Scanned> {
        match self.rest.first()? {
            b'"' => Some(Scanned { value: Some(Value::String(self.text()?)), is_whole: true }),
            b'{' | b'[' => {
                let nested = nested_length(self.rest);
                if let Some(value) = nested.and_then(|length| serde_json::from_slice(self.rest.get(..length)?).ok()) {
                    self.advance(nested?);
                    return Some(Scanned { value: Some(value), is_whole: true });
                }
                match levels.checked_sub(1) {
                    Some(levels) if self.rest.first() == Some(&b'{') => {
                        let mut members = Map::new();
                        let is_whole = self.object(levels, &mut |name, value| _ = members.insert(name, value));
                        Some(Scanned { value: Some(Value::Object(members)), is_whole })
                    }
                    _ => {
                        self.advance(nested?);
                        Some(Scanned { value: None, is_whole: true })
                    }
                }
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'}' | b']');
                let word = self.advance(self.rest.iter().position(ends)?)?;
                Some(Scanned { value: serde_json::from_slice(word).ok(), is_whole: true })
            }
        }
    }

    /// A text in quotes; `None` if there is none, or its end is missing.
    fn text(&mut self) -> Option<String> {
        let quoted = self.advance(text_length(self.rest)?)?;
        serde_json::from_slice(quoted).ok().or_else(|| Some(lossy(quoted.get(1..quoted.len().checked_sub(1)?)?)))
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        let length = self.rest.iter().position(|byte| !is_skipped(*byte)).unwrap_or(self.rest.len());
        self.advance(length);
    }

    fn advance(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// The length of the text that `bytes` begin with, its quotes included.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let (b'"', inner) = bytes.split_first()? else { return None };
    let mut is_escaped = false;
    let end = inner.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    Some(end? + 2)
}

/// The length of the object or array that `bytes` begin with.
fn nested_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut levels) = (0_usize, 0_usize);
    loop {
        let rest = bytes.get(at..)?;
        match rest.first()? {
            b'"' => at += text_length(rest)?,
            b'{' | b'[' => (at, levels) = (at + 1, levels + 1),
            b'}' | b']' if levels <= 1 => return Some(at + 1),
            b'}' | b']' => (at, levels) = (at + 1, levels - 1),
            _ => at += 1,
        }
    }
}

/// Decodes text that is invalid in JSON, to be shown: invalid characters become U+FFFD, which no token may have.
fn lossy(inner: &[u8]) -> String {
    let text = String::from_utf8_lossy(inner);
    let (mut decoded, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        decoded.push(match escaped {
            None => c,
            Some('n' | 'r' | 't' | 'b' | 'f') => ' ',
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let unit = u32::from_str_radix(&digits, 16).ok();
                unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            Some(other) => other,
        });
    }
    decoded
}
