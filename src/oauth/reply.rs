//! The token endpoint's reply: bytes in, a grant or a classified refusal out.
//!
//! Lenient where providers differ (any 2xx, `expires_in` as text, `token_type` in any case, unknown
//! members kept, both error shapes), strict where leniency would be dangerous (`security.md` §1.13).

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::oauth::grant::Grant;
use crate::secret::{AccessToken, RefreshToken};

/// Largest reply that is read, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// Longest token that is taken, in bytes.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Deepest nesting of members that are kept.
const DEEPEST: usize = 16;
/// No access token is believed to live longer than this.
const LONGEST_LIFE: u64 = 10 * 365 * 86_400;
/// Longest text of a provider that is passed on.
const LONGEST_TEXT: usize = 200;

/// What was received: the parts that parsing looks at.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `Retry-After` header; only its form in seconds is understood.
    pub retry_after: Option<&'a str>,
    /// The body, at most [`LARGEST`].
    pub body: &'a [u8],
}

/// What a reply means.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Tokens.
    Granted(Box<Grant>),
    /// A parsed no.
    Refused(Refusal),
    /// Not now: nothing was decided.
    Busy {
        /// What the provider asked for.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending {
        /// Whether to ask 5 s more slowly from now on.
        slow_down: bool,
    },
    /// Nobody can tell what happened at the provider: a success that can't be read, or a gateway that
    /// gave up waiting.
    Unclear {
        /// One clause.
        why: String,
    },
}

/// A parsed no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's code (`invalid_grant`), or `http_NNN` where it gave none. Cleaned.
    pub code: String,
    /// The provider's words, cleaned; may be empty.
    pub description: String,
    /// What it is about.
    pub blame: Blame,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The code or refresh token is not (or no longer) good: only the user can help.
    Grant,
    /// The client, its rights or the request: the config has to change; the tokens may still be good.
    Client,
    /// The provider did not say (no code of RFC 6749).
    Unsaid,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.description.as_str() {
            "" => f.write_str(&self.code),
            description => write!(f, "{}: {description}", self.code),
        }
    }
}

/// Text of a stranger, made fit for a terminal, a log and a page: printable, one line, short.
pub fn clean(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // Marks that reorder or hide text lie about what stands next to them.
    let visible = printable.filter(
        |c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'),
    );
    visible.take(LONGEST_TEXT).collect::<String>().trim().to_owned()
}

/// Tells what a reply to a token request means.
pub fn parse(received: Received<'_>) -> Reply {
    match received.status {
        200..=299 => success(received),
        408 | 425 | 429 => busy(received),
        400..=499 => refusal(received),
        502 | 504 => Reply::Unclear { why: format!("a gateway of the provider answered {}", received.status) },
        500..=599 => busy(received),
        status => {
            Reply::Busy { retry_after: None, why: format!("unexpected status {status} (redirects are not followed)") }
        }
    }
}

fn success(received: Received<'_>) -> Reply {
    if !is_json(received.content_type) {
        return Reply::Unclear { why: "the reply is not JSON".into() };
    }
    let members = match serde_json::from_slice::<Members>(received.body) {
        Ok(members) => members,
        Err(error) => return Reply::Unclear { why: malformed(&error) },
    };
    if members.known.error.is_some() || members.other.contains_key("@error") {
        // Some providers say no with 200.
        return refusal_of(&members, received.status);
    }
    match grant(members) {
        Ok(grant) => Reply::Granted(Box::new(grant)),
        Err(why) => Reply::Unclear { why },
    }
}

/// Position and kind only: serde's own message may quote the body.
fn malformed(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Eof if error.line() <= 1 && error.column() == 0 => {
            return "the reply is empty".into();
        }
        serde_json::error::Category::Eof => "the reply is cut off",
        serde_json::error::Category::Syntax => "the reply is not valid JSON",
        serde_json::error::Category::Data | serde_json::error::Category::Io => "the reply has an unexpected shape",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

fn grant(members: Members) -> Result<Grant, String> {
    let Members { known, other } = members;
    match known.token_type.as_ref() {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err("the token type is not Bearer".into()),
    }
    let access_token = token(known.access_token, "access_token")?.ok_or("there is no access_token")?;
    let refresh_token = token(known.refresh_token, "refresh_token")?;
    if other.values().any(|value| deeper_than(value, DEEPEST)) {
        return Err("the reply is nested too deeply".into());
    }
    let scope = match known.scope {
        Some(Value::String(scope)) if !scope.trim().is_empty() => Some(clean_scope(&scope)),
        Some(Value::Array(scopes)) => {
            Some(clean_scope(&scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")))
        }
        _ => None,
    };
    Ok(Grant {
        access_token: AccessToken::new(access_token),
        refresh_token: refresh_token.map(RefreshToken::new),
        scope,
        expires_in: known.expires_in.as_ref().and_then(lifetime),
        extra: other,
    })
}

fn clean_scope(scope: &str) -> String {
    scope.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4096).collect::<String>().trim().to_owned()
}

/// A token has to be printable ASCII without spaces (RFC 6749 App. A.12), so that it can't break out of
/// a header.
fn token(value: Option<Value>, name: &str) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() && name == "refresh_token" => Ok(None),
        Some(Value::String(text)) => {
            let fits = (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if fits {
                Ok(Some(text))
            } else {
                Err(format!("{name} is empty, too long or has characters that no token may have"))
            }
        }
        Some(_) => Err(format!("{name} is not text")),
    }
}

/// Seconds as a number or as text, fractions cut off; anything else, and nothing or less, is unknown.
fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole))?,
        Value::String(text) => {
            text.trim().parse::<u64>().ok().or_else(|| text.trim().parse::<f64>().ok().and_then(whole))?
        }
        _ => return None,
    };
    (1..=LONGEST_LIFE).contains(&seconds).then(|| Duration::from_secs(seconds))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn whole(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && (1.0..1e12).contains(&seconds)).then_some(seconds as u64)
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return true };
    match value {
        Value::Array(items) => items.iter().any(|item| deeper_than(item, below)),
        Value::Object(members) => members.values().any(|member| deeper_than(member, below)),
        _ => false,
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    let essence =
        content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || essence == "text/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn busy(received: Received<'_>) -> Reply {
    let members = serde_json::from_slice::<Members>(received.body).ok();
    let at_error = members.as_ref().and_then(|m| m.other.get("@error"));
    let in_body =
        at_error.and_then(|e| e.get("@rateLimit")).and_then(|limit| limit.get("Retry-After")).and_then(lifetime);
    let in_header = received.retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
    let why = if received.status == 429 {
        "too many requests (429)".to_owned()
    } else {
        format!("the provider answered {}", received.status)
    };
    Reply::Busy { retry_after: in_header.max(in_body), why }
}

fn refusal(received: Received<'_>) -> Reply {
    // Whatever the content type says: a body that parses as an error reply is one; a captive portal's
    // or proxy's page is not, and decides nothing.
    match serde_json::from_slice::<Members>(received.body) {
        Ok(members) if members.known.error.is_some() || members.other.contains_key("@error") => {
            refusal_of(&members, received.status)
        }
        _ => Reply::Busy {
            retry_after: None,
            why: format!("status {} without an OAuth error (a proxy or captive portal?)", received.status),
        },
    }
}

fn refusal_of(members: &Members, status: u16) -> Reply {
    let at_error = members.other.get("@error");
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(clean).filter(|text| !text.is_empty());
    let standard = text(members.known.error.as_ref());
    let code =
        standard.or_else(|| text(at_error.and_then(|e| e.get("@code")))).unwrap_or_else(|| format!("http_{status}"));
    let description = text(members.known.error_description.as_ref())
        .or_else(|| text(at_error.and_then(|e| e.get("@message"))))
        .unwrap_or_default();
    let blame = match code.as_str() {
        "temporarily_unavailable" | "server_error" | "slow_down" => {
            return Reply::Busy { retry_after: None, why: format!("the provider answered {code}") };
        }
        "invalid_grant" => Blame::Grant,
        "invalid_client"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_scope"
        | "invalid_request"
        | "access_denied" => Blame::Client,
        _ => Blame::Unsaid,
    };
    Reply::Refused(Refusal { code, description, blame })
}

/// The reply's members: the known ones apart, each at most once.
#[derive(Default)]
struct Members {
    known: Known,
    other: Map<String, Value>,
}

#[derive(Default)]
struct Known {
    access_token: Option<Value>,
    refresh_token: Option<Value>,
    token_type: Option<Value>,
    expires_in: Option<Value>,
    scope: Option<Value>,
    error: Option<Value>,
    error_description: Option<Value>,
}

impl Known {
    fn slot(&mut self, name: &str) -> Option<&mut Option<Value>> {
        Some(match name {
            "access_token" => &mut self.access_token,
            "refresh_token" => &mut self.refresh_token,
            "token_type" => &mut self.token_type,
            "expires_in" => &mut self.expires_in,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value()?;
                    match members.known.slot(&name) {
                        Some(slot) if slot.is_none() => *slot = Some(value),
                        Some(_) => return Err(serde::de::Error::custom("a member is repeated")),
                        None => _ = members.other.insert(name, value),
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests;
