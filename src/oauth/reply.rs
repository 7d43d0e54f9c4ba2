//! The provider's replies: bytes in, a grant or a classified refusal out.
//!
//! Lenient where providers differ (any 2xx, `expires_in` as text, `token_type` in any case, unknown
//! members kept, both error shapes), strict where leniency would be dangerous (`security.md` §1.13).

mod class;
mod complaint;
mod members;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use self::complaint::Complaint;
use self::members::Members;
pub(crate) use self::members::without;
use crate::clock::Wall;
use crate::oauth::dialect::Dialect;
use crate::oauth::grant::Grant;
use crate::secret::{AccessToken, RefreshToken};

/// Largest reply that is read, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// Longest token that is taken, in bytes.
pub const LONGEST_TOKEN: usize = 16 * 1024;
/// Deepest nesting of members that are kept.
const DEEPEST: usize = 16;
/// No access token is believed to live longer than this.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Longest name of a provider's that is passed on, in characters.
const LONGEST_TEXT: usize = 200;
/// Longest explanation of a provider's that is passed on, in characters.
const LONGEST_WORDS: usize = 500;
const SECOND: Duration = Duration::from_secs(1);

/// What was received: the parts that parsing looks at.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `Retry-After` header: seconds or a date (RFC 9110 §10.2.3).
    pub retry_after: Option<&'a str>,
    /// The body, at most [`LARGEST`].
    pub body: &'a [u8],
    /// When.
    pub at: Wall,
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
    /// Nobody here knows: the code is in no list, or there is none.
    Unknown,
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
    clean_to(text, LONGEST_TEXT)
}

/// The same with another bound, in characters.
fn clean_to(text: &str, longest: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // Marks that reorder or hide text lie about what stands next to them.
    let visible = printable.filter(
        |c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'),
    );
    visible.take(longest).collect::<String>().trim().to_owned()
}

/// A reply that is not what was asked for, whatever that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// A parsed no.
    Refused(Refusal),
    /// Not now, or nothing that can be understood.
    Busy {
        /// What the provider asked for.
        retry_after: Option<Duration>,
        /// One clause.
        why: String,
    },
}

impl Failed {
    /// A success that makes no sense.
    pub fn nonsense(why: impl Into<String>) -> Self {
        Self::Busy { retry_after: None, why: why.into() }
    }

    fn of(reply: Reply) -> Self {
        match reply {
            Reply::Refused(refusal) => Self::Refused(refusal),
            Reply::Busy { retry_after, why } => Self::Busy { retry_after, why },
            Reply::Unclear { why } => Self::nonsense(why),
            Reply::Granted(_) | Reply::Pending { .. } => Self::nonsense("the provider answered another question"),
        }
    }
}

/// Tells what a reply to a token request means.
pub fn parse(received: Received<'_>, dialect: &Dialect) -> Reply {
    if !(200..300).contains(&received.status) {
        return complaint::of_status(received);
    }
    let members = match json::<Members>(received) {
        Ok(members) => members,
        Err(why) => return Reply::Unclear { why },
    };
    if let Some(complaint) = Complaint::of_members(&members) {
        // Some providers say no with 200.
        return complaint.reply(received.status);
    }
    match grant(members.moved(&dialect.response_paths), received.at, dialect.expires_in_unit) {
        Ok(grant) => Reply::Granted(Box::new(grant)),
        Err(why) => Reply::Unclear { why },
    }
}

/// The members of a successful reply to any other question.
pub(crate) fn document(received: Received<'_>) -> Result<Map<String, Value>, Failed> {
    if !(200..300).contains(&received.status) {
        return Err(Failed::of(complaint::of_status(received)));
    }
    let members: Map<String, Value> = json(received).map_err(Failed::nonsense)?;
    if let Some(complaint) = Complaint::of_document(&members) {
        return Err(Failed::of(complaint.reply(received.status)));
    }
    if members.values().any(|value| deeper_than(value, DEEPEST)) {
        return Err(Failed::nonsense(TOO_DEEP));
    }
    Ok(members)
}

const TOO_DEEP: &str = "the reply is nested too deeply";

fn json<'a, T: serde::Deserialize<'a>>(received: Received<'a>) -> Result<T, String> {
    if !is_json(received.content_type) {
        return Err("the reply is not JSON".into());
    }
    serde_json::from_slice(received.body).map_err(|error| malformed(&error))
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

fn grant(members: Members, now: Wall, unit: Duration) -> Result<Grant, String> {
    let Members { known, mut other } = members;
    match known.token_type.as_ref() {
        None | Some(Value::Null) => {}
        Some(Value::String(kind)) if is_bearer(kind) => {}
        Some(_) => return Err("the token type is not Bearer".into()),
    }
    let Some(access_token) = token(known.access_token, "access_token")? else {
        return Err(without_token(&other).into());
    };
    let refresh_token = token(known.refresh_token, "refresh_token")?;
    if other.values().any(|value| deeper_than(value, DEEPEST)) {
        return Err(TOO_DEEP.into());
    }
    without(&mut other, &["refresh_token"]);
    Ok(Grant {
        access_token: AccessToken::new(access_token),
        refresh_token: refresh_token.map(RefreshToken::new),
        scope: known.scope.as_ref().and_then(scope),
        expires_in: left(known.expires_in.as_ref(), unit, left_until(other.get("expires_at"), now)),
        extra: other,
    })
}

/// `bot` and `user` are what Slack calls its bearer tokens.
fn is_bearer(kind: &str) -> bool {
    ["bearer", "bot", "user"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// Phone.com answers a request with `?mode=details` like the one for a token's details.
fn without_token(other: &Map<String, Value>) -> &'static str {
    if other.contains_key("scope_details") || other.contains_key("expires_at") {
        "the reply has details of the token instead of the token: take `mode=details` out of `token_url`"
    } else {
        "there is no access_token"
    }
}

/// A scope as text or as a list.
pub(crate) fn scope(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(scope) => clean_scope(scope),
        Value::Array(scopes) => clean_scope(&scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// Scopes of a stranger, made fit for a terminal and a log.
pub(crate) fn clean_scope(scope: &str) -> String {
    scope.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4096).collect::<String>().trim().to_owned()
}

/// A token has to be printable ASCII without spaces (RFC 6749 App. A.12), so that it can't break out of
/// a header.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn token(value: Option<Value>, name: &str) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() && name == "refresh_token" => Ok(None),
        Some(Value::String(text)) if is_token(&text) => Ok(Some(text)),
        Some(Value::String(_)) => Err(format!("{name} is empty, too long or has characters that no token may have")),
        Some(_) => Err(format!("{name} is not text")),
    }
}

/// So many units, as a number or as text, fractions cut off; anything else, and nothing or less, is
/// unknown.
pub(crate) fn lifetime(value: &Value, unit: Duration) -> Option<Duration> {
    let milliseconds = number(value)?.checked_mul(u64::try_from(unit.as_millis()).ok()?)?;
    let life = Duration::from_millis(milliseconds);
    (SECOND..=LONGEST_LIFE).contains(&life).then_some(life)
}

/// What is left of a token by its reply, which may also tell when it ends: zero where it says so in as many words.
fn left(expires_in: Option<&Value>, unit: Duration, until_end: Option<Duration>) -> Option<Duration> {
    let nothing = || {
        let units: f64 = match expires_in? {
            Value::String(text) => text.trim().parse().ok()?,
            value => value.as_f64()?,
        };
        (units <= 0.0).then_some(Duration::ZERO)
    };
    expires_in.and_then(|value| lifetime(value, unit)).or(until_end).or_else(nothing)
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            text.trim().parse::<u64>().ok().or_else(|| text.trim().parse::<f64>().ok().and_then(whole))
        }
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
fn whole(units: f64) -> Option<u64> {
    (units.is_finite() && (1.0..1e12).contains(&units)).then_some(units as u64)
}

/// A moment in Unix seconds; nothing, `null` and 0 are none.
pub(crate) fn moment(value: Option<&Value>) -> Option<Wall> {
    let seconds = number(value?).filter(|seconds| *seconds > 0)?;
    Some(Wall(0).plus(Duration::from_secs(seconds)))
}

fn left_until(value: Option<&Value>, now: Wall) -> Option<Duration> {
    moment(value).map(|at| at.since(now)).filter(|left| *left <= LONGEST_LIFE)
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

#[cfg(test)]
mod tests;
