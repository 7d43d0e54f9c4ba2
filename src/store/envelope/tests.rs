//! Compatibility with the `age` crate, the reference implementation.

use std::io::{Read as _, Write as _};
use std::iter;

use age::secrecy::{ExposeSecret as _, SecretString};
use age::x25519::Identity as Reference;
use age::{Decryptor, Encryptor, scrypt};

use super::*;

/// Converts a key of the `age` crate to ours.
fn ours(identity: &Reference) -> Identity {
    Identity::parse(identity.to_string().expose_secret()).unwrap()
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(text)
}

#[test]
fn only_the_right_passphrase_opens_a_file() {
    let file = seal(b"canary", &Addressee::Passphrase(phrase("open sesame"))).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n-> scrypt ") && takes_passphrase(&file).unwrap());
    assert!(!file.windows(6).any(|part| part == b"canary"));
    let right = EnvelopeKey::Passphrase(phrase("open sesame"));
    assert_eq!(&**open(&file, &right).unwrap(), b"canary");
    let opened = |file: &[u8], with: &EnvelopeKey| open(file, with).map(|_| ()).unwrap_err();
    assert_eq!(opened(&file, &EnvelopeKey::Passphrase(phrase("open sesam"))), EnvelopeError::WrongPassphrase);
    let stranger = EnvelopeKey::Identities(vec![ours(&Reference::generate())]);
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
fn each_recipients_key_opens_a_file() {
    let (first, second) = (Reference::generate(), Reference::generate());
    let to = [&first, &second].map(|identity| recipient(&identity.to_public().to_string()).unwrap());
    let file = seal(b"canary", &Addressee::Recipients(to.into())).unwrap();
    assert!(!takes_passphrase(&file).unwrap());
    let text = format!("# created: today\n# public key: age1\n{}\n", second.to_string().expose_secret());
    assert_eq!(&**open(&file, &EnvelopeKey::Identities(identities(&text).unwrap())).unwrap(), b"canary");
    let stranger = EnvelopeKey::Identities(vec![ours(&Reference::generate())]);
    assert_eq!(open(&file, &stranger).map(|_| ()).unwrap_err(), EnvelopeError::WrongIdentity);
    assert_eq!(
        open(&file, &EnvelopeKey::Passphrase(phrase("x"))).map(|_| ()).unwrap_err(),
        EnvelopeError::WrongPassphrase
    );
    assert!(identities("# nothing\n").is_none() && identities("AGE-SECRET-KEY-1X\n").is_none());
    assert!(recipient("age1").is_err() && recipient("ssh-ed25519 AAAA").is_err());
}

/// Around the 64 KiB chunk boundaries.
const LENGTHS: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000];

fn text(length: usize) -> Vec<u8> {
    (0..=u8::MAX).cycle().take(length).collect()
}

#[test]
fn files_are_interchangeable_with_the_reference_implementation() {
    let identity = Reference::generate();
    let to = Addressee::Recipients(vec![recipient(&identity.to_public().to_string()).unwrap()]);
    let key = EnvelopeKey::Identities(vec![ours(&identity)]);
    for length in LENGTHS {
        let plain = text(length);
        let file = seal(&plain, &to).unwrap();
        assert_eq!(age::decrypt(&identity, &file).unwrap(), plain, "{length}");
        let theirs = age::encrypt(&identity.to_public(), &plain).unwrap();
        assert_eq!(**open(&theirs, &key).unwrap(), plain, "{length}");
        for cut in [1, 16, 17, length.min(65_552)] {
            let cut = &theirs[..theirs.len() - cut];
            assert!(cut.len() == theirs.len() || open(cut, &key).is_err(), "{length}: cut to {}", cut.len());
        }
    }
}

#[test]
fn passphrase_files_are_interchangeable_with_the_reference_implementation() {
    let mut by_phrase = scrypt::Recipient::new(SecretString::from("open sesame".to_owned()));
    by_phrase.set_work_factor(10);
    let encryptor = Encryptor::with_recipients(iter::once(&by_phrase as _)).unwrap();
    let mut theirs = Vec::new();
    let mut stream = encryptor.wrap_output(&mut theirs).unwrap();
    stream.write_all(b"canary").unwrap();
    stream.finish().unwrap();
    assert_eq!(&**open(&theirs, &EnvelopeKey::Passphrase(phrase("open sesame"))).unwrap(), b"canary");
    let file = seal(b"canary", &Addressee::Passphrase(phrase("open sesame"))).unwrap();
    let identity = scrypt::Identity::new(SecretString::from("open sesame".to_owned()));
    let mut plain = Vec::new();
    let decryptor = Decryptor::new(&*file).unwrap();
    decryptor.decrypt(iter::once(&identity as _)).unwrap().read_to_end(&mut plain).unwrap();
    assert_eq!(plain, b"canary");
}

#[test]
fn a_changed_or_truncated_header_is_refused() {
    let identity = Reference::generate();
    let key = EnvelopeKey::Identities(vec![ours(&identity)]);
    let to = [&identity, &Reference::generate()].map(|identity| recipient(&identity.to_public().to_string()).unwrap());
    let file = seal(b"canary", &Addressee::Recipients(to.into())).unwrap();
    for at in 0..file.len() {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(open(&changed, &key).is_err(), "byte {at}");
        assert!(open(&file[..at], &key).is_err(), "cut to {at}");
    }
    let mut longer = file.clone();
    longer.push(0);
    assert_eq!(open(&longer, &key).map(drop).unwrap_err(), EnvelopeError::Damaged);
}

#[test]
fn keys_are_read_only_in_their_canonical_form() {
    let identity = Reference::generate();
    let public = identity.to_public().to_string();
    let secret = identity.to_string().expose_secret().to_owned();
    assert!(Recipient::parse(&public).is_some() && Identity::parse(&secret).is_some());
    for bad in ["", "age1", &public.to_uppercase(), &secret, &public[1..], &format!("{public}q"), "age1\u{e4}"] {
        assert!(Recipient::parse(bad).is_none(), "{bad}");
    }
    for bad in ["", &public, &secret.to_lowercase(), &secret[1..], &secret.replacen('1', "2", 1)] {
        assert!(Identity::parse(bad).is_none(), "{bad}");
    }
}
