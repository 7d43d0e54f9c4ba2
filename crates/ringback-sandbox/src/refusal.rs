//! Error replies, in the shapes that Phone.com declares.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::clock::timestamp;
use crate::limits::Exceeded;
use crate::options::ErrorShape;

/// An error, independent of its shape.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// The `error` of RFC 6749, if there is one.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    /// For the `fields` of a 422: a name, and what is wrong with it.
    field: Option<Box<(String, String)>>,
    exceeded: Option<Exceeded>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: None, message: message.into(), field: None, exceeded: None }
    }

    pub(crate) fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// 401 for wrong client credentials.
    pub(crate) fn invalid_client(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).with_code("invalid_client")
    }

    /// 401 for a bearer token that is missing or does not work.
    pub(crate) fn invalid_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized").with_code("invalid_token")
    }

    /// 400 for a code or refresh token that does not work. Nothing is documented for this case.
    pub(crate) fn invalid_grant(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).with_code("invalid_grant")
    }

    /// 400 with an error code of RFC 6749.
    pub(crate) fn bad_request(code: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message).with_code(code)
    }

    /// 422, the documented answer to a request with wrong fields.
    pub(crate) fn field(name: &str, complaint: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("Invalid field {name}: {complaint}"))
            .with_code("invalid_request");
        refusal.field = Some(Box::new((name.to_owned(), complaint.to_owned())));
        refusal
    }

    /// 403, with the one concrete `@code` that was ever seen.
    pub(crate) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message).with_code("access_denied")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found")
    }

    /// 429, word for word as in the documented sample.
    pub(crate) fn too_many(exceeded: Exceeded) -> Self {
        let mut refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too much requests");
        refusal.exceeded = Some(exceeded);
        refusal
    }

    /// Seconds for a `Retry-After` header, if one may be sent.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.exceeded.map(|exceeded| exceeded.retry_after)
    }

    /// What the journal calls it.
    pub(crate) fn outcome(&self) -> String {
        match (&self.code, self.status) {
            (Some(code), _) => code.clone(),
            (None, StatusCode::TOO_MANY_REQUESTS) => "rate_limited".to_owned(),
            (None, status) => status.as_u16().to_string(),
        }
    }

    /// The body, at `now` (Unix milliseconds).
    pub(crate) fn body(&self, shape: ErrorShape, now: u64) -> Value {
        let mut body = Map::new();
        if shape != ErrorShape::Rfc6749 {
            body.insert("@error".to_owned(), self.envelope(now));
        }
        let declared = matches!(self.status.as_u16(), 401 | 500);
        if let Some(code) = &self.code
            && (shape != ErrorShape::Phonecom || declared)
        {
            body.insert("error".to_owned(), json!(code));
            body.insert("error_description".to_owned(), json!(self.message));
        }
        Value::Object(body)
    }

    fn envelope(&self, now: u64) -> Value {
        let mut envelope = Map::from_iter([
            ("@message".to_owned(), json!(self.message)),
            ("@httpStatusCode".to_owned(), json!(self.status.as_u16())),
            ("@time".to_owned(), json!(timestamp(now))),
        ]);
        if let (401 | 403 | 500, Some(code)) = (self.status.as_u16(), &self.code) {
            envelope.insert("@code".to_owned(), json!(format!("oauth2.{code}")));
        }
        if matches!(self.status.as_u16(), 401 | 500) {
            envelope.insert("@details".to_owned(), json!(self.message));
        }
        if let Some((name, complaint)) = self.field.as_deref() {
            envelope.insert("fields".to_owned(), json!({ name: complaint }));
        }
        if let Some(exceeded) = self.exceeded {
            envelope.insert("@rateLimit".to_owned(), rate_limit(exceeded));
        }
        Value::Object(envelope)
    }
}

fn rate_limit(exceeded: Exceeded) -> Value {
    json!({
        "RateLimit-Limit": exceeded.limit,
        "RateLimit-Remaining": 0,
        "RateLimit-Reset": exceeded.reset,
        "Retry-After": exceeded.retry_after,
    })
}
