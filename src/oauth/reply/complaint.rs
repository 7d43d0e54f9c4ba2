//! Replies that are no success: RFC 6749 §5.2, Phone.com's `@error`, and what comes from proxies.

use std::time::Duration;

use serde_json::{Map, Value};

use super::members::Members;
use super::values::{SECOND, lifetime, moment};
use super::{Blame, Received, Refusal, Reply, clean};
use crate::clock::Wall;

/// What a status that is no success means.
pub(super) fn of_status(received: Received<'_>) -> Reply {
    match received.status {
        408 | 425 | 429 => busy(received),
        400..=499 => refusal(received),
        502 | 504 => Reply::Unclear { why: format!("a gateway of the provider answered {}", received.status) },
        500..=599 => busy(received),
        status => {
            Reply::Busy { retry_after: None, why: format!("unexpected status {status} (redirects are not followed)") }
        }
    }
}

fn busy(received: Received<'_>) -> Reply {
    let members = serde_json::from_slice::<Members>(received.body).ok();
    let limit = members.as_ref().and_then(|m| m.other.get("@error")).and_then(|e| e.get("@rateLimit"));
    let in_body = limit.and_then(|limit| limit_ends(limit, received.at));
    let in_header = received.retry_after.and_then(|text| header(text, received.at));
    let why = if received.status == 429 {
        "too many requests (429)".to_owned()
    } else {
        format!("the provider answered {}", received.status)
    };
    Reply::Busy { retry_after: in_header.max(in_body), why }
}

/// Phone.com's `@rateLimit`: how many seconds, or at which Unix second.
fn limit_ends(limit: &Value, now: Wall) -> Option<Duration> {
    let after = limit.get("Retry-After").and_then(|value| lifetime(value, SECOND));
    after.or_else(|| moment(limit.get("RateLimit-Reset")).map(|at| at.since(now)).filter(|left| !left.is_zero()))
}

/// `Retry-After` in its two forms (RFC 9110 §10.2.3).
fn header(text: &str, now: Wall) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| httpdate::parse_http_date(text).ok()?.duration_since(now.to_system()).ok())
}

fn refusal(received: Received<'_>) -> Reply {
    // Whatever the content type says: a body that parses as an error reply is one; a captive portal's
    // or proxy's page is not, and decides nothing.
    let members = serde_json::from_slice::<Members>(received.body).ok();
    match members.as_ref().and_then(Complaint::of_members) {
        Some(complaint) => complaint.reply(received.status),
        None => Reply::Busy {
            retry_after: None,
            why: format!("status {} without an OAuth error (a proxy or captive portal?)", received.status),
        },
    }
}

/// What is said to be wrong, in either shape or both.
pub(super) struct Complaint<'a> {
    error: Option<&'a Value>,
    description: Option<&'a Value>,
    at_error: Option<&'a Value>,
}

impl<'a> Complaint<'a> {
    pub(super) fn of_members(members: &'a Members) -> Option<Self> {
        let known = &members.known;
        Self {
            error: known.error.as_ref(),
            description: known.error_description.as_ref(),
            at_error: members.other.get("@error"),
        }
        .if_any()
    }

    pub(super) fn of_document(members: &'a Map<String, Value>) -> Option<Self> {
        Self {
            error: members.get("error"),
            description: members.get("error_description"),
            at_error: members.get("@error"),
        }
        .if_any()
    }

    fn if_any(mut self) -> Option<Self> {
        self.error = self.error.filter(|error| !says_nothing(error));
        self.at_error = self.at_error.filter(|error| error.is_object() || !says_nothing(error));
        (self.error.is_some() || self.at_error.is_some()).then_some(self)
    }

    pub(super) fn reply(&self, status: u16) -> Reply {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(clean).filter(|text| !text.is_empty());
        let own_code = || text(self.at_error.and_then(|e| e.get("@code")));
        let code = text(self.error).or_else(own_code).unwrap_or_else(|| format!("http_{status}"));
        let description = text(self.description).or_else(|| self.at_error.map(words)).unwrap_or_default();
        match code.as_str() {
            "authorization_pending" => Reply::Pending { slow_down: false },
            "slow_down" => Reply::Pending { slow_down: true },
            // The last two are Google's and Slack's.
            "temporarily_unavailable" | "server_error" | "rate_limit_exceeded" | "ratelimited" => {
                Reply::Busy { retry_after: None, why: format!("the provider answered {code}") }
            }
            _ => Reply::Refused(Refusal { blame: blame(&code), code, description }),
        }
    }
}

/// Whether the value of `error` says that there is none: some providers always send the member.
fn says_nothing(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            ["", "0", "none", "null", "false"].iter().any(|none| text.trim().eq_ignore_ascii_case(none))
        }
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// By RFC 6749 §5.2, RFC 8628 §3.5, and the codes that GitHub and Slack have for the same things.
fn blame(code: &str) -> Blame {
    match code {
        "invalid_grant"
        | "expired_token"
        | "bad_verification_code"
        | "bad_refresh_token"
        | "invalid_refresh_token"
        | "invalid_code"
        | "code_already_used"
        | "token_revoked" => Blame::Grant,
        "invalid_client"
        | "unauthorized_client"
        | "unsupported_grant_type"
        | "invalid_scope"
        | "invalid_request"
        | "invalid_target"
        | "access_denied"
        | "incorrect_client_credentials"
        | "redirect_uri_mismatch"
        | "bad_client_secret"
        | "invalid_client_id" => Blame::Client,
        _ => Blame::Unsaid,
    }
}

/// What an `@error` says: its message, `@details`, `@messages` (texts or objects) and the `fields` that
/// are wrong.
fn words(at_error: &Value) -> String {
    let mut said: Vec<String> = Vec::new();
    for name in ["@message", "@details", "@messages"] {
        said.extend(at_error.get(name).map(texts).unwrap_or_default());
    }
    if let Some(Value::Object(fields)) = at_error.get("fields") {
        said.extend(fields.iter().map(|(name, wrong)| format!("{name}: {}", texts(wrong).join(", "))));
    }
    said.dedup();
    clean(&said.join("; "))
}

/// Every text in a value of unknown shape.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
