//! The event stream, as programs read it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use crate::idp::{Act, Idp, plain};
use crate::world::World;

/// An event stream, read line by line.
struct Stream(BufReader<UnixStream>);

impl Stream {
    /// Opens the stream with these additional header lines, and reads the reply's head.
    fn open(world: &World, lines: &str) -> Self {
        let mut stream = UnixStream::connect(world.runtime().join("ringback.sock")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").unwrap();
        let mut stream = Self(BufReader::new(stream));
        let head = stream.until(str::is_empty);
        assert!(head[0].contains("200") && head.iter().any(|line| line.contains("text/event-stream")), "{head:?}");
        stream
    }

    /// Lines up to the first that is `last`.
    fn until(&mut self, last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended after {lines:?}");
            lines.push(line.trim_end().to_owned());
            if lines.last().is_some_and(|line| last(line)) {
                return lines;
            }
        }
    }

    /// The next event's name and data.
    fn next(&mut self) -> (String, Value) {
        let lines = self.until(|line| line.starts_with("data: "));
        let of = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        (of("event: "), serde_json::from_str(&of("data: ")).unwrap())
    }

    fn ended(mut self) -> bool {
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut self.0, &mut rest).is_ok()
    }
}

#[test]
fn account_events_and_the_daemons_stop_are_streamed_live() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    let mut stream = Stream::open(&world, "");
    world.log_in("work");
    let (event, data) = stream.next();
    assert_eq!((event.as_str(), &data["account"], &data["event"]), ("logged_in", &"work".into(), &"logged_in".into()));
    assert_eq!(world.cli(&["refresh"]).0, 0);
    assert_eq!(stream.next().0, "refreshed");
    idp.next(Act::Raw(plain(400, "application/json", r#"{"error":"invalid_grant"}"#)));
    assert_ne!(world.cli(&["refresh"]).0, 0);
    assert_eq!(stream.next().0, "login_needed");
    world.log_in("work");
    assert_eq!(stream.next().0, "logged_in");
    assert_eq!(world.cli(&["logout"]).0, 0);
    assert_eq!(stream.next().0, "logged_out");
    world.stop();
    assert!(stream.ended());
}

#[test]
fn an_app_gets_events_of_its_own_accounts_only_and_none_after_its_key_is_removed() {
    let idp = Idp::start();
    let config = [
        "default_account = \"work\"\n".to_owned(),
        crate::world::provider("idp", &idp, "/token", ""),
        crate::world::account("work", "idp", ""),
        crate::world::account("home", "idp", ""),
    ];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    let (_, key, _) = world.cli(&["app", "add", "panel", "--account", "home"]);
    let mut stream = Stream::open(&world, &format!("Authorization: Bearer {}\r\n", key.trim()));
    world.log_in("work");
    world.log_in("home");
    assert_eq!(stream.next().1["account"], "home");
    assert_eq!(world.cli(&["app", "remove", "panel"]).0, 0);
    assert_eq!(world.cli(&["refresh", "home"]).0, 0);
    assert!(stream.ended());
}

#[test]
fn the_number_of_streams_is_limited_and_a_closed_one_frees_its_slot() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let streams: Vec<Stream> = (0..32).map(|_| Stream::open(&world, "")).collect();
    let refused = world.get("/v1/events");
    assert!(refused.status == 400 && refused.body.contains("too many event streams"), "{refused:?}");
    drop(streams);
    crate::world::until("a slot is free again", || {
        let mut stream = UnixStream::connect(world.runtime().join("ringback.sock")).unwrap();
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.contains("200").then_some(())
    });
}
