//! The device authorization grant (RFC 8628), without I/O.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::oauth::discovery;
use crate::oauth::reply::{self, Failed, ReceivedReply, clean, is_token, lifetime};
use crate::secret::DeviceCode;

/// Polling interval if the provider names none (RFC 8628 §3.2).
const USUAL_INTERVAL: Duration = Duration::from_secs(5);
/// Longest polling interval, even if the provider asks for a longer one.
const LONGEST_INTERVAL: Duration = Duration::from_secs(300);
/// Longest lifetime of a code: a longer one is not believed.
const LONGEST_LIFE: Duration = Duration::from_secs(86_400);
/// Longest code that is shown, in characters.
const LONGEST_USER_CODE: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

/// A device authorization response (RFC 8628 §3.2).
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// The code that the device polls the token endpoint with.
    pub(crate) device_code: DeviceCode,
    /// The code that the user types in, cleaned.
    pub(crate) user_code: String,
    /// Where the user types it in: https, or http on loopback.
    pub(crate) verification_uri: String,
    /// The same URL with the code in it, if there is one: https, or http on loopback.
    pub(crate) verification_uri_complete: Option<String>,
    /// How long both codes live.
    pub(crate) expires_in: Duration,
    /// The shortest time between two requests.
    pub(crate) interval: Duration,
}

/// Parses the reply to a device authorization request (RFC 8628 §3.2). Both URLs are shown and opened, so they have to
/// be safe to show and open.
pub fn parse(received: ReceivedReply<'_>) -> Result<DeviceAuthorization, Failed> {
    let members = reply::document(received)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let missing = |name: &str| Failed::nonsense(format!("the reply has no usable {name}"));
    let device_code = text("device_code").filter(|code| is_token(code)).ok_or_else(|| missing("device_code"))?;
    let user_code = text("user_code").map(clean).filter(|code| (1..=LONGEST_USER_CODE).contains(&code.chars().count()));
    let expires_in = members.get("expires_in").and_then(|value| lifetime(value, SECOND));
    let interval = members.get("interval").and_then(|value| lifetime(value, SECOND));
    Ok(DeviceAuthorization {
        device_code: DeviceCode::new(device_code),
        user_code: user_code.ok_or_else(|| missing("user_code"))?,
        verification_uri: address(&members, "").ok_or_else(|| missing("verification_uri"))?,
        verification_uri_complete: address(&members, "_complete"),
        expires_in: expires_in.filter(|life| *life <= LONGEST_LIFE).ok_or_else(|| missing("expires_in"))?,
        interval: interval.unwrap_or(USUAL_INTERVAL).min(LONGEST_INTERVAL),
    })
}

/// Google uses the name from an early draft.
fn address(members: &Map<String, Value>, which: &str) -> Option<String> {
    let found =
        members.get(&format!("verification_uri{which}")).or_else(|| members.get(&format!("verification_url{which}")));
    discovery::page(found?.as_str()?).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    fn read(body: &str) -> String {
        let received =
            ReceivedReply { status: 200, content_type: None, retry_after: None, body: body.as_bytes(), at: Wall(0) };
        match parse(received) {
            Ok(d) => format!(
                "{} {} {} {} {} {}",
                d.device_code.expose(),
                d.user_code,
                d.verification_uri,
                d.verification_uri_complete.as_deref().unwrap_or("-"),
                d.expires_in.as_secs(),
                d.interval.as_secs()
            ),
            Err(Failed::Refused(refusal)) => format!("refused {refusal}"),
            Err(Failed::Busy { why, .. }) => why,
        }
    }

    /// A good reply with `name` set to `value`.
    fn with(name: &str, value: &str) -> String {
        let mut members: Map<String, Value> = serde_json::from_str(
            r#"{"device_code":"D","user_code":"AB-CD","verification_uri":"https://id.example/device","expires_in":900}"#,
        )
        .unwrap();
        members.insert(name.to_owned(), serde_json::from_str(value).unwrap());
        read(&Value::Object(members).to_string())
    }

    #[test]
    fn replies_are_read_with_care_for_who_is_shown_them() {
        let good = "D AB-CD https://id.example/device - 900 5";
        let missing = |name: &str| format!("the reply has no usable {name}");
        for (name, value, expected) in [
            ("x", "1", good.to_owned()),
            ("interval", "10", good.replace(" 5", " 10")),
            ("interval", "\"7\"", good.replace(" 5", " 7")),
            ("interval", "0", good.to_owned()),
            ("interval", "9999", good.replace(" 5", " 300")),
            ("expires_in", "0", missing("expires_in")),
            ("expires_in", "1e9", missing("expires_in")),
            ("expires_in", "null", missing("expires_in")),
            ("device_code", "\"a b\"", missing("device_code")),
            ("user_code", "\"\\u001b[2JAB\\u202e\"", good.replace("AB-CD", "[2JAB")),
            ("user_code", "\"\"", missing("user_code")),
            ("user_code", &format!("\"{}\"", "x".repeat(65)), missing("user_code")),
            ("verification_uri", "\"http://id.example/device\"", missing("verification_uri")),
            (
                "verification_uri",
                "\"http://127.0.0.1:8/d\"",
                good.replace("https://id.example/device", "http://127.0.0.1:8/d"),
            ),
            ("verification_uri", "\"javascript:alert(1)\"", missing("verification_uri")),
            ("verification_uri", "\"https://u:p@id.example/\"", missing("verification_uri")),
            (
                "verification_uri_complete",
                "\"https://id.example/device?c=AB-CD\"",
                good.replace(" - ", " https://id.example/device?c=AB-CD "),
            ),
            ("verification_uri_complete", "\"file:///etc\"", good.to_owned()),
            ("error", "\"invalid_client\"", "refused invalid_client".to_owned()),
        ] {
            assert_eq!(with(name, value), expected, "{name} {value}");
        }
    }

    #[test]
    fn google_says_url() {
        let google = r#"{"device_code":"D","user_code":"AB","verification_url":"https://www.google.com/device","expires_in":1800,"interval":5}"#;
        assert_eq!(read(google), "D AB https://www.google.com/device - 1800 5");
    }
}
