//! The sealed file: XChaCha20-Poly1305, bound to its account, generation and format.
//!
//! ```text
//! offset  bytes
//!      0      8  magic, "ringback"
//!      8      4  format version, big-endian like every number here
//!     12      8  key id: tells a foreign key from damage
//!     20      8  generation
//!     28     24  nonce, random
//!     52      n  ciphertext and tag of: length (4), payload, zeros up to a multiple of 256
//! ```
//!
//! The header and the account's name are associated data: a file that was renamed to another account, or whose
//! generation was changed, does not open. 192-bit random nonces don't repeat (draft-irtf-cfrg-xchacha §2), so no
//! counter has to be kept. The padding hides which account has which kind of token, which its length would reveal in a
//! backup.

use std::fmt;

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key::MasterKey;

/// The format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 1;
/// Largest sealed file, in bytes: a token reply is at most a quarter of it.
pub(crate) const MAX_FILE: usize = 1 << 20;

const MAGIC: [u8; 8] = *b"ringback";
const NONCE: usize = 24;
const HEADER: usize = 8 + 4 + 8 + 8 + NONCE;
const TAG: usize = 16;
const LENGTH: usize = 4;
const BLOCK: usize = 256;

/// The content of a sealed file. `Debug` leaves the payload out.
pub struct Unsealed {
    /// From the header, authenticated.
    pub(crate) generation: u64,
    /// The payload.
    pub payload: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// Why a file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Written by a newer version.
    #[error("it has format version {found}")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Sealed with another key: the key is wrong, not the file.
    #[error("it is encrypted with another key")]
    ForeignKey,
    /// It was changed after it was written, or is another account's.
    #[error("{0}")]
    Damaged(&'static str),
}

/// The payload is too large for a sealed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record is too large for a file ({MAX_FILE} bytes)")]
pub struct RecordTooLarge;

/// Seals `payload` for `account`.
pub fn seal(
    key: &MasterKey,
    account: &str,
    generation: u64,
    payload: &[u8],
    rng: &mut dyn rand::CryptoRng,
) -> Result<Vec<u8>, RecordTooLarge> {
    let padded = payload.len().saturating_add(LENGTH).checked_next_multiple_of(BLOCK).ok_or(RecordTooLarge)?;
    let whole = padded.checked_add(HEADER + TAG).filter(|whole| *whole <= MAX_FILE).ok_or(RecordTooLarge)?;
    let length = u32::try_from(payload.len()).map_err(|_| RecordTooLarge)?;
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let header = header(key, generation, nonce);

    // Encrypted in place, with room for the tag, so that the plain bytes exist once and get overwritten.
    let mut body = Zeroizing::new(Vec::with_capacity(padded + TAG));
    body.extend_from_slice(&length.to_be_bytes());
    body.extend_from_slice(payload);
    body.resize(padded, 0);
    cipher(key)
        .encrypt_in_place(&XNonce::from(nonce), &associated(&header, account), &mut *body)
        .map_err(|_| RecordTooLarge)?;

    let mut file = Vec::with_capacity(whole);
    file.extend_from_slice(&header);
    file.extend_from_slice(&body);
    Ok(file)
}

/// Opens what [`seal`] made for `account`.
pub fn open(key: &MasterKey, account: &str, file: &[u8]) -> Result<Unsealed, OpenError> {
    let (header, body) = file.split_first_chunk::<HEADER>().ok_or(OpenError::Damaged("it is cut short"))?;
    let parsed = Header::parse(header).ok_or(OpenError::Damaged("it is not an encrypted file of ringback"))?;
    if parsed.format > FORMAT {
        return Err(OpenError::Newer { found: parsed.format });
    }
    if parsed.format < FORMAT {
        return Err(OpenError::Damaged("its format version does not exist"));
    }
    if file.len() > MAX_FILE {
        return Err(OpenError::Damaged("it is too large"));
    }
    if parsed.key_id != key.id() {
        return Err(OpenError::ForeignKey);
    }
    let mut plain = Zeroizing::new(body.to_vec());
    cipher(key)
        .decrypt_in_place(&XNonce::from(parsed.nonce), &associated(header, account), &mut *plain)
        .map_err(|_| OpenError::Damaged("it was changed, or it belongs to another account"))?;
    let payload = unpad(&plain).ok_or(OpenError::Damaged("its padding is wrong"))?;
    Ok(Unsealed { generation: parsed.generation, payload })
}

fn unpad(plain: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (length, padded) = plain.split_first_chunk::<LENGTH>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some(Zeroizing::new(padded.get(..length)?.to_vec()))
}

/// The fields of a header.
struct Header {
    format: u32,
    key_id: [u8; 8],
    generation: u64,
    nonce: [u8; NONCE],
}

impl Header {
    fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (format, rest) = rest.split_first_chunk()?;
        let (key_id, rest) = rest.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        Some(Self {
            format: u32::from_be_bytes(*format),
            key_id: *key_id,
            generation: u64::from_be_bytes(*generation),
            nonce: rest.try_into().ok()?,
        })
    }
}

fn header(key: &MasterKey, generation: u64, nonce: [u8; NONCE]) -> Vec<u8> {
    [&MAGIC[..], &FORMAT.to_be_bytes(), &key.id(), &generation.to_be_bytes(), &nonce].concat()
}

/// Unambiguous, since the header's length never varies within a format.
fn associated(header: &[u8], account: &str) -> Vec<u8> {
    [header, account.as_bytes()].concat()
}

fn cipher(key: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> MasterKey {
        MasterKey::from_bytes([7; 32])
    }

    fn sealed(payload: &[u8]) -> Vec<u8> {
        seal(&key(), "work", 3, payload, &mut rand::rng()).unwrap()
    }

    #[test]
    fn any_changed_byte_is_refused() {
        let good = sealed(b"payload");
        for at in 0..good.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                let error = open(&key(), "work", &bad).unwrap_err();
                match at {
                    // The version and the key id are read before anything can be verified.
                    8..12 => assert!(matches!(error, OpenError::Newer { .. } | OpenError::Damaged(_)), "{at}"),
                    12..20 => assert_eq!(error, OpenError::ForeignKey, "{at}"),
                    _ => assert!(matches!(error, OpenError::Damaged(_)), "{at}"),
                }
            }
        }
    }

    #[test]
    fn cut_anywhere_or_longer_is_refused() {
        let good = sealed(b"payload");
        for length in 0..good.len() {
            assert!(matches!(open(&key(), "work", &good[..length]), Err(OpenError::Damaged(_))), "{length}");
        }
        assert!(matches!(open(&key(), "work", &[&good[..], b"x"].concat()), Err(OpenError::Damaged(_))));
        assert!(matches!(open(&key(), "work", &vec![0; MAX_FILE + 1]), Err(OpenError::Damaged(_))));
    }

    #[test]
    fn another_account_key_or_version_is_told_apart() {
        let good = sealed(b"payload");
        assert!(matches!(open(&key(), "home", &good), Err(OpenError::Damaged(_))));
        assert_eq!(open(&MasterKey::from_bytes([8; 32]), "work", &good).unwrap_err(), OpenError::ForeignKey);
        let mut newer = good;
        newer[11] = 2;
        assert_eq!(open(&key(), "work", &newer).unwrap_err(), OpenError::Newer { found: 2 });
    }

    #[test]
    fn the_length_tells_the_size_in_steps_of_256_only() {
        assert_eq!(sealed(&[1; 10]).len(), sealed(&[1; 250]).len());
        assert_eq!(sealed(&[1; 10]).len() + 256, sealed(&[1; 253]).len());
        assert_eq!(seal(&key(), "work", 1, &vec![0; MAX_FILE], &mut rand::rng()), Err(RecordTooLarge));
    }

    #[test]
    fn the_same_payload_never_looks_the_same() {
        assert_ne!(sealed(b"payload")[28..], sealed(b"payload")[28..]);
    }

    proptest! {
        #[test]
        fn what_was_sealed_comes_back(
            payload in proptest::collection::vec(any::<u8>(), 0..2000), account in "[a-z0-9-]{1,64}", generation: u64,
        ) {
            let file = seal(&key(), &account, generation, &payload, &mut rand::rng()).unwrap();
            let opened = open(&key(), &account, &file).unwrap();
            prop_assert_eq!(opened.generation, generation);
            prop_assert_eq!(&*opened.payload, &payload);
        }

        #[test]
        fn junk_never_opens(junk in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(open(&key(), "work", &junk).is_err());
            let dressed = [&header(&key(), 1, [0; 24]), &junk[..]].concat();
            prop_assert!(open(&key(), "work", &dressed).is_err());
        }
    }
}
