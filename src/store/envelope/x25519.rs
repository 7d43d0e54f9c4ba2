//! Public-key encryption of age files (X25519, RFC 7748).

use bech32::Bech32;
use bech32::primitives::decode::CheckedHrpstring;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

use super::error::EnvelopeError;
use super::file_key::{FileKey, hkdf, random};
use super::header::{Stanza, decode, encode};

const KIND: &str = "X25519";
const LABEL: &str = "age-encryption.org/v1/X25519";
const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(PublicKey);

/// A private key.
pub struct Identity(StaticSecret);

impl Recipient {
    /// Parses `age1...`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        read(text, RECIPIENT).filter(|_| lower).map(|bytes| Self(PublicKey::from(*bytes)))
    }

    pub(super) fn wrap(&self, key: &FileKey) -> Result<Stanza, EnvelopeError> {
        let ours = StaticSecret::from(random::<32>()?);
        let share = PublicKey::from(&ours);
        let wrapping = wrapping_key(&ours.diffie_hellman(&self.0), &share, &self.0);
        let wrapping = wrapping.ok_or_else(|| EnvelopeError::Unmade("a public key is of no use".into()))?;
        let arguments = vec![KIND.to_owned(), encode(share.as_bytes())];
        Ok(Stanza { arguments, body: key.wrap(&wrapping)? })
    }
}

impl Identity {
    /// Parses `AGE-SECRET-KEY-1...`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        read(text, IDENTITY).filter(|_| upper).map(|bytes| Self(StaticSecret::from(*bytes)))
    }

    /// `None` if the stanza is for another reader.
    pub(super) fn unwrap(&self, stanza: &Stanza) -> Result<Option<FileKey>, EnvelopeError> {
        if stanza.arguments.first().is_none_or(|kind| kind != KIND) {
            return Ok(None);
        }
        let [_, share] = &*stanza.arguments else { return Err(EnvelopeError::Damaged) };
        let share: [u8; 32] = decode(share).and_then(|share| share.try_into().ok()).ok_or(EnvelopeError::Damaged)?;
        let share = PublicKey::from(share);
        let wrapping = wrapping_key(&self.0.diffie_hellman(&share), &share, &PublicKey::from(&self.0));
        let wrapping = wrapping.ok_or(EnvelopeError::Damaged)?;
        Ok(FileKey::unwrap(&wrapping, &stanza.body))
    }
}

/// `None` if one of the two is a point of low order, which would make the secret known to everybody.
fn wrapping_key(shared: &SharedSecret, share: &PublicKey, recipient: &PublicKey) -> Option<Zeroizing<[u8; 32]>> {
    let salt = [*share.as_bytes(), *recipient.as_bytes()].concat();
    shared.was_contributory().then(|| hkdf(shared.as_bytes(), &salt, LABEL))
}

/// Bech32 (BIP 173).
fn read(text: &str, kind: &str) -> Option<Zeroizing<[u8; 32]>> {
    let read = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if read.hrp().to_string().to_ascii_lowercase() != kind {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut found = read.byte_iter();
    for byte in bytes.iter_mut() {
        *byte = found.next()?;
    }
    found.next().is_none().then_some(bytes)
}
