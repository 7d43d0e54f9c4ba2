//! The master key: 256 bits under which every account's file is sealed. [`source`] says where it comes from.

pub(crate) mod location;
pub(crate) mod passphrase;
pub mod source;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rand::TryRng as _;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::os::locked_memory::LockedBytes;
use crate::secret::text;

/// Domain separation: a key's id is not the hash of that key in any other program.
const ID_DOMAIN: &[u8] = b"ringback master key id v1\0";
const KEY: usize = 32;
/// A key as text is 64 bytes long; anything longer than this is not a key.
pub(super) const TEXT_LIMIT: usize = 4096;

/// A 256-bit key. Clones share the one place in memory that holds it; with the last of them it is wiped.
/// `Debug` shows its id only.
#[derive(Clone)]
pub struct MasterKey(Arc<LockedBytes<KEY>>);

impl MasterKey {
    /// A new key from the operating system's own randomness.
    pub fn generate() -> Result<Self, rand::rngs::SysError> {
        Self::made(|key| rand::rngs::SysRng.try_fill_bytes(key))
    }

    /// A key from its bytes. The caller's copy is the caller's to wipe.
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let mut place = LockedBytes::new();
        place.get_mut().copy_from_slice(bytes.as_ref());
        Self(Arc::new(place))
    }

    /// A key that `fill` writes directly to its place in memory.
    fn made<E>(fill: impl FnOnce(&mut [u8; KEY]) -> Result<(), E>) -> Result<Self, E> {
        let mut place = LockedBytes::new();
        fill(place.get_mut())?;
        Ok(Self(Arc::new(place)))
    }

    /// Parses a key as text: 64 hex digits, or base64 of 32 bytes (either alphabet, padding optional), without
    /// surrounding white space. The error says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let text = text.strip_prefix(text::BOM).unwrap_or(text).trim_ascii();
        let unfit = "it is neither 64 hex digits nor base64 of 32 bytes";
        match text.len() {
            0 => Err("it is empty"),
            _ if text::is_utf16(text) => Err("it is in UTF-16, as written by PowerShell's `>`: save it as UTF-8"),
            64 => Self::made(|key| decode_hex(text, key).ok_or(unfit)),
            43 | 44 => Self::made(|key| decode_base64(text, key).ok_or(unfit)),
            _ => Err(unfit),
        }
    }

    /// As 64 hex digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY));
        for byte in self.bytes() {
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        text
    }

    /// Tells keys apart without revealing anything about them: truncated SHA-256 with a domain label.
    pub(crate) fn id(&self) -> [u8; 8] {
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(self.bytes()).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY] {
        self.0.get()
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
        // One byte more than a key has: the decoder requires room for the longest possible result.
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
