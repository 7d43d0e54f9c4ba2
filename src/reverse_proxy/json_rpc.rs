//! Requests in JSON-RPC 2.0 to MCP servers, as far as rules for tools need them. Whatever two readers could take differently
//! is unreadable: the server must not see another tool than the rules did.

use hyper::header::{self, HeaderMap};
use serde_json::value::RawValue;

use crate::json_members::Members;

/// The most messages of a batch.
const MOST: usize = 100;
/// Repeat the method and the name (MCP 2026-07-28).
const METHOD: &str = "mcp-method";
const NAME: &str = "mcp-name";
/// The members that matter.
const MEANT: [&str; 7] = ["jsonrpc", "method", "params", "name", "uri", "result", "error"];
/// How a header line begins that holds a name in base64. A plain name does not need it.
const ENCODED: &str = "=?base64?";

/// One message of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its method; none in a reply to the server.
    pub(crate) method: Option<String>,
    /// `name` of its parameters: of a tool or a prompt.
    pub(crate) name: Option<String>,
    /// `uri` of its parameters: of a resource.
    pub(crate) uri: Option<String>,
}

/// Why a request can't be judged; one clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// The messages of a request: one, or a batch.
pub(crate) fn messages(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Message>, Unreadable> {
    plain_json(headers)?;
    let found = in_body(body)?;
    let (method, name) = (only(headers, METHOD)?, only(headers, NAME)?);
    if agree(&found, method, name) {
        Ok(found)
    } else {
        Err(Unreadable("its header Mcp-Method or Mcp-Name says something else than its body"))
    }
}

/// Another encoding could show the server other text.
fn plain_json(headers: &HeaderMap) -> Result<(), Unreadable> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Unreadable("it has a Content-Encoding"));
    }
    let unfit = Unreadable("its Content-Type is not application/json in UTF-8");
    let kind = only(headers, header::CONTENT_TYPE.as_str()).map_err(|_| unfit)?.ok_or(unfit)?;
    let mut parts = kind.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let is_utf8 = |part: &str| ["charset=utf-8", "charset=\"utf-8\""].iter().any(|fit| part.eq_ignore_ascii_case(fit));
    if is_json && parts.all(is_utf8) { Ok(()) } else { Err(unfit) }
}

/// The value of a header line that may be there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Unreadable> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Unreadable("a header line of it is there twice, or is not ASCII")),
    }
}

/// Whether the header lines say the same as the body. Clients of revisions before 2026-07-28 send none.
fn agree(messages: &[Message], method: Option<&str>, name: Option<&str>) -> bool {
    match messages {
        [one] => {
            let is_plain = name.is_none_or(|name| !name.starts_with(ENCODED));
            is_plain
                && method.is_none_or(|method| one.method.as_deref() == Some(method))
                && name.is_none_or(|name| one.name.as_deref().or(one.uri.as_deref()) == Some(name))
        }
        _ => method.is_none() && name.is_none(),
    }
}

fn in_body(body: &[u8]) -> Result<Vec<Message>, Unreadable> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'[') {
        return Ok(vec![message(&object(body)?)?]);
    }
    let batch: Vec<Box<RawValue>> = serde_json::from_slice(body).map_err(|_| Unreadable("it is not valid JSON"))?;
    if batch.is_empty() || batch.len() > MOST {
        return Err(Unreadable("a batch has to have between 1 and 100 messages"));
    }
    batch.iter().map(|one| message(&object(one.get().as_bytes())?)).collect()
}

fn message(members: &Members) -> Result<Message, Unreadable> {
    if text(members, "jsonrpc")?.as_deref() != Some("2.0") {
        return Err(Unreadable("it is not JSON-RPC 2.0"));
    }
    let method = text(members, "method")?;
    let is_reply = members.get("result").is_some() || members.get("error").is_some();
    if method.is_some() == is_reply {
        return Err(Unreadable("it has to be either a request or a reply of JSON-RPC"));
    }
    let parameters = match members.get("params").map(RawValue::get) {
        None | Some("null") => None,
        Some(value) => Some(object(value.as_bytes())?),
    };
    let of_parameters = |name| parameters.as_ref().map_or(Ok(None), |parameters| text(parameters, name));
    let (name, uri) = (of_parameters("name")?, of_parameters("uri")?);
    if name.is_some() && uri.is_some() {
        return Err(Unreadable("its parameters have both a name and a uri"));
    }
    Ok(Message { method, name, uri })
}

fn object(text: &[u8]) -> Result<Members, Unreadable> {
    let members: Members =
        serde_json::from_slice(text).map_err(|_| Unreadable("it is not a JSON object, or has a member twice"))?;
    // Some readers take `Method` for `method`, fold letters beyond ASCII, or stop at a zero byte.
    let is_odd = |name: &str| {
        !name.bytes().all(|byte| byte.is_ascii_graphic())
            || MEANT.iter().any(|meant| name != *meant && name.eq_ignore_ascii_case(meant))
    };
    if members.0.iter().any(|(name, _)| is_odd(name)) {
        return Err(Unreadable("it has a member whose name readers could take for another"));
    }
    Ok(members)
}

fn text(members: &Members, name: &str) -> Result<Option<String>, Unreadable> {
    let Some(value) = members.get(name) else { return Ok(None) };
    serde_json::from_str(value.get()).map(Some).map_err(|_| Unreadable("a method, name or uri in it is not a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// Method and name or uri of each message.
    fn read(body: &str) -> Result<Vec<String>, &'static str> {
        let found = in_body(body.as_bytes()).map_err(|Unreadable(why)| why)?;
        let shown = |message: Message| {
            let parts = [message.method, message.name, message.uri];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        Ok(found.into_iter().map(shown).collect())
    }

    #[test]
    fn requests_replies_and_batches_are_read() {
        for (body, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, &["tools/list"][..]),
            (
                r#" {"\u006asonrpc":"2.0","method":"tools\u002fcall","params":{"name":"a","arguments":{"name":1}}}"#,
                &["tools/call a"],
            ),
            (
                r#"{"jsonrpc":"2.0","method":"resources/read","params":{"uri":"file:///x"}}"#,
                &["resources/read file:///x"],
            ),
            (r#"{"jsonrpc":"2.0","method":"ping","params":null}"#, &["ping"]),
            (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, &[""]),
            (
                r#"[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","method":"tools/call","params":{"name":"b"}}]"#,
                &["ping", "tools/call b"],
            ),
        ] {
            assert_eq!(read(body).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_unreadable() {
        let bodies = [
            "",
            "x",
            "[]",
            "7",
            r#"{"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","method":"ping"}"#,
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","method":"a"} {"jsonrpc":"2.0","method":"b"}"#,
            r#"{"jsonrpc":"2.0","method":"ping","method":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","method":"ping","m\u0065thod":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","method":"ping","Method":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","method":"ping","method\u0000":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","METHOD":"tools/call"}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","name":"b"}}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","NAME":"b"}}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"},"param\u017f":{"name":"b"}}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":["a"]}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":["a"]}}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"\ud800"}}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","uri":"b"}}"#,
            r#"{"jsonrpc":"2.0","method":1}"#,
            r#"[{"jsonrpc":"2.0","method":"ping"},7]"#,
            r#"[[{"jsonrpc":"2.0","method":"ping"}]]"#,
            "\u{feff}{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}",
            r#"{"jsonrpc":"2.0","method":"ping"/**/}"#,
            r#"{"jsonrpc":"2.0","method":"ping",}"#,
            "{'jsonrpc':'2.0','method':'ping'}",
        ];
        for body in bodies {
            assert!(read(body).is_err(), "{body}");
        }
        assert!(in_body(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}").is_err());
        assert!(in_body(b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"params\":{\"x\":\"\xff\"}}").is_err());
        assert!(read(&format!("[{}]", vec![r#"{"jsonrpc":"2.0","method":"ping"}"#; 101].join(","))).is_err());
        let deep = "[".repeat(500_000);
        assert!(read(&deep).is_err() && read(&format!("{{\"jsonrpc\":\"2.0\",\"params\":{deep}")).is_err());
    }

    #[test]
    fn only_plain_json_in_utf8_is_read() {
        let body = br#"{"jsonrpc":"2.0","method":"ping"}"#;
        for (lines, is_read) in [
            (&[("content-type", "application/json")][..], true),
            (&[("content-type", "Application/JSON; charset=UTF-8")], true),
            (&[("content-type", "application/json;charset=\"utf-8\"")], true),
            (&[], false),
            (&[("content-type", "text/plain")], false),
            (&[("content-type", "application/json, text/plain")], false),
            (&[("content-type", "application/json; charset=utf-16")], false),
            (&[("content-type", "application/json; charset=utf-8; charset=utf-7")], false),
            (&[("content-type", "application/json"), ("content-type", "application/json")], false),
            (&[("content-type", "application/json"), ("content-encoding", "gzip")], false),
            (&[("content-type", "application/json"), ("content-encoding", "identity")], false),
        ] {
            assert_eq!(messages(&headers(lines), body).is_ok(), is_read, "{lines:?}");
        }
    }

    #[test]
    fn headers_have_to_say_what_the_body_says() {
        let call = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#;
        let odd = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"=?base64?YQ==?="}}"#;
        let batch = r#"[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","method":"ping"}]"#;
        for (body, lines, is_read) in [
            (call, &[][..], true),
            (call, &[("mcp-method", "tools/call"), ("mcp-name", "a")], true),
            (call, &[("mcp-method", "tools/list")], false),
            (call, &[("mcp-name", "b")], false),
            (call, &[("mcp-name", "a"), ("mcp-name", "b")], false),
            (call, &[("mcp-name", "a"), ("mcp-name", "a")], false),
            (call, &[("mcp-name", "\u{e4}")], false),
            (call, &[("mcp-method", "Tools/Call")], false),
            (call, &[("mcp-name", "=?base64?YQ==?=")], false),
            (odd, &[("mcp-name", "=?base64?YQ==?=")], false),
            (r#"{"jsonrpc":"2.0","method":"ping"}"#, &[("mcp-name", "a")], false),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, &[("mcp-method", "ping")], false),
            (batch, &[], true),
            (batch, &[("mcp-method", "ping")], false),
        ] {
            let mut lines = lines.to_vec();
            lines.push(("content-type", "application/json"));
            assert_eq!(messages(&headers(&lines), body.as_bytes()).is_ok(), is_read, "{body} {lines:?}");
        }
    }
}
