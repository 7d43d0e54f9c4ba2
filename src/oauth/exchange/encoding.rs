//! Encoding of request parameters: form, query, JSON and the Basic header. Buffers are allocated at their final size,
//! since a buffer that grows leaves copies of secrets behind.

use base64::Engine as _;
use serde::ser::{SerializeMap as _, Serializer as _};
use zeroize::Zeroizing;

use super::request::FormParameters;

/// How a space is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// `+`, in forms.
    Plus,
    /// `%20`, in queries: a server that reads them by RFC 3986 takes `+` literally.
    Percent,
}

/// `name=value&...`, form-encoded.
pub(super) fn pairs(parameters: &FormParameters<'_>, space: Space) -> Zeroizing<String> {
    let capacity = parameters.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    for (name, value) in parameters {
        if !text.is_empty() {
            text.push('&');
        }
        push(&mut text, name, space);
        text.push('=');
        push(&mut text, value, space);
    }
    text
}

fn push(text: &mut String, value: &str, space: Space) {
    for piece in url::form_urlencoded::byte_serialize(value.as_bytes()) {
        // A plus sign itself is already encoded as `%2B`.
        text.push_str(if piece == "+" && space == Space::Percent { "%20" } else { piece });
    }
}

/// A JSON object of texts. A repeated name (`resource`, RFC 8707 §2) gets an array.
pub(super) fn json(parameters: &FormParameters<'_>) -> Zeroizing<Vec<u8>> {
    let capacity = parameters.iter().map(|(name, value)| 6 * (name.len() + value.len()) + 6).sum::<usize>() + 4;
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    // Writing texts into memory can't fail.
    let _ = write_object(&mut body, parameters);
    body
}

fn write_object(body: &mut Vec<u8>, parameters: &FormParameters<'_>) -> serde_json::Result<()> {
    let mut serializer = serde_json::Serializer::new(body);
    let mut object = serializer.serialize_map(None)?;
    for same in parameters.chunk_by(|(one, _), (next, _)| one == next) {
        match same {
            [(name, value)] => object.serialize_entry(name, value)?,
            [(name, _), ..] => object.serialize_entry(name, &Values(same))?,
            [] => {}
        }
    }
    object.end()
}

struct Values<'a>(&'a [(&'a str, &'a str)]);

impl serde::Serialize for Values<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(_, value)| value))
    }
}

/// The value of a Basic header: id and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
pub(super) fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let mut pair = Zeroizing::new(String::with_capacity(3 * (client_id.len() + secret.len()) + 1));
    push(&mut pair, client_id, Space::Plus);
    pair.push(':');
    push(&mut pair, secret, Space::Plus);
    let mut header = Zeroizing::new(String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4));
    header.push_str("Basic ");
    base64::engine::general_purpose::STANDARD.encode_string(pair.as_bytes(), &mut header);
    header
}
