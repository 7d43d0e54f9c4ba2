use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use super::*;

fn read(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Header and claims of a proof, after its signature was checked with the key in it.
fn checked(proof: &str) -> (Value, Value) {
    let (message, signature) = proof.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let header = read(header);
    let mut point = vec![4];
    for name in ["x", "y"] {
        point.extend(URL_SAFE_NO_PAD.decode(header["jwk"][name].as_str().unwrap()).unwrap());
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature).unwrap();
    (header, read(claims))
}

/// The key of RFC 9449's examples (§4.1): only its public part is printed there.
#[test]
fn the_thumbprint_is_that_of_the_standards_example() {
    let mut document = vec![0x30, 7];
    document.push(4);
    for coordinate in ["l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"] {
        document.extend(URL_SAFE_NO_PAD.decode(coordinate).unwrap());
    }
    let key = DpopKey::new(encode(&document));
    assert_eq!(thumbprint(&key).unwrap(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn a_proof_is_for_one_request() {
    let rng = SystemRandom::new();
    let key = new_key(&rng).unwrap();
    let url = Url::parse("https://resource.example.org/protectedresource?a=b#c").unwrap();
    // The token of RFC 9449 §7.1, and its hash.
    let (token, hash) = ("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
    let mut seen = std::collections::HashSet::new();
    for (token, nonce) in [(None, None), (Some(token), None), (None, Some("n-1")), (Some(token), Some("n-2"))] {
        let of = Proof { method: "GET", url: &url, token, nonce };
        let made = proof(&key, &of, Wall(1_562_262_618_999), &rng).unwrap();
        let (header, claims) = checked(&made);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        let names: Vec<_> = header["jwk"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(names.len() == 4 && !names.contains(&"d"), "the private part stays here: {names:?}");
        assert_eq!((&claims["htm"], &claims["iat"]), (&json!("GET"), &json!(1_562_262_618)));
        assert_eq!(claims["htu"], "https://resource.example.org/protectedresource");
        assert_eq!(claims.get("ath").and_then(Value::as_str), token.map(|_| hash));
        assert_eq!(claims.get("nonce").and_then(Value::as_str), nonce);
        assert!(seen.insert(claims["jti"].as_str().unwrap().to_owned()), "each proof is used once");
        let [x, y] = [&header["jwk"]["x"], &header["jwk"]["y"]].map(|value| value.as_str().unwrap().to_owned());
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        assert_eq!(thumbprint(&key).unwrap(), encode(&Sha256::digest(jwk.as_bytes())));
    }
}

#[test]
fn a_damaged_key_proves_nothing_and_is_not_shown() {
    let rng = SystemRandom::new();
    let key = new_key(&rng).unwrap();
    let url = Url::parse("https://a.example").unwrap();
    let of = Proof { method: "POST", url: &url, token: None, nonce: None };
    let mut other = document(&key).unwrap();
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    for damaged in ["", "!", "BAAA", &encode(&other)] {
        let error = proof(&DpopKey::new(damaged), &of, Wall(0), &rng).unwrap_err();
        assert_eq!(error, ProofError::Unreadable, "{damaged}");
    }
    assert_eq!(format!("{key:?}"), "DpopKey[redacted]");
}

#[test]
fn a_nonce_is_taken_as_the_standard_writes_it() {
    for (text, fits) in [
        ("eyJ7S_zG.eyJH0-Z.HX4w-7v", true),
        ("!#[]~", true),
        ("", false),
        ("a b", false),
        ("a\"b", false),
        ("a\\b", false),
        ("a\n", false),
        (&"n".repeat(LONGEST_NONCE + 1), false),
    ] {
        assert_eq!(nonce(text).is_some(), fits, "{text}");
    }
}

#[test]
fn a_wanted_nonce_is_told_from_other_refusals() {
    for (status, body, wanted) in [
        (400, r#"{"error":"use_dpop_nonce"}"#, true),
        (401, r#"{"error":"use_dpop_nonce","error_description":"x"}"#, true),
        (400, r#"{"error":"invalid_dpop_proof"}"#, false),
        (200, r#"{"error":"use_dpop_nonce"}"#, false),
        (400, "use_dpop_nonce", false),
        (400, r#"["use_dpop_nonce"]"#, false),
    ] {
        assert_eq!(server_wants_nonce(status, body.as_bytes()), wanted, "{status} {body}");
    }
    for (status, challenge, wanted) in [
        (401, r#"DPoP error="use_dpop_nonce", error_description="x""#, true),
        (401, r#"Bearer realm="a", dpop Error="use_dpop_nonce""#, true),
        (401, r#"Bearer error="use_dpop_nonce""#, false),
        (401, r#"DPoP error="invalid_token""#, false),
        (400, r#"DPoP error="use_dpop_nonce""#, false),
    ] {
        assert_eq!(resource_wants_nonce(status, [challenge]), wanted, "{status} {challenge}");
    }
    assert!(!resource_wants_nonce(401, []));
}
