//! Sealed files: arbitrary bytes, and a real file with changes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ringback::store::key::MasterKey;
use ringback::store::{record, seal};

static REAL: LazyLock<(MasterKey, Vec<u8>)> = LazyLock::new(|| {
    let key = MasterKey::from_bytes([7; 32]);
    let file = seal::seal(&key, "work", 3, br#"{"schema":2}"#, &mut rand::rng()).unwrap();
    (key, file)
});

fuzz_target!(|data: &[u8]| {
    let (key, real) = &*REAL;
    if data != real.as_slice() {
        assert!(seal::open(key, "work", data).is_err(), "unsealed bytes were opened");
    }
    // One changed byte, a truncated file, another account, another key.
    let [at, byte, ..] = data else { return };
    let mut changed = real.clone();
    let at = usize::from(*at) % changed.len();
    changed[at] ^= byte;
    assert_eq!(seal::open(key, "work", &changed).is_ok(), *byte == 0);
    assert!(seal::open(key, "work", &real[..at]).is_err());
    assert!(seal::open(key, "home", real).is_err());
    assert!(seal::open(&MasterKey::from_bytes([*byte; 32]), "work", real).is_ok() == (*byte == 7));
    if let Ok(known) = record::decode(data) {
        let text = record::encode(&known).unwrap();
        let again = record::decode(&text).unwrap();
        assert_eq!(*record::encode(&again).unwrap(), *text, "a decoded record can be encoded and decoded again");
    }
});
