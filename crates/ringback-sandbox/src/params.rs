//! Parameters as they arrive: in a query, a form or a JSON object.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;

use crate::refusal::Refusal;

/// Names and values, each name once. No `Debug`: it would print secrets.
#[derive(Clone, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads `application/x-www-form-urlencoded`, the encoding of a query too. The error names a repeated parameter
    /// (RFC 6749 §3.1 forbids it).
    pub(crate) fn from_form(text: &[u8]) -> Result<Self, String> {
        let mut params = Self::default();
        for (name, value) in url::form_urlencoded::parse(text) {
            if params.0.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(name.into_owned());
            }
        }
        Ok(params)
    }

    /// Reads a JSON object of strings and nulls; a null counts as absent, like the specification's nullable members.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
            return Err(
                Refusal::new(StatusCode::BAD_REQUEST, "The body is not a JSON object").with_code("invalid_request")
            );
        };
        let mut params = Self::default();
        for (name, value) in members {
            match value {
                Value::Null => {}
                Value::String(text) => {
                    params.0.insert(name, text);
                }
                _ => return Err(Refusal::field(&name, "must be a string")),
            }
        }
        Ok(params)
    }

    /// Adds the parameters of `others` that are missing here.
    pub(crate) fn or(mut self, others: Self) -> Self {
        for (name, value) in others.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// The value; an empty one counts as absent (RFC 6749 §3.1).
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value, or a 422 that names the parameter.
    pub(crate) fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::field(name, "is required"))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Reads a token request: its JSON body, and the same fields "in query string format" (2017).
/// A form body is not documented, so it is read only where `form` says so.
pub(crate) fn token_request(
    content_type: Option<&str>,
    query: &str,
    body: &[u8],
    form: FormBody,
) -> Result<Params, Refusal> {
    let query =
        Params::from_form(query.as_bytes()).map_err(|name| Refusal::field(&name, "comes twice in the query"))?;
    if body.is_empty() {
        return Ok(query);
    }
    let essence = content_type.and_then(|text| text.split(';').next()).map(|text| text.trim().to_ascii_lowercase());
    let fields = match (essence.as_deref(), form) {
        (Some("application/json"), _) => Params::from_json(body)?,
        (Some("application/x-www-form-urlencoded"), FormBody::Read) => {
            Params::from_form(body).map_err(|name| Refusal::field(&name, "comes twice in the body"))?
        }
        _ => {
            return Err(Refusal::field("Content-Type", "must be application/json, the only type that is documented"));
        }
    };
    Ok(fields.or(query))
}

/// Whether form bodies are read (`--accept-form`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormBody {
    Read,
    Refused,
}
