//! The nonces that servers want in DPoP proofs (RFC 9449 §8, §9): the newest of each origin, in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use crate::oauth::dpop;

/// Origins that are remembered. Beyond that, all are forgotten: each costs one more request.
const MOST: usize = 256;

/// The nonces by origin. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct DpopNonces(Arc<Mutex<HashMap<String, String>>>);

impl DpopNonces {
    /// The nonce for the next proof at the server of `url`.
    pub(crate) fn get(&self, url: &Url) -> Option<String> {
        self.known().get(&url.origin().ascii_serialization()).cloned()
    }

    /// Takes the nonce of a reply (RFC 9449 §8.2): `said` is its `DPoP-Nonce`. Returns whether there was one.
    pub(crate) fn note(&self, url: &Url, said: Option<&str>) -> bool {
        let Some(nonce) = said.and_then(dpop::nonce) else { return false };
        let (mut known, origin) = (self.known(), url.origin().ascii_serialization());
        if known.len() >= MOST && !known.contains_key(&origin) {
            known.clear();
        }
        known.insert(origin, nonce.to_owned());
        true
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_newest_nonce_and_not_too_many_are_kept() {
        let nonces = DpopNonces::default();
        let at = |text: &str| Url::parse(text).unwrap();
        let (token, par, other) =
            (at("https://a.example/token?x"), at("https://a.example/par"), at("http://a.example"));
        assert_eq!(nonces.get(&token), None);
        for (said, taken, known) in [
            (Some("one"), true, Some("one")),
            (None, false, Some("one")),
            (Some("not a nonce"), false, Some("one")),
            (Some("two"), true, Some("two")),
        ] {
            assert_eq!(nonces.note(&token, said), taken, "{said:?}");
            assert_eq!((nonces.get(&par).as_deref(), nonces.get(&other)), (known, None), "{said:?}");
        }
        for n in 0..=MOST {
            nonces.note(&at(&format!("https://h{n}.example")), Some("n"));
        }
        assert!(nonces.known().len() <= MOST);
        assert_eq!(nonces.get(&at(&format!("https://h{MOST}.example"))).as_deref(), Some("n"));
    }
}
