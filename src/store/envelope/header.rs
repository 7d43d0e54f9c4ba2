//! The header of an age file: its stanzas as text, with a MAC under the file key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::file_key::FileKey;

const FIRST_LINE: &str = "age-encryption.org/v1\n";
const STANZA: &str = "-> ";
const END: &str = "---";
/// Length of the lines of a body; the last one is shorter.
const COLUMNS: usize = 64;

/// A stanza: the file key, wrapped for one reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stanza {
    /// Its kind, and the arguments of that kind.
    pub(super) arguments: Vec<String>,
    /// The wrapped key.
    pub(super) body: Vec<u8>,
}

/// A parsed header.
pub(super) struct Header<'a> {
    pub(super) stanzas: Vec<Stanza>,
    /// The bytes that the MAC covers.
    authentic: &'a [u8],
    mac: Vec<u8>,
}

impl<'a> Header<'a> {
    /// The header and what follows it; `None` if it is not one.
    pub(super) fn parse(file: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = file.strip_prefix(FIRST_LINE.as_bytes())?;
        let mut stanzas = Vec::new();
        loop {
            let before = rest;
            let line = take_line(&mut rest)?;
            if let Some(mac) = line.strip_prefix(END) {
                let mac = decode(mac.strip_prefix(' ')?)?;
                let length = file.len().checked_sub(before.len())?.checked_add(END.len())?;
                let authentic = file.get(..length)?;
                return (!stanzas.is_empty()).then_some((Self { stanzas, authentic, mac }, rest));
            }
            let arguments: Vec<String> = line.strip_prefix(STANZA)?.split(' ').map(str::to_owned).collect();
            let well_formed =
                |argument: &String| !argument.is_empty() && argument.bytes().all(|b| b.is_ascii_graphic());
            if !arguments.iter().all(well_formed) {
                return None;
            }
            stanzas.push(Stanza { arguments, body: take_body(&mut rest)? });
        }
    }

    /// Whether the MAC is right for this key.
    pub(super) fn is_authentic(&self, key: &FileKey) -> bool {
        mac(key, self.authentic).is_some_and(|mac| mac.verify_slice(&self.mac).is_ok())
    }
}

/// The bytes of a header.
pub(super) fn write(stanzas: &[Stanza], key: &FileKey) -> Vec<u8> {
    let mut text = FIRST_LINE.to_owned();
    for Stanza { arguments, body } in stanzas {
        text.push_str(STANZA);
        text.push_str(&arguments.join(" "));
        text.push('\n');
        let mut body = &*encode(body);
        // The last line is shorter than the others, and may be empty.
        while let Some((line, rest)) = body.split_at_checked(COLUMNS) {
            text.push_str(line);
            text.push('\n');
            body = rest;
        }
        text.push_str(body);
        text.push('\n');
    }
    text.push_str(END);
    let sum = mac(key, text.as_bytes()).map(|mac| mac.finalize().into_bytes());
    text.push(' ');
    text.push_str(&encode(&sum.unwrap_or_default()));
    text.push('\n');
    text.into_bytes()
}

fn mac(key: &FileKey, authentic: &[u8]) -> Option<Hmac<Sha256>> {
    let key: Zeroizing<[u8; 32]> = key.derive(b"", "header");
    // HMAC accepts a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_ref()).ok()?;
    mac.update(authentic);
    Some(mac)
}

/// A line without its end, which is taken from `rest`.
fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = (rest.get(..end)?, rest.get(end.checked_add(1)?..)?);
    *rest = after;
    std::str::from_utf8(line).ok()
}

fn take_body(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut text = String::new();
    loop {
        let line = take_line(rest)?;
        text.push_str(line);
        match line.len() {
            0..COLUMNS => return decode(&text),
            COLUMNS => {}
            _ => return None,
        }
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// `None` if the base64 is not canonical.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}
