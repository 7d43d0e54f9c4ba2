//! Passphrase encryption of age files (scrypt, RFC 7914).

use scrypt::Params;
use zeroize::Zeroizing;

use super::error::EnvelopeError;
use super::file_key::{FileKey, random};
use super::header::{Stanza, decode, encode};
use crate::secret::Passphrase;

const KIND: &str = "scrypt";
const LABEL: &[u8] = b"age-encryption.org/v1/scrypt";
const SALT: usize = 16;
/// Work factor, as a power of two: 256 MiB of memory and about a second for each guess, the same as `age` uses.
const WORK: u8 = 18;
/// Highest work factor that is accepted from a file: 1 GiB of memory.
const MOST_WORK: u8 = 20;

/// Whether the stanza is of this kind.
pub(super) fn is_of(stanza: &Stanza) -> bool {
    stanza.arguments.first().is_some_and(|kind| kind == KIND)
}

pub(super) fn wrap(key: &FileKey, passphrase: &Passphrase) -> Result<Stanza, EnvelopeError> {
    let salt: [u8; SALT] = random()?;
    let stretched = stretch(passphrase, &salt, WORK);
    let stretched =
        stretched.ok_or_else(|| EnvelopeError::Unmade("the key could not be derived from the passphrase".into()))?;
    let arguments = vec![KIND.to_owned(), encode(&salt), WORK.to_string()];
    Ok(Stanza { arguments, body: key.wrap(&stretched)? })
}

pub(super) fn unwrap(stanza: &Stanza, passphrase: &Passphrase) -> Result<FileKey, EnvelopeError> {
    let [_, salt, work] = &*stanza.arguments else { return Err(EnvelopeError::Damaged) };
    let salt: [u8; SALT] = decode(salt).and_then(|salt| salt.try_into().ok()).ok_or(EnvelopeError::Damaged)?;
    let digits = work.bytes().all(|byte| byte.is_ascii_digit()) && !work.starts_with('0');
    let work: u8 = work.parse().ok().filter(|_| digits).ok_or(EnvelopeError::Damaged)?;
    if work > MOST_WORK {
        return Err(EnvelopeError::TooCostly);
    }
    let stretched = stretch(passphrase, &salt, work).ok_or(EnvelopeError::Damaged)?;
    FileKey::unwrap(&stretched, &stanza.body).ok_or(EnvelopeError::WrongPassphrase)
}

fn stretch(passphrase: &Passphrase, salt: &[u8; SALT], work: u8) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(work, 8, 1).ok()?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.expose().as_bytes(), &[LABEL, salt].concat(), &params, key.as_mut()).ok()?;
    Some(key)
}
