//! Bytes that leave this machine, encrypted as an age file (<https://age-encryption.org/v1>): with a passphrase, or
//! to somebody's public keys. Anybody's `age` opens it, should there be no ringback.

use std::io::{Read as _, Write as _};
use std::iter;
use std::str::FromStr as _;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use zeroize::Zeroizing;

use crate::secret::Passphrase;

pub use age::x25519::{Identity, Recipient};

/// What a guess costs, as a power of two: 256 MiB of memory and about a second, the same as `age` itself takes.
const WORK: u8 = 18;
/// For what a file may not make this machine do: 1 GiB.
const MOST_WORK: u8 = 20;

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

/// What can be wrong with such a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It could not be made.
    #[error("it can't be encrypted: {0}")]
    Unmade(String),
    /// No age file at all, or of a kind that is not known.
    #[error("it is not an age file")]
    Foreign,
    /// Another passphrase.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Other keys.
    #[error("none of the identities can decrypt it")]
    WrongIdentity,
    /// It was made too costly.
    #[error("decrypting it takes more memory than a file of ringback needs")]
    TooCostly,
    /// Not what was written.
    #[error("it is damaged")]
    Damaged,
}

/// Somebody's public key, `age1...`.
pub fn recipient(text: &str) -> Result<Recipient, &'static str> {
    Recipient::from_str(text)
}

/// The private keys of a file that `age-keygen` wrote; `None` if a line of it is none.
pub fn identities(text: &str) -> Option<Vec<Identity>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Vec<_> = lines.map(Identity::from_str).collect::<Result<_, _>>().ok()?;
    (!identities.is_empty()).then_some(identities)
}

/// Encrypts `plain`.
pub fn seal(plain: &[u8], to: &Addressee) -> Result<Vec<u8>, EnvelopeError> {
    let unmade = |error: &dyn std::fmt::Display| EnvelopeError::Unmade(error.to_string());
    let encryptor = match to {
        Addressee::Passphrase(passphrase) => {
            let mut recipient = scrypt::Recipient::new(as_age_has_it(passphrase));
            recipient.set_work_factor(WORK);
            Encryptor::with_recipients(iter::once(&recipient as _))
        }
        Addressee::Recipients(recipients) => {
            Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as _))
        }
    };
    let encryptor = encryptor.map_err(|error| unmade(&error))?;
    let mut file = Vec::with_capacity(plain.len() + 1024);
    let mut stream = encryptor.wrap_output(&mut file).map_err(|error| unmade(&error))?;
    stream.write_all(plain).and_then(|()| stream.finish().map(drop)).map_err(|error| unmade(&error))?;
    Ok(file)
}

/// Whether it was made with a passphrase.
pub fn takes_passphrase(file: &[u8]) -> Result<bool, EnvelopeError> {
    Ok(Decryptor::new(file).map_err(|_| EnvelopeError::Foreign)?.is_scrypt())
}

/// What [`seal`] encrypted. Nothing of it is given before all of it is authentic.
pub fn open(file: &[u8], with: &EnvelopeKey) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let decryptor = Decryptor::new(file).map_err(|_| EnvelopeError::Foreign)?;
    let opened = match with {
        EnvelopeKey::Passphrase(passphrase) => {
            let mut identity = scrypt::Identity::new(as_age_has_it(passphrase));
            identity.set_max_work_factor(MOST_WORK);
            decryptor
                .decrypt(iter::once(&identity as _))
                .map_err(|error| unopened(&error, &EnvelopeError::WrongPassphrase))
        }
        EnvelopeKey::Identities(identities) => decryptor
            .decrypt(identities.iter().map(|identity| identity as _))
            .map_err(|error| unopened(&error, &EnvelopeError::WrongIdentity)),
    };
    // Room for all of it, so that it does not grow and leave unwiped copies behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(file.len()));
    opened?.read_to_end(&mut plain).map_err(|_| EnvelopeError::Damaged)?;
    Ok(plain)
}

fn unopened(error: &DecryptError, wrong: &EnvelopeError) -> EnvelopeError {
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            wrong.clone()
        }
        DecryptError::ExcessiveWork { .. } => EnvelopeError::TooCostly,
        _ => EnvelopeError::Damaged,
    }
}

/// Exposed, since stretching it is age's business here.
fn as_age_has_it(passphrase: &Passphrase) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn phrase(text: &str) -> Passphrase {
        Passphrase::new(text)
    }

    #[test]
    fn the_passphrase_opens_it_and_nothing_else_does() {
        let file = seal(b"canary", &Addressee::Passphrase(phrase("open sesame"))).unwrap();
        assert!(file.starts_with(b"age-encryption.org/v1\n-> scrypt ") && takes_passphrase(&file).unwrap());
        assert!(!file.windows(6).any(|part| part == b"canary"));
        let right = EnvelopeKey::Passphrase(phrase("open sesame"));
        assert_eq!(&**open(&file, &right).unwrap(), b"canary");
        let opened = |file: &[u8], with: &EnvelopeKey| open(file, with).map(|_| ()).unwrap_err();
        assert_eq!(opened(&file, &EnvelopeKey::Passphrase(phrase("open sesam"))), EnvelopeError::WrongPassphrase);
        let stranger = EnvelopeKey::Identities(vec![Identity::generate()]);
        assert_eq!(opened(&file, &stranger), EnvelopeError::WrongIdentity);
        let cut = &file[..file.len() - 1];
        assert_eq!(opened(cut, &right), EnvelopeError::Damaged);
        let mut flipped = file.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(opened(&flipped, &right), EnvelopeError::Damaged);
        assert_eq!(opened(b"hello", &right), EnvelopeError::Foreign);
        let costly = String::from_utf8_lossy(&file).replacen(" 18\n", " 30\n", 1);
        assert_eq!(opened(costly.as_bytes(), &right), EnvelopeError::TooCostly);
    }

    #[test]
    fn who_has_one_of_the_keys_opens_it() {
        let (first, second) = (Identity::generate(), Identity::generate());
        let to = [&first, &second].map(|identity| recipient(&identity.to_public().to_string()).unwrap());
        let file = seal(b"canary", &Addressee::Recipients(to.into())).unwrap();
        assert!(!takes_passphrase(&file).unwrap());
        let text = format!("# created: today\n# public key: age1\n{}\n", second.to_string().expose_secret());
        assert_eq!(&**open(&file, &EnvelopeKey::Identities(identities(&text).unwrap())).unwrap(), b"canary");
        let stranger = EnvelopeKey::Identities(vec![Identity::generate()]);
        assert_eq!(open(&file, &stranger).map(|_| ()).unwrap_err(), EnvelopeError::WrongIdentity);
        assert_eq!(
            open(&file, &EnvelopeKey::Passphrase(phrase("x"))).map(|_| ()).unwrap_err(),
            EnvelopeError::WrongPassphrase
        );
        assert!(identities("# nothing\n").is_none() && identities("AGE-SECRET-KEY-1X\n").is_none());
        assert!(recipient("age1").is_err() && recipient("ssh-ed25519 AAAA").is_err());
    }
}
