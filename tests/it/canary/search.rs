//! Collects the daemon's output and searches it for secrets in every common encoding.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::http::Reply;

/// Everything that came from the daemon, each byte as a `char` (text search is the fast one), with the name of its
/// source.
#[derive(Default)]
pub(super) struct Evidence(Vec<(String, String)>);

/// A secret, and the prefixes of the places where it may appear.
pub(super) struct Canary {
    pub(super) what: &'static str,
    pub(super) secret: Vec<u8>,
    pub(super) may: &'static [&'static str],
}

impl Evidence {
    pub(super) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), letters(&bytes.into())));
    }

    pub(super) fn reply(&mut self, place: &str, reply: Reply) -> Reply {
        let head: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        self.add(place, format!("{}\n{}\n\n{}", reply.status, head.join("\n"), reply.body));
        reply
    }

    /// Records exit code, standard output and standard error of a command.
    pub(super) fn told(&mut self, place: &str, (code, out, err): (i32, String, String)) -> (i32, String, String) {
        self.add(place, format!("{code}\n{out}\n{err}"));
        (code, out, err)
    }

    /// Records every file below `folder`, with names relative to `root`.
    pub(super) fn files(&mut self, root: &Path, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_dir() {
                self.files(root, &path);
            } else if kind.is_file() {
                let name = format!("file {}", path.strip_prefix(root).unwrap().display());
                // A temporary file may be gone already.
                self.add(name, std::fs::read(&path).unwrap_or_default());
            }
        }
    }

    /// Canaries that appear where they must not, and canaries that are missing where they belong: without those
    /// the search would prove nothing.
    pub(super) fn wrong(&self, canaries: &[Canary]) -> Vec<String> {
        let mut wrong = Vec::new();
        for canary in canaries {
            let forms: Vec<_> = forms(&canary.secret).iter().map(|(name, form)| (*name, letters(form))).collect();
            let holds = |bytes: &str| forms.iter().find(|(_, form)| bytes.contains(form.as_str()));
            for (place, bytes) in &self.0 {
                let allowed = canary.may.iter().any(|may| place.starts_with(may));
                if let Some((form, _)) = holds(bytes).filter(|_| !allowed) {
                    wrong.push(format!("{} is {form} in `{place}`", canary.what));
                }
            }
            for may in canary.may {
                let there = self.0.iter().any(|(place, bytes)| place.starts_with(may) && holds(bytes).is_some());
                if !there {
                    wrong.push(format!("{} was not found in `{may}`, where it belongs", canary.what));
                }
            }
        }
        wrong.sort();
        wrong.dedup();
        wrong
    }
}

pub(super) fn letters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The secret verbatim, and as encoded by JSON, URLs, base64, hex and Rust's `Debug`.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(secret);
    let hex = |each: fn(&u8) -> String, glue: &str| secret.iter().map(each).collect::<Vec<_>>().join(glue).into_bytes();
    let json = serde_json::to_string(&*text).unwrap();
    let form: String = url::form_urlencoded::byte_serialize(secret).collect();
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        ("as JSON", json.trim_matches('"').into()),
        ("form-encoded", form.clone().into_bytes()),
        ("percent-encoded", form.replace('+', "%20").into_bytes()),
        ("percent-encoded in small letters", form.to_lowercase().into_bytes()),
        ("percent-encoded, all of it", hex(|byte| format!("%{byte:02X}"), "")),
        ("in hex", hex(|byte| format!("{byte:02x}"), "")),
        ("in HEX", hex(|byte| format!("{byte:02X}"), "")),
        ("as a list of numbers", hex(ToString::to_string, ", ")),
        ("as a list of numbers in JSON", hex(ToString::to_string, ",")),
    ];
    // Within a longer text, base64 has one of three alignments; characters that depend on neighbours are cut off.
    for (ahead, cut) in [(0, 0), (1, 2), (2, 3)] {
        let padded: Vec<u8> = std::iter::repeat_n(0, ahead).chain(secret.iter().copied()).collect();
        let whole = padded.len() / 3 * 4;
        for (name, engine) in [("in base64", &STANDARD_NO_PAD), ("in base64url", &URL_SAFE_NO_PAD)] {
            let encoded = engine.encode(&padded);
            forms.push((name, encoded.as_bytes()[cut..whole].to_vec()));
        }
    }
    forms
}

#[test]
fn the_search_finds_a_secret_in_every_encoding_and_checks_its_places() {
    let secret = b"S%cret~canary /+\"1";
    let finds = |bytes: Vec<u8>| {
        let mut evidence = Evidence::default();
        evidence.add("reply x", bytes);
        let canary = |may| Canary { what: "it", secret: secret.to_vec(), may };
        let wrong = evidence.wrong(&[canary(&[])]);
        assert_eq!(
            evidence.wrong(&[canary(&["reply"])]).is_empty(),
            !wrong.is_empty(),
            "an allowed place counts only if the secret is there"
        );
        assert_eq!(evidence.wrong(&[canary(&["file"])]).len(), 1 + wrong.len());
        !wrong.is_empty()
    };
    let around = |bytes: &[u8], ahead: usize| [&b"xyz"[..ahead], bytes, b"end"].concat();
    for ahead in 0..3 {
        for encoded in [
            around(secret, ahead),
            STANDARD_NO_PAD.encode(around(secret, ahead)).into_bytes(),
            URL_SAFE_NO_PAD.encode(around(secret, ahead)).into_bytes(),
            around(serde_json::json!({"a": "S%cret~canary /+\"1"}).to_string().as_bytes(), ahead),
            around(b"S%25cret%7Ecanary+%2F%2B%221", ahead),
            around(b"S%25cret%7Ecanary%20%2F%2B%221", ahead),
            format!("{:?}", around(secret, ahead)).into_bytes(),
        ] {
            assert!(finds(encoded.clone()), "{}", String::from_utf8_lossy(&encoded));
        }
    }
    assert!(!finds(b"S%cret~canary /+1".to_vec()) && !finds(Vec::new()));
}
