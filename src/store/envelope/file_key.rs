//! The key of one file: it is wrapped for each reader, and the other keys are derived from it.

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use hkdf::Hkdf;
use rand::TryRng as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::EnvelopeError;

/// Length in bytes.
const FILE_KEY: usize = 16;
/// Length of a wrapped key: the key and a tag.
const WRAPPED: usize = FILE_KEY + 16;

/// 128 random bits.
pub(super) struct FileKey(Zeroizing<[u8; FILE_KEY]>);

impl FileKey {
    pub(super) fn generate() -> Result<Self, EnvelopeError> {
        random().map(Zeroizing::new).map(Self)
    }

    /// Derives the key for the use `info`.
    pub(super) fn derive(&self, salt: &[u8], info: &str) -> Zeroizing<[u8; 32]> {
        hkdf(&*self.0, salt, info)
    }

    /// Encrypts it under a key that is used only for this, so a nonce of zeros is safe.
    pub(super) fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, EnvelopeError> {
        // Encrypted in place, with room for the tag, so that the plain bytes exist once and get overwritten.
        let mut body = Vec::with_capacity(WRAPPED);
        body.extend_from_slice(&*self.0);
        let done = ChaCha20Poly1305::new(key.into()).encrypt_in_place(&Nonce::default(), b"", &mut body);
        done.map_err(|error| EnvelopeError::Unmade(error.to_string()))?;
        Ok(body)
    }

    /// Decrypts a wrapped key; `None` if it was wrapped under another key.
    pub(super) fn unwrap(key: &[u8; 32], body: &[u8]) -> Option<Self> {
        let mut body = Zeroizing::new(body.to_vec());
        ChaCha20Poly1305::new(key.into()).decrypt_in_place(&Nonce::default(), b"", &mut *body).ok()?;
        body.as_slice().try_into().ok().map(Zeroizing::new).map(Self)
    }
}

/// HKDF-SHA-256 (RFC 5869).
pub(super) fn hkdf(secret: &[u8], salt: &[u8], info: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let done = Hkdf::<Sha256>::new(Some(salt), secret).expand(info.as_bytes(), key.as_mut());
    // Fails only for more than 255 blocks.
    debug_assert!(done.is_ok());
    key
}

/// Random bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], EnvelopeError> {
    let mut bytes = [0; N];
    let done = rand::rngs::SysRng.try_fill_bytes(&mut bytes);
    done.map(|()| bytes).map_err(|error| EnvelopeError::Unmade(error.to_string()))
}
