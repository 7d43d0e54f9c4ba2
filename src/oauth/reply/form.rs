//! Form-encoded token replies (`access_token=...&refresh_token=...`): GitHub's default, and servers older than RFC
//! 6749.

use serde_json::Value;

use super::members::Members;

/// The members by which a text with `=` is recognized as a reply.
const TELLING: [&str; 3] = ["access_token", "refresh_token", "error"];

/// The members of a form. `None` if the body is not a form.
pub(super) fn read(body: &[u8]) -> Option<Members> {
    let is_other = body.first().is_none_or(|first| matches!(first, b'{' | b'[' | b'<' | b'"'));
    // A form is one line of ASCII, whatever its content type says.
    if is_other || !body.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut members = Members::default();
    let mut is_reply = false;
    for (name, value) in url::form_urlencoded::parse(body) {
        is_reply |= TELLING.contains(&name.as_ref()) && !value.is_empty();
        members.put(name.into_owned(), Value::String(value.into_owned()));
    }
    is_reply.then_some(members)
}

/// The same for a form that was cut off: its last member may be incomplete, and is dropped.
pub(super) fn read_cut(body: &[u8]) -> Option<Members> {
    let last = body.iter().rposition(|byte| *byte == b'&')?;
    read(body.get(..last)?)
}
