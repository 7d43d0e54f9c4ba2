//! Encryption of exports as age files (<https://age-encryption.org/v1>): with a passphrase, or to public keys. Any
//! implementation of `age` can open them, also without ringback.
//!
//! The format is implemented here on top of existing primitives; the tests check it against the `age` crate in both
//! directions. docs/ARCHITECTURE.md says why.

mod error;
mod file_key;
mod header;
mod passphrase;
mod stream;
mod x25519;

use zeroize::Zeroizing;

use self::file_key::FileKey;
use self::header::Header;
use crate::secret::Passphrase;

pub(crate) use self::error::EnvelopeError;
pub(crate) use self::x25519::{Identity, Recipient};

/// Who can decrypt the file.
pub enum Addressee {
    /// Whoever knows this passphrase.
    Passphrase(Passphrase),
    /// Whoever has the private key of one of these.
    Recipients(Vec<Recipient>),
}

/// The key that decrypts the file.
pub enum EnvelopeKey {
    /// The passphrase that it was encrypted with.
    Passphrase(Passphrase),
    /// Private keys, one of which has to match.
    Identities(Vec<Identity>),
}

/// Parses a public key, `age1...`.
pub(crate) fn recipient(text: &str) -> Result<Recipient, &'static str> {
    Recipient::parse(text).ok_or("invalid Bech32 encoding")
}

/// Parses the private keys in a file of `age-keygen`; `None` if one of its lines is not a key.
pub fn identities(text: &str) -> Option<Vec<Identity>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Vec<_> = lines.map(Identity::parse).collect::<Option<_>>()?;
    (!identities.is_empty()).then_some(identities)
}

/// Encrypts `plain`.
pub fn seal(plain: &[u8], to: &Addressee) -> Result<Vec<u8>, EnvelopeError> {
    let key = FileKey::generate()?;
    let stanzas = match to {
        Addressee::Passphrase(passphrase) => vec![passphrase::wrap(&key, passphrase)?],
        Addressee::Recipients(recipients) if recipients.is_empty() => {
            return Err(EnvelopeError::Unmade("there is nobody to encrypt it to".into()));
        }
        Addressee::Recipients(recipients) => {
            recipients.iter().map(|recipient| recipient.wrap(&key)).collect::<Result<_, _>>()?
        }
    };
    let mut file = header::write(&stanzas, &key);
    file.reserve_exact(plain.len().saturating_add(plain.len() / 1024).saturating_add(64));
    stream::seal(&key, plain, &mut file)?;
    Ok(file)
}

/// Whether `file` was encrypted with a passphrase.
pub(crate) fn takes_passphrase(file: &[u8]) -> Result<bool, EnvelopeError> {
    Ok(parse(file)?.0.stanzas.iter().any(passphrase::is_of))
}

/// Decrypts what [`seal`] encrypted. Nothing is returned before all of it is authenticated.
pub fn open(file: &[u8], with: &EnvelopeKey) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (header, payload) = parse(file)?;
    let key = match with {
        EnvelopeKey::Passphrase(known) => match header.stanzas.iter().find(|stanza| passphrase::is_of(stanza)) {
            Some(stanza) => passphrase::unwrap(stanza, known)?,
            None => return Err(EnvelopeError::WrongPassphrase),
        },
        EnvelopeKey::Identities(identities) => by_identity(&header, identities)?,
    };
    if !header.is_authentic(&key) {
        return Err(EnvelopeError::Damaged);
    }
    stream::open(&key, payload).ok_or(EnvelopeError::Damaged)
}

fn by_identity(header: &Header<'_>, identities: &[Identity]) -> Result<FileKey, EnvelopeError> {
    for identity in identities {
        for stanza in &header.stanzas {
            if let Some(key) = identity.unwrap(stanza)? {
                return Ok(key);
            }
        }
    }
    Err(EnvelopeError::WrongIdentity)
}

/// The header and what follows it. A passphrase has to be the only stanza: otherwise, the holder of a key could pass
/// for somebody who knows the passphrase.
fn parse(file: &[u8]) -> Result<(Header<'_>, &[u8]), EnvelopeError> {
    let (header, payload) = Header::parse(file).ok_or(EnvelopeError::Foreign)?;
    if header.stanzas.len() > 1 && header.stanzas.iter().any(passphrase::is_of) {
        return Err(EnvelopeError::Foreign);
    }
    Ok((header, payload))
}

#[cfg(test)]
mod tests;
