//! Bytes that leave this machine, encrypted as an age file (<https://age-encryption.org/v1>): with a passphrase, or
//! to somebody's public keys. Anybody's `age` opens it, should there be no ringback.
//!
//! The format is written out here, over the primitives of others; the tests hold it against the `age` crate in both
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

/// Whom it is for.
pub enum Addressee {
    /// Who knows this.
    Passphrase(Passphrase),
    /// Who has the private key of one of these.
    Recipients(Vec<Recipient>),
}

/// What opens it.
pub enum EnvelopeKey {
    /// The passphrase that it was made with.
    Passphrase(Passphrase),
    /// Private keys, one of which has to fit.
    Identities(Vec<Identity>),
}

/// Somebody's public key, `age1...`.
pub(crate) fn recipient(text: &str) -> Result<Recipient, &'static str> {
    Recipient::parse(text).ok_or("invalid Bech32 encoding")
}

/// The private keys of a file that `age-keygen` wrote; `None` if a line of it is none.
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

/// Whether it was made with a passphrase.
pub(crate) fn takes_passphrase(file: &[u8]) -> Result<bool, EnvelopeError> {
    Ok(parse(file)?.0.stanzas.iter().any(passphrase::is_of))
}

/// What [`seal`] encrypted. Nothing of it is given before all of it is authentic.
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

/// The header and what follows it. A passphrase is never one way of several: whoever has a key could then claim to know it.
fn parse(file: &[u8]) -> Result<(Header<'_>, &[u8]), EnvelopeError> {
    let (header, payload) = Header::parse(file).ok_or(EnvelopeError::Foreign)?;
    if header.stanzas.len() > 1 && header.stanzas.iter().any(passphrase::is_of) {
        return Err(EnvelopeError::Foreign);
    }
    Ok((header, payload))
}

#[cfg(test)]
mod tests;
