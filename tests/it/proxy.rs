//! The injecting proxy: what is forwarded, how it streams, and what a client is told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::json;

use crate::api_server::{ApiServer, Received, proxy_lines, with_key};
use crate::http::{Request, Wire, parse};
use crate::idp::Idp;
use crate::world::{World, until};

#[test]
fn a_request_goes_out_with_the_accounts_token_and_without_the_key() {
    let (idp, api) = (Idp::start(), ApiServer::saying("hello"));
    let world = api.world(&idp, "");
    let key = world.key();
    let plain =
        |request: Request| request.header("Cookie", "a=b").header("X-Api", "1").header("X-Forwarded-For", "1.2.3.4");
    let by_bearer = plain(Request::get("/proxy/work/a/b?x=1&x=2")).header("Authorization", &format!("Bearer {key}"));
    let by_line = plain(Request::get("/proxy/work/a/b?x=1&x=2"))
        .header("X-Ringback-Key", &key)
        .header("Authorization", "Bearer own");
    let on_socket = plain(Request::get("/proxy/default/a/b?x=1&x=2"));
    for reply in [world.ask_tcp(&by_bearer), world.ask_tcp(&by_line), world.ask(&on_socket)] {
        assert_eq!((reply.status, reply.body.as_str()), (200, "hello"), "{reply:?}");
    }
    let token = world.token("work");
    for received in api.received() {
        assert_eq!(received.line(), "GET /v4/a/b?x=1&x=2 HTTP/1.1");
        assert_eq!(received.header("host"), Some(&*format!("127.0.0.1:{}", api.port)));
        assert_eq!((received.token(), received.header("x-api")), (&*token, Some("1")));
        // Nor is anything added that the program did not say.
        for name in ["cookie", "x-ringback-key", "x-forwarded-for", "connection", "accept", "user-agent"] {
            assert_eq!(received.header(name), None, "{received:?}");
        }
        assert!(!received.head.contains(&key));
    }
    let base = world.ask_tcp(&with_key(&world, Request::get("/proxy/work")));
    assert_eq!((base.status, api.received().last().unwrap().line()), (200, "GET /v4 HTTP/1.1"));
    let posted = world.ask_tcp(&with_key(&world, Request::new("POST", "/proxy/work/x")).json("{\"a\":1}"));
    let received = api.received().pop().unwrap();
    assert_eq!((posted.status, received.body.as_slice()), (200, &b"{\"a\":1}"[..]));
    let lines = proxy_lines(&world, 10);
    let last = lines.iter().rev().find(|line| line["status"] == 200 && line["method"] == "POST").unwrap();
    assert_eq!(
        (&last["path"], &last["sent"], &last["received"], &last["app"]),
        (&json!("/x"), &json!(7), &json!(5), &json!("default"))
    );
    assert!(lines.iter().any(|line| line["result"] == "begun" && line["path"] == "/a/b"), "{lines:?}");
}

#[test]
fn a_path_that_is_no_text_leads_to_no_other_account() {
    let (idp, api) = (Idp::start(), ApiServer::start(|_, line| line.answer(200, "", "done")));
    let world = api.world(&idp, "");
    let of_home = world.add_app(&["of-home", "--account", "home"]);
    let of_work = world.add_app(&["of-work", "--proxy", "work"]);
    // `work` is the default account.
    for (key, path, status, upstream) in [
        (&of_work, "/proxy/work/caf%E9", 200, Some("GET /v4/caf%E9 HTTP/1.1")),
        (&of_work, "/proxy/w%6Frk/caf%E9", 200, Some("GET /v4/caf%E9 HTTP/1.1")),
        (&of_work, "/proxy/home/caf%E9", 403, None),
        (&of_work, "/proxy/%ff/x", 404, None),
        (&of_home, "/v1/accounts/%ff/token", 404, None),
        (&of_home, "/proxy/work/caf%E9", 403, None),
    ] {
        let before = api.received().len();
        let request = Request::get(path).header("Authorization", &format!("Bearer {key}"));
        let reply = world.ask_tcp(&request);
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        let received = api.received();
        let new: Vec<_> = received[before..].iter().map(Received::line).collect();
        assert_eq!(new, upstream.into_iter().collect::<Vec<_>>(), "{path}");
    }
}

#[test]
fn a_reply_comes_back_without_what_is_between_upstream_and_daemon() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        let token = received.token().to_owned();
        let location = format!("Location: http://{}/v4/next?a\r\n", received.header("host").unwrap());
        line.answer(
            201,
            &format!(
                "Set-Cookie: a=b\r\nX-Echo: {token}\r\nConnection: X-Hop\r\nX-Hop: 1\r\nAccess-Control-Allow-Origin: *\r\n\
                 Strict-Transport-Security: max-age=1\r\nCache-Control: max-age=5\r\nX-Request-Id: theirs\r\n\
                 Content-Type: text/x\r\nLink: <a>\r\nLink: <b>\r\n{location}"
            ),
            "made",
        )
    });
    let world = api.world(&idp, "");
    let reply = world.ask_tcp(&with_key(&world, Request::new("PUT", "/proxy/work/x").header("Content-Length", "0")));
    assert_eq!((reply.status, reply.body.as_str()), (201, "made"));
    assert_eq!(api.received()[0].header("content-length"), Some("0"));
    for (name, expected) in [
        ("content-type", Some("text/x")),
        ("cache-control", Some("max-age=5")),
        ("x-request-id", Some("theirs")),
        ("location", Some("/proxy/work/next?a")),
        ("x-content-type-options", Some("nosniff")),
        ("set-cookie", None),
        ("x-echo", None),
        ("x-hop", None),
        ("access-control-allow-origin", None),
        ("strict-transport-security", None),
    ] {
        assert_eq!(reply.header(name), expected, "{name}: {reply:?}");
    }
    assert_eq!(reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link")).count(), 2);
    assert!(reply.header("x-ringback-request").is_some());
}

/// Reads until `text` has come.
fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let (mut all, mut chunk) = (String::new(), [0; 4096]);
    while !all.contains(text) {
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0, "ended before {text:?}: {all}");
        all.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    all
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.authority()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[test]
fn events_and_uploads_are_passed_on_as_they_come() {
    let (idp, (step, steps)) = (Idp::start(), mpsc::channel::<&'static str>());
    let steps = Mutex::new(steps);
    let (saw, seen) = mpsc::channel::<String>();
    let saw = Mutex::new(saw);
    let api = ApiServer::start(move |_, line| {
        // The upload's first part, before its second was sent.
        let part = line.some_body().unwrap();
        saw.lock().unwrap().send(String::from_utf8(part).unwrap()).unwrap();
        line.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for event in steps.lock().unwrap().iter() {
            line.send(&format!("{:x}\r\n{event}\r\n", event.len()));
        }
        line.send("0\r\n\r\n")
    });
    let world = api.world(&idp, "");
    let mut client = connect(&world);
    let head = format!(
        "POST /proxy/work/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        world.authority(),
        world.key()
    );
    client.write_all(format!("{head}5\r\nfirst\r\n").as_bytes()).unwrap();
    assert!(seen.recv().unwrap().contains("first"));
    read_until(&mut client, "\r\n\r\n");
    for event in ["data: 1\n\n", ": comment\n\n", "data: 2\n\n"] {
        step.send(event).unwrap();
        read_until(&mut client, event);
    }
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
    drop(step);
    read_until(&mut client, "0\r\n\r\n");
    let lines = proxy_lines(&world, 2);
    assert_eq!((&lines[1]["status"], &lines[1]["received"]), (&json!(200), &json!(29)), "{lines:?}");
}

#[test]
fn a_client_that_hangs_up_ends_the_request_at_the_upstream() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        if received.line().contains("stream") {
            line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        }
        line.until_gone();
        false
    });
    let world = api.world(&idp, "");
    let key = world.key();
    for (number, (name, rest)) in [
        ("GET /proxy/work/silent", "\r\n"),
        ("GET /proxy/work/stream", "\r\n"),
        ("POST /proxy/work/upload", "Content-Length: 10\r\n\r\nhalf"),
        ("POST /proxy/work/stream-upload", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = connect(&world);
        let head = format!("{name} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\n{rest}", world.authority());
        client.write_all(head.as_bytes()).unwrap();
        until("the upstream has the request", || (api.received().len() > number).then_some(()));
        if name.contains("stream") {
            read_until(&mut client, "x\r\n");
        }
        drop(client);
        until("the upstream's connection has ended", || (api.ended() > number).then_some(()));
    }
    let lines = proxy_lines(&world, 8);
    let left = lines.iter().filter(|line| line["reason"].as_str().is_some_and(|why| why.contains("client left")));
    assert_eq!(left.count(), 4, "{lines:?}");
}

/// Rejects every token but those that are newer than the first.
fn rejecting_first() -> ApiServer {
    let first = Arc::new(Mutex::new(None::<String>));
    ApiServer::start(move |received, line| {
        line.body();
        let token = received.token().to_owned();
        let old = first.lock().unwrap().get_or_insert(token.clone()).clone();
        if old == token {
            line.answer(401, "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n", "old")
        } else {
            line.answer(200, "", "new")
        }
    })
}

#[test]
fn a_token_that_the_upstream_rejects_is_renewed_once_and_the_request_replayed() {
    // Of a key with rules for tools the body is read before anything is sent.
    for tool in [None, Some("get_*")] {
        renewed_and_replayed(tool);
    }
}

fn renewed_and_replayed(tool: Option<&str>) {
    // A report of a token that is younger than half of its lifetime has no effect.
    let (idp, api) = (Idp::living(8), rejecting_first());
    let world = api.world(&idp, "lazy = true");
    let key = tool.map_or(world.key(), |tool| world.add_app(&["agent", "--proxy", "work", "--tool", tool]));
    let body = "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"get_x\"}}";
    let asked = Request::new("POST", "/proxy/work").header("Authorization", &format!("Bearer {key}")).json(body);
    let reply = until("a refresh is due", || {
        let reply = world.ask_tcp(&asked);
        assert!(reply.status == 503 && reply.header("www-authenticate").is_none() || reply.status == 200, "{reply:?}");
        (reply.status == 200).then_some(reply)
    });
    assert_eq!((reply.body.as_str(), idp.refreshes()), ("new", 1));
    let received = api.received();
    let [.., rejected, replayed] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!((rejected.body.as_slice(), replayed.body.as_slice()), (body.as_bytes(), body.as_bytes()));
    assert_ne!(rejected.token(), replayed.token());
}

/// Servers check the token before they read the body. What the client sends after that is part of the replay, whether the
/// server takes it or has closed the connection.
#[test]
fn a_body_that_arrives_after_the_rejection_is_replayed() {
    for stays_open in [true, false] {
        let (idp, first) = (Idp::living(8), Mutex::new(None::<String>));
        let api = ApiServer::start(move |received, line| {
            let token = received.token().to_owned();
            if *first.lock().unwrap().get_or_insert(token.clone()) == token {
                return line.answer(401, "", "old") && stays_open;
            }
            let body = line.body();
            line.answer(200, "", &String::from_utf8(body).unwrap())
        });
        let world = api.world(&idp, "lazy = true");
        let (host, key) = (world.authority(), world.key());
        let replayed = until("a refresh is due", || {
            let (mut client, before) = (connect(&world), api.received().len());
            let head = format!(
                "POST /proxy/work HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
                 Content-Length: 5\r\n\r\nab"
            );
            client.write_all(head.as_bytes()).unwrap();
            until("the upstream has the head", || (api.received().len() > before).then_some(()));
            client.write_all(b"cde").unwrap();
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert!(reply.starts_with("HTTP/1.1 503") || reply.starts_with("HTTP/1.1 200"), "{reply}");
            reply.starts_with("HTTP/1.1 200").then_some(reply)
        });
        assert!(replayed.ends_with("\r\n\r\nabcde") && idp.refreshes() == 1, "{replayed}");
    }
}

/// The body, and what the client is told.
#[test]
fn a_request_that_stays_rejected_is_no_401_and_says_what_to_do() {
    let idp = Idp::start();
    let api = ApiServer::start(|_, line| {
        line.body();
        line.answer(401, "WWW-Authenticate: Bearer\r\n", "no")
    });
    let world = api.world(&idp, "");
    let large = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (body, rpc) in [
        (None, None),
        (Some("{\"a\":1}"), None),
        (Some("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\"}"), Some(json!(7))),
        (Some("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"x\"}"), Some(json!("a"))),
        // It was not kept, so nobody knows what it was.
        (Some(&*large), None),
    ] {
        let asked = with_key(&world, Request::new(if body.is_some() { "POST" } else { "GET" }, "/proxy/work/x"));
        let reply = world.ask_tcp(&body.map_or(asked.clone(), |body| asked.json(body)));
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.header("www-authenticate").is_none() && reply.header("retry-after").is_some(), "{reply:?}");
        let said = reply.json();
        match rpc {
            None => assert_eq!(said["error"], "upstream_failed", "{said}"),
            Some(id) => {
                assert_eq!((&said["jsonrpc"], &said["id"]), (&json!("2.0"), &id), "{said}");
                assert_eq!(said["error"]["data"]["error"], "upstream_failed", "{said}");
            }
        }
        assert!(reply.body.contains("ringback login work"), "{reply:?}");
    }
    assert_eq!(idp.refreshes(), 0, "the token is new");
}

#[test]
fn without_a_token_nothing_is_sent_and_the_client_learns_which_command_helps() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let mut world = World::with_config(&api.config(&idp, ""));
    world.run();
    let rpc =
        with_key(&world, Request::new("POST", "/proxy/work/x")).json("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x\"}");
    let plain = with_key(&world, Request::get("/proxy/work/x"));
    let told = |command: &str| {
        for (asked, is_rpc) in [(&plain, false), (&rpc, true)] {
            let reply = world.ask_tcp(asked);
            assert_eq!(reply.status, 503, "{reply:?}");
            assert!(reply.header("retry-after").is_some() && reply.header("www-authenticate").is_none(), "{reply:?}");
            assert!(reply.body.contains(command), "{reply:?}");
            assert_eq!(reply.json()["id"] == 7, is_rpc, "{reply:?}");
        }
    };
    told("ringback login work");
    world.log_in("work");
    assert_eq!(world.ask_tcp(&plain).status, 200);
    assert_eq!(world.post("/v1/lock").status, 200);
    told("ringback unlock");
    assert_eq!(api.received().len(), 1);
}

#[test]
fn an_upstream_that_is_down_silent_or_breaks_off_is_told_apart() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| match received.line() {
        target if target.contains("broken-head") => false,
        target if target.contains("broken-body") => {
            line.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            false
        }
        _ => {
            line.until_gone();
            false
        }
    });
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = api.config(&idp, "").replace("/v4\" }", "/v4\", timeout = \"1s\" }");
    let config =
        config + &crate::world::account("down", "idp", &format!("proxy = {{ upstream = \"http://{nobody}\" }}"));
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    world.log_in("down");
    for (path, status, says) in [
        ("/proxy/down/x", 502, "there is no connection"),
        ("/proxy/work/broken-head", 502, "broke before the reply"),
        ("/proxy/work/silent", 504, "has not answered for 1 s"),
    ] {
        let reply = world.ask_tcp(&with_key(&world, Request::get(path)));
        assert_eq!((reply.status, reply.code().as_str()), (status, "upstream_failed"), "{reply:?}");
        assert!(reply.body.contains(says), "{reply:?}");
    }
    let mut wire = Wire::tcp(&world.authority());
    wire.send(&with_key(&world, Request::get("/proxy/work/broken-body")).bytes(&world.authority()));
    let reply = parse(&wire.rest());
    assert_eq!((reply.status, reply.body.as_str()), (200, "half"), "cut off, as the upstream did");
    let lines = proxy_lines(&world, 8);
    assert!(lines.iter().any(|line| line["result"] == "upstream_failed" && line["status"] == 200), "{lines:?}");
}

#[test]
fn what_the_upstream_says_of_scopes_and_limits_reaches_the_client() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        line.body();
        match received.line() {
            target if target.contains("limit") => line.answer(429, "Retry-After: 7\r\n", "slow down"),
            target if target.contains("other") => line.answer(403, "WWW-Authenticate: Bearer error=\"x\"\r\n", "no"),
            _ => line.answer(403, "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"calls\"\r\n", "no"),
        }
    });
    let world = api.world(&idp, "");
    let ask = |path: &str| world.ask_tcp(&with_key(&world, Request::get(path)));
    let limited = ask("/proxy/work/limit");
    assert_eq!((limited.status, limited.header("retry-after"), limited.body.as_str()), (429, Some("7"), "slow down"));
    let other = ask("/proxy/work/other");
    assert_eq!((other.status, other.header("www-authenticate"), other.body.as_str()), (403, None, "no"));
    let scope = ask("/proxy/work/scope");
    assert_eq!((scope.status, scope.header("www-authenticate")), (403, None));
    for says in ["`calls`", "`ringback login work --more-scope`"] {
        assert!(scope.body.contains(says), "{scope:?}");
    }
    let rpc = world
        .ask_tcp(&with_key(&world, Request::new("POST", "/proxy/work/scope")).json("{\"jsonrpc\":\"2.0\",\"id\":1}"));
    assert_eq!((rpc.status, &rpc.json()["id"]), (503, &json!(1)), "a 403 would start a login of the client's own");
}

#[test]
fn streams_have_places_of_their_own_and_none_gives_way_to_a_new_connection() {
    let idp = Idp::start();
    let api = ApiServer::start(|_, line| {
        line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        line.until_gone();
        false
    });
    // Six connections over TCP.
    let config = api.config(&idp, "") + "[listen]\ntcp = [\"127.0.0.1:0\"]\nmax_connections = 8\n";
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    let streams: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut client = connect(&world);
            client.write_all(&with_key(&world, Request::get("/proxy/work/x")).bytes(&world.authority())).unwrap();
            read_until(&mut client, "x\r\n");
            client
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(world.ask_tcp(&with_key(&world, Request::get("/token"))).status, 200);
    }
    let idle: Vec<TcpStream> = (0..20).map(|_| connect(&world)).collect();
    assert_eq!(world.ask_tcp(&with_key(&world, Request::get("/token"))).status, 200);
    assert_eq!(api.ended(), 0, "every stream is open");
    drop((streams, idle));
    until("all have ended", || (api.ended() == 20).then_some(()));
}

#[test]
fn a_stop_ends_a_stream_and_the_audit_log_has_its_line() {
    let idp = Idp::start();
    let api = ApiServer::start(|_, line| {
        line.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        line.until_gone();
        false
    });
    let mut world = api.world(&idp, "");
    let mut client = connect(&world);
    client.write_all(&with_key(&world, Request::get("/proxy/work/x")).bytes(&world.authority())).unwrap();
    read_until(&mut client, "x\r\n");
    world.stop();
    assert_eq!(proxy_lines(&world, 2).len(), 2);
}
