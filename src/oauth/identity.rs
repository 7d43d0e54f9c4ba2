//! Identity: who owns a token, as far as the provider says, and whether two tokens belong to the same person.
//!
//! An identity is a set of members: those of the provider's description of a token (`voip_id`, see
//! [`super::describe`]), and `iss` and `sub` of the ID token, with the claims by which people know each other.

use serde_json::{Map, Value};

use super::id_token;
use super::reply::clean;

/// The claims of an ID token about the person. Only `iss` and `sub` identify a person (OpenID Connect Core §5.7): the
/// others may change, and may be given to somebody else.
const CLAIMS: [&str; 5] = ["email", "iss", "name", "preferred_username", "sub"];
/// The provider's own numbers of an account and of an extension in it (Phone.com).
const NUMBERS: [&str; 2] = ["voip_id", "extension_id"];
/// Longest claim: a `sub` has at most 255 characters (OpenID Connect Core §2), and a longer `iss` is hardly a URL.
const LONGEST: usize = 1024;

/// How one identity relates to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Both are the same person's.
    Same,
    /// They belong to different persons.
    Different,
    /// One of the two does not say enough.
    Unknown,
}

/// The ID token's claims about the person, from a token reply; empty if there is none or it has no `sub`.
pub(crate) fn of_reply(extra: &Map<String, Value>) -> Map<String, Value> {
    let claims = id_token::claims_of(extra).unwrap_or_default();
    let identity: Map<String, Value> =
        CLAIMS.iter().filter_map(|name| Some(((*name).to_owned(), member(name, claims.get(*name)?)?))).collect();
    if identity.contains_key("sub") { identity } else { Map::new() }
}

/// `sub` and `iss` are compared, so they are used unchanged or not at all: they have to be visible ASCII (OpenID
/// Connect Core §2). The others are only shown.
fn member(name: &str, value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    let fit = !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match name {
        "sub" | "iss" => fit.then(|| value.clone()),
        _ => Some(clean(text)).filter(|text| !text.is_empty()).map(Value::from),
    }
}

/// The members of the provider's description, without those of an ID token.
pub(crate) fn described(identity: &Map<String, Value>) -> Map<String, Value> {
    let others = identity.iter().filter(|(name, _)| !CLAIMS.contains(&name.as_str()));
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The ID token's claims and the description of one token, joined.
pub(crate) fn joined(identity: Map<String, Value>, description: Map<String, Value>) -> Map<String, Value> {
    let of_id_token = identity.into_iter().filter(|(name, _)| CLAIMS.contains(&name.as_str()));
    of_id_token.chain(description).collect()
}

/// Whether `new` is the same person as `old`. The subject decides if both have one, and otherwise the numbers that both
/// have: a token of another scope may have fewer of them.
pub(crate) fn compare(old: &Map<String, Value>, new: &Map<String, Value>) -> Comparison {
    let both = |name: &str| Some((text(old.get(name)?)?, text(new.get(name)?)?));
    let same = |(old, new): (String, String)| old == new;
    let told = |same: bool| if same { Comparison::Same } else { Comparison::Different };
    if let Some(subjects) = both("sub") {
        let issuers = both("iss").is_none_or(|(old, new)| issuer(&old) == issuer(&new));
        return told(issuers && same(subjects));
    }
    let numbers: Vec<bool> = NUMBERS.iter().filter_map(|name| both(name)).map(same).collect();
    if numbers.is_empty() { Comparison::Unknown } else { told(numbers.iter().all(|same| *same)) }
}

/// Google writes its own issuer with and without the scheme.
fn issuer(iss: &str) -> &str {
    iss.strip_prefix("https://").unwrap_or(iss)
}

/// Providers write the same number as a number and as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_subject_decides_and_else_the_numbers_that_both_have() {
        use Comparison::{Different, Same, Unknown};
        let ann = json!({"iss": "https://id", "sub": "1", "email": "ann@x"});
        for (old, new, expected) in [
            (ann.clone(), json!({"iss": "https://id", "sub": "1", "email": "ann@y"}), Same),
            (ann.clone(), json!({"iss": "https://id", "sub": "2", "email": "ann@x"}), Different),
            (ann.clone(), json!({"iss": "https://other", "sub": "1"}), Different),
            (ann.clone(), json!({"iss": "id", "sub": "1"}), Same),
            (ann.clone(), json!({"iss": "http://id", "sub": "1"}), Different),
            (ann.clone(), json!({"sub": "1"}), Same),
            (ann.clone(), json!({"sub": "1 "}), Different),
            (json!({"sub": "A"}), json!({"sub": "a"}), Different),
            (ann.clone(), json!({"email": "ann@x"}), Unknown),
            (json!({"email": "ann@x"}), json!({"email": "bob@x"}), Unknown),
            (ann.clone(), json!({}), Unknown),
            (json!({}), json!({}), Unknown),
            (json!({"voip_id": 1}), json!({"voip_id": 1}), Same),
            (json!({"voip_id": 1}), json!({"voip_id": "1"}), Same),
            (json!({"voip_id": 1}), json!({"voip_id": 2}), Different),
            (json!({"voip_id": 1, "extension_id": 7}), json!({"voip_id": 1}), Same),
            (json!({"voip_id": 1, "extension_id": 7}), json!({"voip_id": 1, "extension_id": 8}), Different),
            (json!({"voip_id": 1}), json!({"extension_id": 8}), Unknown),
            (json!({"voip_id": {}}), json!({"voip_id": 1}), Unknown),
            // If both have a subject, nothing else counts.
            (json!({"sub": "1", "voip_id": 1}), json!({"sub": "1", "voip_id": 2}), Same),
            (json!({"sub": "1", "voip_id": 1}), json!({"voip_id": 2}), Different),
            (json!({"username": "a"}), json!({"username": "b"}), Unknown),
        ] {
            let (old, new) = (object(&old), object(&new));
            assert_eq!(compare(&old, &new), expected, "{old:?} {new:?}");
            assert_eq!(compare(&new, &old), expected, "the other way round: {old:?} {new:?}");
        }
    }

    #[test]
    fn of_an_id_token_only_a_usable_subject_and_what_is_fit_to_be_shown_are_taken() {
        let long = "s".repeat(LONGEST + 1);
        for (claims, expected) in [
            (
                json!({"iss": "https://id", "sub": "1", "email": "a\u{1b}nn@x", "name": "A\u{202e}nn", "nonce": "n"}),
                json!({"iss": "https://id", "sub": "1", "email": "a nn@x", "name": "Ann"}),
            ),
            (json!({"sub": "1", "name": "", "email": 7}), json!({"sub": "1"})),
            (json!({"iss": "https://id", "email": "ann@x"}), json!({})),
            (json!({"sub": ""}), json!({})),
            (json!({"sub": 1}), json!({})),
            (json!({"sub": "1\n2"}), json!({})),
            (json!({"sub": "\u{430}nn"}), json!({})),
            (json!({"sub": long}), json!({})),
        ] {
            let token = format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims.to_string()));
            assert_eq!(of_reply(&object(&json!({"id_token": token}))), object(&expected), "{claims}");
        }
        for extra in [json!({}), json!({"id_token": 7}), json!({"id_token": "e30"}), json!({"id_token": "a.!.c"})] {
            assert!(of_reply(&object(&extra)).is_empty());
        }
    }

    #[test]
    fn what_an_id_token_said_is_told_apart_from_the_providers_description() {
        let all = object(&json!({"iss": "https://id", "sub": "1", "name": "Ann", "voip_id": 1}));
        assert_eq!(described(&all), object(&json!({"voip_id": 1})));
        assert!(described(&object(&json!({"sub": "1", "email": "ann@x"}))).is_empty());
    }
}
