//! The owner of a token, in words.

use serde_json::{Map, Value};

/// How many members of an `identity` [`whose`] shows, and how many characters of each: enough for those of an ID token.
const TOLD: (usize, usize) = (5, 96);

/// An `identity` in words, such as `voip_id 1000001`: its texts and numbers, each truncated. The provider wrote it, so
/// escape it before showing it.
pub fn whose(identity: &Map<String, Value>) -> Option<String> {
    let cut = |text: &str| -> String { text.chars().take(TOLD.1).collect() };
    // The issuer comes last: it says the least about the person.
    let (issuer, rest): (Vec<_>, Vec<_>) = identity.iter().partition(|(name, _)| *name == "iss");
    let told = rest.into_iter().chain(issuer).filter_map(|(name, value)| match value {
        Value::String(text) => Some(format!("{} {}", cut(name), cut(text))),
        Value::Number(number) => Some(format!("{} {number}", cut(name))),
        _ => None,
    });
    let told: Vec<String> = told.take(TOLD.0).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_told_in_a_few_bearable_words() {
        let long = "x".repeat(120);
        for (identity, told) in [
            ("{}".to_owned(), None),
            (r#"{"voip_id":1000001}"#.into(), Some("voip_id 1000001".to_owned())),
            (r#"{"extension_id":7,"voip_id":"1","groups":["a"]}"#.into(), Some("extension_id 7, voip_id 1".into())),
            (format!(r#"{{"a":"{long}"}}"#), Some(format!("a {}", &long[..96]))),
            (r#"{"iss":"https://id","name":"Ann","sub":"1"}"#.into(), Some("name Ann, sub 1, iss https://id".into())),
            (r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#.into(), Some("a 1, b 2, c 3, d 4, e 5".into())),
        ] {
            assert_eq!(whose(&serde_json::from_str(&identity).unwrap()), told, "{identity}");
        }
    }
}
