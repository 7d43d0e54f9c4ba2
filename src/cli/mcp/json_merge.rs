//! Puts one entry into a JSON file of another program. Everything else stays in its order, as it is written.

use serde_json::value::RawValue;

use crate::json_members::Members;

/// The text of the file with `entry` (JSON) as the member `name` of the object at `path`, which is made if it is missing.
/// An empty text is an empty object. The error is one clause.
pub(super) fn merged(text: &str, path: &[&str], name: &str, entry: &str) -> Result<String, String> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    Ok(set(text, path, name, entry, 0)? + "\n")
}

fn set(text: &str, path: &[&str], name: &str, entry: &str, depth: usize) -> Result<String, String> {
    let Members(mut members) = serde_json::from_str(text).map_err(|error| format!("is not plain JSON: {error}"))?;
    let (member, value) = match path.split_first() {
        None => (name, entry.to_owned()),
        Some((first, rest)) => {
            let inside = members.iter().find(|(known, _)| known == first).map_or("{}", |(_, value)| value.get());
            (*first, set(inside, rest, name, entry, depth + 1)?)
        }
    };
    let value = RawValue::from_string(value).map_err(|error| error.to_string())?;
    match members.iter_mut().find(|(known, _)| known == member) {
        Some((_, old)) => *old = value,
        None => members.push((member.to_owned(), value)),
    }
    Ok(written(&members, depth))
}

/// One member on each line, indented by two.
fn written(members: &[(String, Box<RawValue>)], depth: usize) -> String {
    let indent = "  ".repeat(depth + 1);
    let lines = members
        .iter()
        .map(|(name, value)| format!("{indent}{}: {}", serde_json::Value::from(name.as_str()), value.get()));
    format!("{{\n{}\n{}}}", lines.collect::<Vec<_>>().join(",\n"), "  ".repeat(depth))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_is_set_and_the_rest_stays_as_it_is_written() {
        let entry = r#"{ "url": "u" }"#;
        for (text, path, expected) in [
            ("", &["a"][..], "{\n  \"a\": {\n    \"n\": { \"url\": \"u\" }\n  }\n}\n"),
            (" {} \n", &[], "{\n  \"n\": { \"url\": \"u\" }\n}\n"),
            (
                "{ \"z\": [1,  2], \"a\": { \"m\": {\"x\":1}, \"n\": 7 }, \"b\": \"\\u00e9\" }",
                &["a"],
                "{\n  \"z\": [1,  2],\n  \"a\": {\n    \"m\": {\"x\":1},\n    \"n\": { \"url\": \"u\" }\n  },\n  \"b\": \"\\u00e9\"\n}\n",
            ),
        ] {
            assert_eq!(merged(text, path, "n", entry).as_deref(), Ok(expected), "{text}");
        }
        for odd in ["[]", "{ // why\n}", "{\"a\": 1}", "{\"a\": {}, \"a\": {}}", "{\"a\": {"] {
            assert!(merged(odd, &["a"], "n", entry).is_err(), "{odd}");
        }
    }
}
