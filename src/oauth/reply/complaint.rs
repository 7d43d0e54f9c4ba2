//! Error replies: RFC 6749 §5.2, Phone.com's `@error`, the error shapes of other APIs, and the pages of proxies.

use std::time::Duration;

use serde_json::{Map, Value};

use super::body;
use super::class::{Class, of_code};
use super::members::Members;
use super::parsed::{ParsedReply, ReceivedReply, Refusal, RefusalSubject};
use super::text::{clean, clean_to};
use super::values::{SECOND, lifetime, moment};
use crate::clock::Wall;

/// Longest error description that is passed on, in characters.
const LONGEST_WORDS: usize = 500;
/// How many errors of a list are looked at.
const MOST_ERRORS: usize = 8;

/// Parses a reply whose status is not a success.
pub(super) fn of_status(received: ReceivedReply<'_>) -> ParsedReply {
    match received.status {
        408 | 425 | 429 => busy(received),
        // A proxy that wants a login of its own (RFC 9110 §15.5.8) is not the provider.
        407 => ParsedReply::Busy { retry_after: None, why: "a proxy requires authentication (407)".into() },
        400..=499 => refusal(received),
        502 | 504 => ParsedReply::Unclear { why: format!("a gateway of the provider answered {}", received.status) },
        500..=599 => busy(received),
        status => ParsedReply::Busy {
            retry_after: None,
            why: format!("unexpected status {status} (redirects are not followed)"),
        },
    }
}

fn busy(received: ReceivedReply<'_>) -> ParsedReply {
    let status = match received.status {
        429 => "too many requests (429)".to_owned(),
        status => format!("the provider answered {status}"),
    };
    let words = Complaint::of_body(received.body).and_then(|complaint| complaint.words());
    let why = words.map_or_else(|| status.clone(), |words| format!("{status}: {words}"));
    ParsedReply::Busy { retry_after: retry_after(received), why }
}

/// How long the provider asks to wait, in the header or in Phone.com's body.
fn retry_after(received: ReceivedReply<'_>) -> Option<Duration> {
    let members = serde_json::from_slice::<Map<String, Value>>(received.body).ok();
    let limit = members.as_ref().and_then(|m| m.get("@error")).and_then(|e| e.get("@rateLimit"));
    let in_body = limit.and_then(|limit| limit_ends(limit, received.at));
    let in_header = received.retry_after.and_then(|text| header(text, received.at));
    in_header.max(in_body)
}

/// Phone.com's `@rateLimit`: in how many seconds, or at which Unix second.
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

/// A body that parses as an error reply is one, whatever its content type. Anything else (the page of a captive portal,
/// a proxy or a firewall) is a refusal of unknown kind.
fn refusal(received: ReceivedReply<'_>) -> ParsedReply {
    let complaint = Complaint::of_body(received.body)
        .unwrap_or_else(|| Complaint { said: Some(not_oauth(received.content_type)), ..Complaint::default() });
    match complaint.reply(received) {
        // A refusal of unknown kind with a `Retry-After` is temporary.
        ParsedReply::Refused(Refusal { blame: RefusalSubject::Unknown, .. }) if received.retry_after.is_some() => {
            busy(received)
        }
        reply => reply,
    }
}

fn not_oauth(content_type: Option<&str>) -> String {
    let kind = content_type.map_or_else(|| "without a content type".into(), |kind| format!("`{}`", body::named(kind)));
    format!("a reply that is not an OAuth error ({kind}; from a proxy, firewall or captive portal?)")
}

/// The error that a reply reports.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// The error code, in any of the shapes.
    code: Option<String>,
    /// Its description, unchanged.
    said: Option<String>,
    /// The reply itself says that the error is temporary.
    transient: bool,
}

impl Complaint {
    /// An error in a success: only `error` and `@error` are looked at, since every other member has another use.
    pub(super) fn of_members(members: &Members) -> Option<Self> {
        let known = &members.known;
        Self::of(known.error.as_ref(), known.error_description.as_ref(), members.other.get("@error"))
    }

    /// The same for a reply to another request.
    pub(super) fn of_document(members: &Map<String, Value>) -> Option<Self> {
        Self::of(members.get("error"), members.get("error_description"), members.get("@error"))
    }

    fn of(error: Option<&Value>, description: Option<&Value>, at_error: Option<&Value>) -> Option<Self> {
        let error = error.filter(|error| !says_nothing(error)).map(Self::of_error_member);
        let at_error = at_error.filter(|error| error.is_object() || !says_nothing(error)).map(|at_error| Self {
            code: text(at_error.get("@code")),
            said: Some(words(at_error)),
            ..Self::default()
        });
        let described = Self { said: text(description), ..Self::default() };
        let found = error.is_some() || at_error.is_some();
        found.then(|| error.unwrap_or_default().or(described).or(at_error.unwrap_or_default()))
    }

    /// The error in the body of an error status; `None` if it is not an error reply.
    fn of_body(body: &[u8]) -> Option<Self> {
        Self::of_error(&serde_json::from_slice(body).ok()?)
    }

    /// The same, in any shape.
    fn of_error(body: &Value) -> Option<Self> {
        // Salesforce's REST errors are a list.
        if let Value::Array(errors) = body {
            return errors.iter().take(MOST_ERRORS).map(Self::of_object).reduce(Self::or);
        }
        let members = body.as_object()?;
        let standard = Self::of_document(members);
        let listed = members.get("errors").map(|errors| match errors {
            Value::Array(errors) => {
                errors.iter().take(MOST_ERRORS).map(Self::of_error_member).reduce(Self::or).unwrap_or_default()
            }
            other => Self::of_error_member(other),
        });
        let own = Self::of_object(body);
        let complaint = standard.unwrap_or_default().or(listed.unwrap_or_default()).or(own);
        (complaint.code.is_some() || complaint.said.is_some() || complaint.transient).then_some(complaint)
    }

    /// `error`, or one of `errors`: a code, or an object with one.
    fn of_error_member(error: &Value) -> Self {
        match error {
            Value::String(code) => Self { code: text(Some(error)), said: None, transient: false }.or_sentence(code),
            Value::Object(_) => Self::of_object(error),
            _ => Self::default(),
        }
    }

    fn of_object(error: &Value) -> Self {
        let first = |names: &[&str]| names.iter().find_map(|name| text(error.get(name)));
        Self {
            code: first(&["error", "code", "status", "type", "errorCode", "error_code", "reason"]),
            said: first(&[
                "message",
                "description",
                "error_description",
                "detail",
                "details",
                "title",
                "error_message",
            ]),
            transient: ["is_transient", "transient", "retryable"]
                .iter()
                .any(|name| error.get(name) == Some(&true.into())),
        }
    }

    /// A code that is a sentence is also the description.
    fn or_sentence(self, code: &str) -> Self {
        Self { said: code.contains(' ').then(|| code.to_owned()), ..self }
    }

    /// Fills in from `other` what is missing here.
    fn or(self, other: Self) -> Self {
        Self {
            code: self.code.or(other.code),
            said: self.said.or(other.said),
            transient: self.transient || other.transient,
        }
    }

    fn code(&self) -> Option<String> {
        self.code.as_deref().map(clean).filter(|code| !code.is_empty())
    }

    fn description(&self) -> String {
        self.said.as_deref().map(|said| clean_to(said, LONGEST_WORDS)).unwrap_or_default()
    }

    /// Code and description in one line, if there is any.
    fn words(&self) -> Option<String> {
        let (code, description) = (self.code().unwrap_or_default(), self.description());
        match (code.is_empty(), description.is_empty() || description == code) {
            (true, true) => None,
            (true, false) => Some(description),
            (false, true) => Some(code),
            (false, false) => Some(format!("{code}: {description}")),
        }
    }

    pub(super) fn reply(&self, received: ReceivedReply<'_>) -> ParsedReply {
        let code = self.code();
        let class = if self.transient { Class::TryLater } else { code.as_deref().map_or(Class::Unknown, of_code) };
        let code = code.unwrap_or_else(|| format!("http_{}", received.status));
        let description = self.description();
        // A code that is a sentence is not repeated.
        let description = if description == code { String::new() } else { description };
        let blame = match class {
            Class::Pending => return ParsedReply::Pending { slow_down: false },
            Class::SlowDown => return ParsedReply::Pending { slow_down: true },
            Class::TryLater => {
                let why =
                    format!("the provider answered {}", Refusal { code, description, blame: RefusalSubject::Unknown });
                return ParsedReply::Busy { retry_after: retry_after(received), why };
            }
            Class::Grant => RefusalSubject::Grant,
            Class::Client => RefusalSubject::Client,
            Class::Unknown => RefusalSubject::Unknown,
        };
        ParsedReply::Refused(Refusal { code, description, blame })
    }
}

/// Whether the value of `error` means that there is none: some providers always send the member.
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

/// A text that is not blank.
fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// The message of an `@error`: its message, `@details`, `@messages` (texts or objects) and the `fields` that are wrong.
fn words(at_error: &Value) -> String {
    let mut said: Vec<String> = Vec::new();
    for name in ["@message", "@details", "@messages"] {
        said.extend(at_error.get(name).map(texts).unwrap_or_default());
    }
    if let Some(Value::Object(fields)) = at_error.get("fields") {
        said.extend(fields.iter().map(|(name, wrong)| format!("{name}: {}", texts(wrong).join(", "))));
    }
    said.dedup();
    said.join("; ")
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
