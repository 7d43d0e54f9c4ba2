//! How a secret travels over the bus: as the Secret Service API has it, `dh-ietf1024-sha256-aes128-cbc-pkcs7`. Both
//! sides agree on an AES key by Diffie-Hellman in the 1024-bit group of RFC 2409. The arithmetic takes the same time
//! for every key.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U1024};
use rand::Rng as _;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a number of the group.
const LENGTH: usize = 128;

/// The second Oakley group (RFC 2409, 6.2). Its generator is 2.
const PRIME: Odd<U1024> = Odd::<U1024>::from_be_hex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd\
     ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed\
     ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381ffffffffffffffff",
);

/// What the service sent can't be deciphered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undecipherable {
    #[error("the service's public key is invalid")]
    PublicKey,
    #[error("secret has an invalid initialization vector")]
    Iv,
    #[error("message decryption failed")]
    Message,
}

/// Our side of the agreement.
pub(super) struct KeyPair {
    private: Zeroizing<U1024>,
    public: [u8; LENGTH],
}

/// An agreed key.
pub(super) struct Channel {
    key: Zeroizing<[u8; 16]>,
}

impl KeyPair {
    pub(super) fn random() -> Self {
        let mut private = Zeroizing::new([0; LENGTH]);
        rand::rng().fill_bytes(&mut *private);
        Self::of(&private)
    }

    fn of(private: &[u8; LENGTH]) -> Self {
        let private = Zeroizing::new(U1024::from_be_slice(private));
        let public = power(&U1024::from_u8(2), &private).to_be_bytes().into();
        Self { private, public }
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Agrees with the side that has this public key.
    pub(super) fn agree(&self, theirs: &[u8]) -> Result<Channel, Undecipherable> {
        let theirs = public_key(theirs).ok_or(Undecipherable::PublicKey)?;
        let shared: Zeroizing<[u8; LENGTH]> = Zeroizing::new(power(&theirs, &self.private).to_be_bytes().into());
        let mut key = Zeroizing::new([0; 16]);
        // Sixteen bytes are never too many for HKDF.
        hkdf::Hkdf::<Sha256>::new(None, &*shared).expand(&[], &mut *key).map_err(|_| Undecipherable::PublicKey)?;
        Ok(Channel { key })
    }
}

/// A number from 2 to `PRIME` - 2: others would make the agreed key known. Leading zeros may be missing.
fn public_key(bytes: &[u8]) -> Option<U1024> {
    let mut padded = [0; LENGTH];
    padded.get_mut(LENGTH.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    let key = U1024::from_be_slice(&padded);
    let last = PRIME.get().wrapping_sub(&U1024::ONE);
    (key > U1024::ONE && key < last).then_some(key)
}

fn power(base: &U1024, exponent: &U1024) -> U1024 {
    FixedMontyForm::new(base, &FixedMontyParams::new(PRIME)).pow(exponent).retrieve()
}

impl Channel {
    /// What the Secret Service API calls it.
    pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";

    /// Returns the initialization vector, and the ciphertext.
    pub(super) fn encrypt(&self, secret: &[u8]) -> ([u8; 16], Vec<u8>) {
        let iv = rand::random();
        (iv, self.encrypt_with(&iv, secret))
    }

    fn encrypt_with(&self, iv: &[u8; 16], secret: &[u8]) -> Vec<u8> {
        cbc::Encryptor::<aes::Aes128>::new(&(*self.key).into(), &(*iv).into()).encrypt_padded_vec::<Pkcs7>(secret)
    }

    pub(super) fn decrypt(&self, iv: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Undecipherable> {
        let iv: [u8; 16] = iv.try_into().map_err(|_| Undecipherable::Iv)?;
        cbc::Decryptor::<aes::Aes128>::new(&(*self.key).into(), &iv.into())
            .decrypt_padded_vec::<Pkcs7>(ciphertext)
            .map(Zeroizing::new)
            .map_err(|_| Undecipherable::Message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The numbers were made with Python's `pow` and `hmac`, and with `openssl enc -aes-128-cbc`.
    #[test]
    fn agrees_with_other_implementations() {
        let rising: [u8; LENGTH] = std::array::from_fn(|n| u8::try_from(n + 1).unwrap());
        let falling: [u8; LENGTH] = std::array::from_fn(|n| u8::try_from(LENGTH - n).unwrap());
        let (ours, theirs) = (KeyPair::of(&rising), KeyPair::of(&falling));
        assert!(hex(ours.public()).starts_with("52893c96a07492593d36d00328ba2110"));
        assert!(hex(theirs.public()).ends_with("231d6da2619972592c5ee9d47c"));

        let channel = ours.agree(theirs.public()).unwrap();
        assert_eq!(hex(&*channel.key), "7f55b77e9f4709437c118b972e882586");
        assert_eq!(theirs.agree(ours.public()).unwrap().key, channel.key);

        let iv: [u8; 16] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let ciphertext = channel.encrypt_with(&iv, b"canary");
        assert_eq!(hex(&ciphertext), "089d54dc2fac9b7e06ab4e5af3b02886");
        assert_eq!(**channel.decrypt(&iv, &ciphertext).unwrap(), *b"canary");
    }

    #[test]
    fn what_was_encrypted_can_be_decrypted_and_nothing_else() {
        let channel = KeyPair::random().agree(KeyPair::random().public()).unwrap();
        for secret in [&b""[..], b"0123456789abcdef", &[0xff; 1000]] {
            let (iv, ciphertext) = channel.encrypt(secret);
            assert_eq!(**channel.decrypt(&iv, &ciphertext).unwrap(), *secret);
            assert_eq!(channel.decrypt(&iv[1..], &ciphertext), Err(Undecipherable::Iv));
            assert_eq!(channel.decrypt(&iv, &ciphertext[1..]), Err(Undecipherable::Message));
            assert_eq!(channel.decrypt(&iv, b""), Err(Undecipherable::Message));
        }
    }

    #[test]
    fn public_keys_that_make_the_agreed_key_known_are_refused() {
        let prime: [u8; LENGTH] = PRIME.get().to_be_bytes().into();
        let mut last = prime;
        last[LENGTH - 1] -= 1;
        let too_long = [1; LENGTH + 1];
        for bytes in [&[][..], &[0], &[1], &[0; LENGTH], &last, &prime, &[0xff; LENGTH], &too_long] {
            assert!(KeyPair::random().agree(bytes).is_err(), "{bytes:?}");
        }
        last[LENGTH - 1] -= 1;
        for bytes in [&[2][..], &[0, 2], &last] {
            assert!(KeyPair::random().agree(bytes).is_ok(), "{bytes:?}");
        }
    }
}
