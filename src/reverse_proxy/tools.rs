//! Which tools of an MCP server an app may call.

use std::fmt;

use hyper::header::HeaderMap;
use serde::{Deserialize, Serialize};

use super::glob::fits_segment;
use super::json_rpc::{self, Message, Unreadable};

/// The longest pattern, in bytes: also that of a tool's name (MCP 2025-11-25, "Tool Names").
const LONGEST: usize = 128;

/// What clients send before they know a tool, and beside calls of tools: it does nothing and reads nothing but lists. With
/// a rule for tools only this passes, and the calls that the rules allow. Not among it: `prompts/get`, `resources/read`,
/// subscriptions to one resource, `completion/complete` and `tasks/*`, which read what a tool could.
const LISTS_AND_LIFECYCLE: [&str; 9] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "logging/setLevel",
    "subscriptions/listen",
];
const CALL: &str = "tools/call";
const NOTIFICATIONS: &str = "notifications/";

/// A pattern of a tool's name: `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ToolGlob(String);

impl fmt::Display for ToolGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ToolGlob> for String {
    fn from(glob: ToolGlob) -> Self {
        glob.0
    }
}

impl TryFrom<String> for ToolGlob {
    type Error = String;

    /// The error says what is expected.
    fn try_from(text: String) -> Result<Self, String> {
        if is_plain(&text) {
            Ok(Self(text))
        } else {
            Err(format!("a tool is 1 to {LONGEST} visible ASCII characters without `'`"))
        }
    }
}

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It can't be judged: what is wrong with it.
    Unreadable(String),
    /// No rule allows it: which one would.
    Beyond(String),
}

/// Whether `globs` allow every message of a request.
pub fn judge(globs: &[ToolGlob], headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let unreadable = |Unreadable(why)| {
        Refused::Unreadable(format!("this app has rules for tools, by which this request can't be judged: {why}"))
    };
    let messages = json_rpc::messages(headers, body).map_err(unreadable)?;
    messages.iter().try_for_each(|message| allow(globs, message)).map_err(Refused::Beyond)
}

fn allow(globs: &[ToolGlob], message: &Message) -> Result<(), String> {
    match (message.method.as_deref(), message.name.as_deref()) {
        // A reply to a question of the server.
        (None, _) => Ok(()),
        (Some(CALL), Some(name)) if !is_plain(name) => {
            Err("the name of the tool is one that no rule of `ringback app add` can have".into())
        }
        (Some(CALL), Some(name)) if globs.iter().any(|glob| fits_segment(&glob.0, name)) => Ok(()),
        (Some(CALL), Some(name)) => {
            Err(format!("no rule of this app allows the tool {name}; `--tool '{name}'` of `ringback app add` would"))
        }
        (Some(CALL), None) => Err("this app has rules for tools, and the call names no tool".into()),
        (Some(method), _) if LISTS_AND_LIFECYCLE.contains(&method) || method.starts_with(NOTIFICATIONS) => Ok(()),
        (Some(method), _) => {
            let shown: String = method.chars().filter(char::is_ascii_graphic).take(LONGEST).collect();
            Err(format!("this app has rules for tools, and may not use {shown}; an app without `--tool` may"))
        }
    }
}

/// Whether the name of a tool means the same to every reader, and can stand in a command.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'\'';
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tools_of_a_rule_are_called() {
        let globs: Vec<ToolGlob> = ["get_*", "search"].map(|text| text.to_owned().try_into().unwrap()).into();
        let headers = HeaderMap::from_iter([(hyper::header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        let call = |name: &str| format!(r#""method":"tools/call","params":{{"name":"{name}"}}"#);
        for (body, would) in [
            (call("get_issue"), None),
            (call("search"), None),
            (call("Search"), Some("`--tool 'Search'`")),
            (call("delete_issue"), Some("`--tool 'delete_issue'`")),
            (call("get_\u{131}ssue"), Some("no rule of `ringback app add` can have")),
            (call("get_\\u0000"), Some("no rule of `ringback app add` can have")),
            (call("get_'"), Some("no rule of `ringback app add` can have")),
            (call(&"get_".repeat(33)), Some("no rule of `ringback app add` can have")),
            (call(""), Some("no rule of `ringback app add` can have")),
            (r#""method":"tools/call","params":{}"#.into(), Some("names no tool")),
            (r#""method":"tools/call","params":{"uri":"search"}"#.into(), Some("names no tool")),
            (r#""method":"Tools/Call","params":{"name":"search"}"#.into(), Some("may not use Tools/Call")),
            (r#""method":"tools/list"}"#.trim_end_matches('}').into(), None),
            (r#""method":"notifications/initialized""#.into(), None),
            (r#""method":"resources/read","params":{"uri":"x"}"#.into(), Some("may not use resources/read")),
            (r#""method":"prompts/get","params":{"name":"search"}"#.into(), Some("may not use prompts/get")),
            (r#""method":"tasks/result","params":{"taskId":"7"}"#.into(), Some("may not use tasks/result")),
            (r#""method":"tools/list\u0000x""#.into(), Some("may not use tools/listx")),
            (r#""id":1,"result":{}"#.into(), None),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0",{body}}}"#);
            match (judge(&globs, &headers, text.as_bytes()), would) {
                (Ok(()), None) => {}
                (Err(Refused::Beyond(said)), Some(would)) => assert!(said.contains(would), "{said}"),
                (got, _) => panic!("{body}: {got:?}"),
            }
        }
        let batch = format!(r#"[{{"jsonrpc":"2.0",{}}},{{"jsonrpc":"2.0",{}}}]"#, call("search"), call("drop"));
        assert!(
            matches!(judge(&globs, &headers, batch.as_bytes()), Err(Refused::Beyond(said)) if said.contains("drop"))
        );
        assert!(matches!(judge(&globs, &headers, b"{"), Err(Refused::Unreadable(_))));
    }

    #[test]
    fn a_pattern_is_one_that_can_stand_in_a_command() {
        for (text, fits) in
            [("*", true), ("a.b/c-d_e", true), ("", false), ("a b", false), ("a'b", false), ("\u{e4}", false)]
        {
            assert_eq!(ToolGlob::try_from(text.to_owned()).is_ok(), fits, "{text}");
        }
        assert!(ToolGlob::try_from("a".repeat(LONGEST + 1)).is_err());
    }
}
