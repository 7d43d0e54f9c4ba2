//! Rules for the tools of an MCP server under attack: requests that try to call a tool which the app may not call.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::api_server::ApiServer;
use crate::idp::Idp;
use crate::report::Report;
use crate::world::World;

/// Name, request line, header lines, body, accepted statuses (0: the connection ends without a reply), and whether the
/// upstream may get it. The key's rules are `get_*` and `search`. `{J}` stands for the members that every request has. Line
/// feeds in header lines are sent as CR LF; a body is sent in chunks if a line says so.
type Attack = (&'static str, &'static str, &'static str, &'static str, &'static [u16], bool);

const POST: &str = "POST /proxy/work";
const JSON: &str = "Content-Type: application/json\n";
/// Told as JSON-RPC tells it.
const RPC: &[u16] = &[200];

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    // controls
    ("the control", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"get_issue","arguments":{"name":"delete","method":"x"}}}"#, &[200], true),
    ("the control with its headers", POST, "Content-Type: application/json\nMcp-Method: tools/call\nMcp-Name: search\n", r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, &[200], true),
    ("the control in chunks", POST, "Content-Type: application/json\nTransfer-Encoding: chunked\n", r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, &[200], true),
    ("the control in a batch", POST, JSON, r#"[{{J},"method":"ping"},{{J},"method":"tools/call","params":{"name":"search"}}]"#, &[200], true),
    ("an allowed name in escapes", POST, JSON, r#"{{J},"method":"tools\/call","params":{"n\u0061me":"\u0073earch"}}"#, &[200], true),
    ("what calls nothing", POST, JSON, r#"{{J},"method":"tools/list"}"#, &[200], true),
    ("a notification", POST, JSON, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, &[200], true),
    ("a reply", POST, JSON, r#"{"jsonrpc":"2.0","id":7,"result":{"method":"tools/call"}}"#, &[200], true),
    ("the stream of earlier revisions", "GET /proxy/work", "Accept: text/event-stream\n", "", &[200], true),
    ("the end of a session", "DELETE /proxy/work", "Mcp-Session-Id: s\n", "", &[200], true),
    // another tool, or what does as much
    ("another tool", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"delete"}}"#, RPC, false),
    ("another tool without an id", POST, JSON, r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"delete"}}"#, &[403], false),
    ("a tool in capitals", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"GET_issue"}}"#, RPC, false),
    ("a tool that begins alike", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"searching"}}"#, RPC, false),
    ("a tool with a space", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search "}}"#, RPC, false),
    ("a tool with a zero byte", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"get_\u0000"}}"#, RPC, false),
    ("a tool in wide letters", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"get_\uff58"}}"#, RPC, false),
    ("another tool in escapes", POST, JSON, r#"{{J},"m\u0065thod":"tools\u002fcall","params":{"name":"\u0064elete"}}"#, RPC, false),
    ("no tool", POST, JSON, r#"{{J},"method":"tools/call","params":{}}"#, RPC, false),
    ("a method in capitals", POST, JSON, r#"{{J},"method":"TOOLS/CALL","params":{"name":"search"}}"#, RPC, false),
    ("a method with a slash more", POST, JSON, r#"{{J},"method":"tools//call","params":{"name":"delete"}}"#, RPC, false),
    ("a resource", POST, JSON, r#"{{J},"method":"resources/read","params":{"uri":"file:///etc/passwd"}}"#, RPC, false),
    ("a prompt by the name of a tool", POST, JSON, r#"{{J},"method":"prompts/get","params":{"name":"search"}}"#, RPC, false),
    ("somebody else's result", POST, JSON, r#"{{J},"method":"tasks/result","params":{"taskId":"1"}}"#, RPC, false),
    ("a batch with one of them", POST, JSON, r#"[{{J},"method":"tools/call","params":{"name":"search"}},{{J},"method":"tools/call","params":{"name":"delete"}}]"#, &[403], false),
    ("a batch in a batch", POST, JSON, r#"[[{{J},"method":"tools/call","params":{"name":"delete"}}]]"#, &[400], false),
    ("an empty batch", POST, JSON, "[]", &[400], false),
    // two readers
    ("method twice", POST, JSON, r#"{{J},"method":"ping","method":"tools/call","params":{"name":"delete"}}"#, &[400], false),
    ("method twice, once in escapes", POST, JSON, r#"{{J},"method":"ping","\u006dethod":"tools/call","params":{"name":"delete"}}"#, &[400], false),
    ("method twice, once in capitals", POST, JSON, r#"{{J},"method":"ping","Method":"tools/call","params":{"name":"delete"}}"#, &[400], false),
    ("params twice", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search"},"params":{"name":"delete"}}"#, &[400], false),
    ("name twice", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search","name":"delete"}}"#, &[400], false),
    ("name twice, once with a long s", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search"},"param\u017f":{"name":"delete"}}"#, &[400], false),
    ("a name and a zero byte", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search","name\u0000":"delete"}}"#, &[400], false),
    ("params as a list", POST, JSON, r#"{{J},"method":"tools/call","params":["delete"]}"#, &[400], false),
    ("a name in a list", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":["search","delete"]}}"#, &[400], false),
    ("a request that is a reply, too", POST, JSON, r#"{{J},"result":{},"method":"tools/call","params":{"name":"search"}}"#, &[400], false),
    ("no JSON-RPC", POST, JSON, r#"{"tool":"delete"}"#, &[400], false),
    ("two bodies", POST, JSON, r#"{{J},"method":"ping"}{{J},"method":"tools/call","params":{"name":"delete"}}"#, &[400], false),
    ("a comment", POST, JSON, r#"{{J},/*"method":"ping",*/"method":"tools/call","params":{"name":"search"}}"#, &[400], false),
    ("half a body", POST, JSON, r#"{{J},"method":"tools/call","params":{"name":"search""#, &[400], false),
    ("nothing", POST, JSON, "", &[400], false),
    // headers that say something else
    ("another name in the header", POST, "Content-Type: application/json\nMcp-Name: delete\n", r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, &[400], false),
    ("another method in the header", POST, "Content-Type: application/json\nMcp-Method: tools/call\n", r#"{{J},"method":"ping"}"#, &[400], false),
    ("two names in headers", POST, "Content-Type: application/json\nMcp-Name: search\nMcp-Name: delete\n", r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, &[400], false),
    ("an encoded name in the header", POST, "Content-Type: application/json\nMcp-Name: =?base64?ZGVsZXRl?=\n", r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, &[400], false),
    ("only the header is good", POST, "Content-Type: application/json\nMcp-Method: tools/call\nMcp-Name: search\n", r#"{{J},"method":"tools/call","params":{"name":"delete"}}"#, &[400], false),
    ("a header beside a batch", POST, "Content-Type: application/json\nMcp-Method: ping\n", r#"[{{J},"method":"ping"}]"#, &[200], true),
    ("a header beside a larger batch", POST, "Content-Type: application/json\nMcp-Method: ping\n", r#"[{{J},"method":"ping"},{{J},"method":"ping"}]"#, &[400], false),
    // other encodings
    ("a compressed body", POST, "Content-Type: application/json\nContent-Encoding: gzip\n", r#"{{J},"method":"ping"}"#, &[400], false),
    ("an unknown encoding", POST, "Content-Type: application/json\nContent-Encoding: identity\n", r#"{{J},"method":"ping"}"#, &[400], false),
    ("another character set", POST, "Content-Type: application/json; charset=utf-16\n", r#"{{J},"method":"ping"}"#, &[400], false),
    ("two content types", POST, "Content-Type: application/json\nContent-Type: text/plain\n", r#"{{J},"method":"ping"}"#, &[400], false),
    ("no content type", POST, "", r#"{{J},"method":"ping"}"#, &[400], false),
    ("a form", POST, "Content-Type: application/x-www-form-urlencoded\n", "method=tools/call&name=delete", &[400], false),
    ("a byte order mark", POST, JSON, "\u{feff}{{J},\"method\":\"ping\"}", &[400], false),
    ("a body that is compressed on the way", POST, "Content-Type: application/json\nTransfer-Encoding: gzip, chunked\n", r#"{{J},"method":"tools/call","params":{"name":"delete"}}"#, &[200, 400, 0], false),
    // other requests
    ("a body of a GET", "GET /proxy/work", JSON, r#"{{J},"method":"tools/call","params":{"name":"delete"}}"#, RPC, false),
    ("a PUT", "PUT /proxy/work", JSON, r#"{{J},"method":"ping"}"#, &[403], false),
    ("another path", "POST /proxy/work/other", JSON, r#"{{J},"method":"tools/call","params":{"name":"search"}}"#, RPC, false),
    ("a GET of another path", "GET /proxy/work/secrets", "", "", &[403], false),
    ("a method that overrides", "GET /proxy/work", "X-HTTP-Method-Override: POST\n", "", &[403], false),
    ("a method that overrides by the query", "GET /proxy/work?_method=POST", "", "", &[403], false),
    ("the token itself", "GET /token", "", "", &[403], false),
];

const MEMBERS: &str = r#""jsonrpc":"2.0","id":1"#;

/// The reply, until the connection ends.
fn ask(world: &World, key: &str, (line, lines, body): (&str, &str, &[u8])) -> (u16, String) {
    let authority = world.authority();
    let mut stream = TcpStream::connect(&authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut bytes =
        format!("{line} HTTP/1.1\nHost: {authority}\nAuthorization: Bearer {key}\nConnection: close\n{lines}");
    let in_chunks = lines.contains("chunked");
    if !in_chunks && (!body.is_empty() || line.starts_with("POST")) && !lines.contains("Content-Length") {
        bytes = format!("{bytes}Content-Length: {}\n", body.len());
    }
    let mut bytes = (bytes + "\n").replace('\n', "\r\n").into_bytes();
    if in_chunks {
        let (first, second) = body.split_at(body.len() / 2);
        for part in [first, second, b""] {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
    } else {
        bytes.extend_from_slice(body);
    }
    // Refused before its end, which may break the connection.
    _ = stream.write_all(&bytes);
    let mut all = Vec::new();
    _ = stream.read_to_end(&mut all);
    let text = String::from_utf8_lossy(&all).into_owned();
    (text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0), text)
}

#[test]
fn no_request_gets_by_the_rules_for_tools() {
    let (idp, api) = (Idp::start(), ApiServer::saying("fine"));
    let world = api.world(&idp, "");
    let key = world.add_app(&["agent", "--proxy", "work", "--tool", "get_*", "--tool", "search"]);
    let token = world.token("work");
    let mut report = Report::default();
    let mut attack = |name: &str, request: (&str, &str, &[u8]), statuses: &[u16], passes: bool| {
        report.row();
        let before = api.received().len();
        let (status, reply) = ask(&world, &key, request);
        report.expect(name, statuses.contains(&status), (status, &reply));
        let received = api.received().split_off(before);
        let whole = received.len() == 1 && received[0].body == request.2 && reply.ends_with("fine");
        report.expect(name, if passes { whole } else { received.is_empty() }, &received);
        let told = passes || status != 200 || reply.contains("\"error\"") && reply.contains("\"id\":1");
        let starts_no_login = !reply.contains("www-authenticate") || !request.0.contains("/proxy/");
        report.expect(name, told && starts_no_login && !reply.contains(&token), &reply);
    };
    for (name, line, lines, body, statuses, passes) in ATTACKS {
        attack(name, (line, lines, body.replace("{J}", MEMBERS).as_bytes()), statuses, *passes);
    }
    let call = |tool: &str, arguments: &str| {
        let arguments = format!("\"name\":\"{tool}\",\"arguments\":{arguments}");
        format!("{{{MEMBERS},\"method\":\"tools/call\",\"params\":{{{arguments}}}}}")
    };
    let utf16: Vec<u8> = call("delete", "{}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    attack("UTF-16", (POST, JSON, &utf16), &[400], false);
    let marked: Vec<u8> = [&[0xff, 0xfe], &utf16[..]].concat();
    attack("UTF-16 with a mark", (POST, JSON, &marked), &[400], false);
    let latin: Vec<u8> = call("search", "\"\u{1}\"").bytes().map(|byte| if byte == 1 { 0xe4 } else { byte }).collect();
    attack("text in Latin-1", (POST, JSON, &latin), &[400], false);
    let deep = |tool: &str| call(tool, &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).into_bytes();
    attack("deep nesting", (POST, JSON, &deep("search")), &[200], true);
    attack("deep nesting before another tool", (POST, JSON, &deep("delete")), &[200, 403], false);
    attack("nesting as a body", (POST, JSON, "[".repeat(100_000).as_bytes()), &[400], false);
    let large = call("search", &format!("\"{}\"", "x".repeat(1 << 20))).into_bytes();
    attack("a body over 1 MiB", (POST, JSON, &large), &[400, 0], false);
    let chunked = format!("{JSON}Transfer-Encoding: chunked\n");
    attack("a body over 1 MiB in chunks", (POST, &chunked, &large), &[400, 0], false);
    let announced = format!("{JSON}Content-Length: 1048577\n");
    attack("a body over 1 MiB that is only announced", (POST, &announced, b""), &[400], false);
    let many = format!("[{}]", vec![format!("{{{MEMBERS},\"method\":\"ping\"}}"); 101].join(","));
    attack("an immense batch", (POST, JSON, many.as_bytes()), &[400], false);
    report.end();
}
