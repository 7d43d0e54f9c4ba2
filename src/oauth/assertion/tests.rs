use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

use super::*;
use crate::oauth::credentials::ClientKey;

/// Made for this test with `openssl genrsa`, since ring can't generate RSA keys.
const RSA_PKCS8: &str = include_str!("rsa-pkcs8.pem");
const RSA_PKCS1: &str = include_str!("rsa-pkcs1.pem");

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn credentials(pem: &str) -> Credentials {
    let key = ClientKey { pem: PrivateKey::new(pem), id: Some("kid 1".into()) };
    Credentials {
        client_id: "client".into(),
        client_secret: None,
        client_key: Some(key),
        dpop_key: None,
        origin: String::new(),
    }
}

fn signed(pem: &str) -> Result<Zeroizing<String>, KeyError> {
    let (id, rng) = (Nonce256::new("JTI"), SystemRandom::new());
    sign(
        &credentials(pem),
        "https://id.example",
        Signing { now: Wall(1_700_000_000_999), id: &id, rng: &rng, dpop_nonce: &|_| None },
    )
}

fn check(pem: &str, algorithm: &str, by: &'static dyn VerificationAlgorithm, public: &[u8]) {
    let token = signed(pem).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(by, public).verify(message.as_bytes(), &signature).unwrap();
    let part = |n: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(message.split('.').nth(n).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "alg": algorithm, "typ": "JWT", "kid": "kid 1" }));
    let claims = json!({
        "iss": "client", "sub": "client", "aud": "https://id.example", "jti": "JTI",
        "iat": 1_700_000_000, "exp": 1_700_000_060,
    });
    assert_eq!(part(1), claims);
}

#[test]
fn every_kind_of_key_signs_from_every_pem_encoding() {
    let rng = SystemRandom::new();
    for (curve, algorithm, by, inner) in
        [(Curve::P256, "ES256", &ECDSA_P256_SHA256_FIXED, 29), (Curve::P384, "ES384", &ECDSA_P384_SHA384_FIXED, 27)]
    {
        let document = EcdsaKeyPair::generate_pkcs8(curve.algorithm(), &rng).unwrap();
        let der = document.as_ref();
        let pair = EcdsaKeyPair::from_pkcs8(curve.algorithm(), der, &rng).unwrap();
        let public = pair.public_key().as_ref();
        check(&pem("PRIVATE KEY", der), algorithm, by, public);
        // The SEC1 key is the last field of the PKCS#8 structure.
        check(&pem("EC PRIVATE KEY", &der[inner..]), algorithm, by, public);
    }
    let document = Ed25519KeyPair::generate_pkcs8(&rng).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    check(&pem("PRIVATE KEY", document.as_ref()), "EdDSA", &ED25519, pair.public_key().as_ref());
    let der = PrivateKeyDer::from_pem_slice(RSA_PKCS1.as_bytes()).unwrap();
    let pair = RsaKeyPair::from_der(der.secret_der()).unwrap();
    check(RSA_PKCS1, "RS256", &RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    check(RSA_PKCS8, "RS256", &RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
}

#[test]
fn errors_about_a_bad_key_contain_nothing_of_it() {
    let cut = &RSA_PKCS1[..RSA_PKCS1.len() / 2];
    let words = pem("PRIVATE KEY", b"not a key");
    for (text, expected) in [
        ("", KeyError::NotPem),
        ("not PEM", KeyError::NotPem),
        (cut, KeyError::NotPem),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", KeyError::NotPem),
        (&words, KeyError::Unusable),
        (&pem("EC PRIVATE KEY", &vec![0x30; 70_000]), KeyError::Unusable),
        (&pem("RSA PRIVATE KEY", &[0x30, 0]), KeyError::Unusable),
    ] {
        assert_eq!(signed(text).err(), Some(expected));
        assert_eq!(check_key(&PrivateKey::new(text), &SystemRandom::new()), Err(expected));
    }
    assert_eq!(check_key(&PrivateKey::new(RSA_PKCS8), &SystemRandom::new()), Ok(()));
    let none = Credentials { client_key: None, ..credentials("") };
    let (id, rng) = (Nonce256::new("JTI"), SystemRandom::new());
    let signing = Signing { now: Wall(0), id: &id, rng: &rng, dpop_nonce: &|_| None };
    assert_eq!(sign(&none, "a", signing).err(), Some(KeyError::Missing));
}
