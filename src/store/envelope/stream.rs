//! The payload after the header: the text in chunks, each authenticated by itself and in its position (STREAM).

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use zeroize::Zeroizing;

use super::error::EnvelopeError;
use super::file_key::{FileKey, random};

const NONCE: usize = 16;
const TAG: usize = 16;
const CHUNK: usize = 64 * 1024;
const SEALED_CHUNK: usize = CHUNK + TAG;

/// Appends `plain`, encrypted, to `file`.
pub(super) fn seal(key: &FileKey, plain: &[u8], file: &mut Vec<u8>) -> Result<(), EnvelopeError> {
    let nonce: [u8; NONCE] = random()?;
    file.extend_from_slice(&nonce);
    let cipher = cipher(key, &nonce);
    let mut chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK));
    let last = last_chunk(plain.len(), CHUNK);
    for number in 0..=last {
        let from = number.saturating_mul(CHUNK);
        let to = from.saturating_add(CHUNK).min(plain.len());
        chunk.clear();
        chunk.extend_from_slice(plain.get(from..to).unwrap_or_default());
        let done = cipher.encrypt_in_place(&chunk_nonce(number, number == last), b"", &mut *chunk);
        done.map_err(|error| EnvelopeError::Unmade(error.to_string()))?;
        file.extend_from_slice(&chunk);
    }
    Ok(())
}

/// Decrypts what [`seal`] encrypted. Nothing is returned before all of it is authenticated.
pub(super) fn open(key: &FileKey, payload: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = payload.split_first_chunk::<NONCE>()?;
    let cipher = cipher(key, nonce);
    // Allocated at its final size, since growing would leave unwiped copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
    let mut chunk = Zeroizing::new(Vec::with_capacity(SEALED_CHUNK));
    let last = last_chunk(sealed.len(), SEALED_CHUNK);
    for number in 0..=last {
        let from = number.checked_mul(SEALED_CHUNK)?;
        let to = from.checked_add(SEALED_CHUNK)?.min(sealed.len());
        chunk.clear();
        chunk.extend_from_slice(sealed.get(from..to)?);
        cipher.decrypt_in_place(&chunk_nonce(number, number == last), b"", &mut *chunk).ok()?;
        // Only an empty text ends with an empty chunk.
        if chunk.is_empty() && number > 0 {
            return None;
        }
        plain.extend_from_slice(&chunk);
    }
    Some(plain)
}

/// The number of the last chunk, of which there is at least one.
fn last_chunk(length: usize, chunk: usize) -> usize {
    length.div_ceil(chunk).saturating_sub(1)
}

fn cipher(key: &FileKey, nonce: &[u8; NONCE]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new((&*key.derive(nonce, "payload")).into())
}

/// Eleven bytes of counter, and a byte that marks the last chunk.
fn chunk_nonce(number: usize, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    let counted = ((number as u128) << 8) | u128::from(is_last);
    nonce.iter_mut().rev().zip(counted.to_le_bytes()).for_each(|(to, from)| *to = from);
    Nonce::from(nonce)
}
