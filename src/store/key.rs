//! The master key: 256 bits under which every account's file is sealed. Where it comes from is
//! [`source`]'s job.

pub mod passphrase;
pub mod source;

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rand::TryRng as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Keeps a key's id from being the hash of that key in any other program.
const ID_DOMAIN: &[u8] = b"ringback master key id v1\0";
const KEY: usize = 32;

/// A 256-bit key. It is wiped when dropped, and `Debug` shows its id only.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY]>);

impl MasterKey {
    /// A new key from the operating system's own randomness.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        let mut bytes = Zeroizing::new([0; KEY]);
        rand::rngs::SysRng.try_fill_bytes(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    /// A key from its bytes. The caller's copy is the caller's to wipe.
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Takes a key as text: 64 hex digits, or base64 of 32 bytes (either alphabet, padding optional),
    /// white space around it cut off. Says what is wrong with a text that is neither.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let text = text.trim_ascii();
        let mut bytes = Zeroizing::new([0; KEY]);
        let found = match text.len() {
            0 => return Err("it is empty"),
            64 => decode_hex(text, &mut bytes),
            43 | 44 => decode_base64(text, &mut bytes),
            _ => None,
        };
        found.map(|()| Self(bytes)).ok_or("it is neither 64 hex digits nor base64 of 32 bytes")
    }

    /// As 64 hex digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        text
    }

    /// Tells keys apart without saying anything about them: truncated SHA-256 with a domain label.
    pub fn id(&self) -> [u8; 8] {
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(self.0.as_ref()).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey[{:016x}]", u64::from_be_bytes(self.id()))
    }
}

fn decode_hex(text: &[u8], bytes: &mut [u8; KEY]) -> Option<()> {
    let (pairs, _) = text.as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(())
}

fn decode_base64(text: &[u8], bytes: &mut [u8; KEY]) -> Option<()> {
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    for alphabet in [&base64::alphabet::STANDARD, &base64::alphabet::URL_SAFE] {
        // One more than a key has: decoding demands room for what the text could hold.
        let mut room = Zeroizing::new([0; KEY + 1]);
        if let Ok(KEY) = GeneralPurpose::new(alphabet, either).decode_slice(text, room.as_mut()) {
            bytes.copy_from_slice(room.split_first_chunk::<KEY>()?.0);
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_hex_and_as_base64_of_either_alphabet() {
        let key = MasterKey::from_bytes([0xfb; 32]);
        let hex = key.to_hex();
        assert_eq!(*hex, "fb".repeat(32));
        let base64 = base64::engine::general_purpose::STANDARD.encode([0xfb; 32]);
        let url = base64.replace('+', "-").replace('/', "_");
        for text in [&*hex, &hex.to_uppercase(), &format!(" {}\n", *hex), &base64, &url, url.trim_end_matches('=')] {
            assert_eq!(MasterKey::parse(text.as_bytes()).unwrap().bytes(), &[0xfb; 32], "{text}");
        }
        for bad in ["", " \n", "fb", &hex[1..], &hex.replace('f', "g"), &format!("{}00", *hex), &base64[4..], "ß"] {
            let why = MasterKey::parse(bad.as_bytes()).unwrap_err();
            assert!(!why.contains("fb"), "{why}");
        }
    }

    #[test]
    fn debug_and_id_tell_keys_apart_without_showing_them() {
        let (one, two) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        assert_ne!(one.id(), two.id());
        assert!(!format!("{one:?}").contains(&one.to_hex()[..8]));
    }
}
