//! The event stream, as programs and `ringback events` read it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider, until};

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

    /// Opens it after the event with this id.
    fn resume(world: &World, id: &str, lines: &str) -> Self {
        Self::open(world, &format!("Last-Event-ID: {id}\r\n{lines}"))
    }

    /// The id that a stream begins with.
    fn first_id(&mut self) -> String {
        let lines = self.until(str::is_empty);
        lines.iter().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
    }

    /// The next event's name and data.
    fn next(&mut self) -> (String, Value) {
        let lines = self.until(|line| line.starts_with("data: "));
        let of = |name: &str| lines.iter().rev().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let (event, data): (_, Value) = (of("event: ").unwrap(), serde_json::from_str(&of("data: ").unwrap()).unwrap());
        if event == "missed" {
            assert_eq!(data, json!({"version": 1}), "as programs of 0.1.0 know it");
        } else {
            assert_eq!((data["version"].as_u64(), data["event"].as_str()), (Some(1), Some(&*event)));
            assert_eq!(data["id"].as_str().unwrap(), of("id: ").unwrap());
        }
        (event, data)
    }

    /// The next event has this name; returns its id.
    fn expect(&mut self, name: &str) -> String {
        let (event, data) = self.next();
        assert_eq!(event, name, "{data}");
        data["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The next event says that others are lost, and how many.
    fn expect_lagged(&mut self) -> Option<u64> {
        let (event, data) = self.next();
        assert_eq!((event.as_str(), self.next().0.as_str()), ("lagged", "missed"));
        data.get("missed").map(|missed| missed.as_u64().unwrap())
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

/// Two accounts.
fn work_and_home(idp: &Idp) -> World {
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", ""),
        account("work", "idp", ""),
        account("home", "idp", ""),
    ];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    world
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_is_told_what_is_lost() {
    let idp = Idp::start();
    let mut world = work_and_home(&idp);
    let (_, key, _) = world.cli(&["app", "add", "panel", "--account", "home"]);
    let key = format!("Authorization: Bearer {}\r\n", key.trim());
    let begun = Stream::open(&world, "").first_id();
    world.log_in("work");
    world.log_in("home");
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    let mut stream = Stream::resume(&world, &begun, "");
    let logged_in = stream.expect("logged_in");
    stream.expect("logged_in");
    let last = stream.expect("refreshed");
    assert_eq!(world.cli(&["refresh", "home"]).0, 0);
    let live = stream.expect("refreshed");
    let replayed = Stream::resume(&world, &last, "").expect("refreshed");
    assert_eq!(replayed, live, "an event that is replayed has the id that it had");

    // An app: what it may see, live or not.
    let mut stream = Stream::resume(&world, &begun, &key);
    for event in ["logged_in", "refreshed"] {
        let (name, data) = stream.next();
        assert_eq!((name.as_str(), data["account"].as_str()), (event, Some("home")));
    }

    // What is no id of this run is never taken for one.
    let number = |id: &str| id.rsplit_once('-').unwrap().1.parse::<u64>().unwrap();
    assert!(number(&begun) < number(&logged_in) && number(&logged_in) < number(&last) && number(&last) < number(&live));
    for id in [&last.replace('-', "0-"), "x", &format!("{last}\r\nLast-Event-ID: {last}")] {
        assert_eq!(Stream::resume(&world, id, "").expect_lagged(), None, "{id:?}");
    }
    world.restart();
    let mut stream = Stream::resume(&world, &logged_in, "");
    assert_eq!(stream.expect_lagged(), None);
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    let next = stream.expect("refreshed");
    assert!(number(&next) <= number(&last), "the numbers begin again, so it is the run that tells them apart");
    assert_ne!(next.rsplit_once('-').unwrap().0, last.rsplit_once('-').unwrap().0);
}

#[test]
fn more_events_than_are_kept_are_counted_for_callers_who_see_every_account() {
    let idp = Idp::start();
    let one = World::config_of(&idp, "", "", "");
    let many: String = (0..520).map(|number| account(&format!("a{number}"), "idp", "")).collect();
    let mut world = World::with_config(&format!("{one}{many}"));
    world.run();
    let (_, key, _) = world.cli(&["app", "add", "panel", "--account", "work"]);
    let begun = Stream::open(&world, "").first_id();
    world.configure(&one);
    world.signal(Signal::HUP);
    // Each account that is removed has an event.
    world.until_logged("the config was reloaded");
    let mut stream = Stream::resume(&world, &begun, "");
    assert_eq!(stream.expect_lagged(), Some(8));
    let (event, data) = stream.next();
    assert_eq!((event.as_str(), &data["reason"]), ("logged_out", &"the account was removed from the config".into()));
    let mut limited = Stream::resume(&world, &begun, &format!("Authorization: Bearer {}\r\n", key.trim()));
    assert_eq!(limited.expect_lagged(), None, "it would count the events of accounts that it may not see");
    world.log_in("work");
    limited.expect("logged_in");
}

#[test]
fn an_app_gets_events_of_its_own_accounts_only_and_none_after_its_key_is_removed() {
    let idp = Idp::start();
    let world = work_and_home(&idp);
    let (_, key, _) = world.cli(&["app", "add", "panel", "--account", "home"]);
    let mut stream = Stream::open(&world, &format!("Authorization: Bearer {}\r\n", key.trim()));
    world.log_in("work");
    world.log_in("home");
    assert_eq!(stream.next().1["account"], "home");
    assert_eq!(world.cli(&["app", "remove", "panel"]).0, 0);
    assert_eq!(world.cli(&["refresh", "home"]).0, 0);
    assert!(stream.ended());
}

/// `ringback events`. The daemon logs each request.
struct Watch {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
}

impl Watch {
    /// Begins, and returns once it listens.
    fn begin(world: &World, arguments: &[&str]) -> Self {
        let before = listeners(world);
        let mut child = world.command(&[&["events"], arguments].concat()).spawn().unwrap();
        let out = child.stdout.take().map(BufReader::new);
        until("it listens", || {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            (listeners(world) > before).then_some(())
        });
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.out.as_mut().unwrap().read_line(&mut line).unwrap() > 0, "it ended");
        line.trim_end().to_owned()
    }

    fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit code and standard error, once it has ended.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), err)
    }
}

/// How many streams of events the daemons have begun.
fn listeners(world: &World) -> usize {
    world.log().lines().filter(|line| line.contains("/v1/events") && line.contains("status=200")).count()
}

/// Two accounts, and a daemon that logs each request.
fn talkative(idp: &Idp) -> World {
    let mut world = work_and_home(idp);
    world.stop();
    world.arguments = vec!["--log".into(), "debug".into()];
    world.run();
    world
}

#[test]
fn the_command_prints_events_and_waits_for_a_daemon_that_is_started_again() {
    let idp = Idp::start();
    let mut world = talkative(&idp);
    let mut watch = Watch::begin(&world, &["--json"]);
    let mut of_home = Watch::begin(&world, &["home", "--json"]);
    world.log_in("work");
    let event = watch.json();
    assert_eq!(
        (&event["version"], &event["event"], &event["account"]),
        (&1.into(), &"logged_in".into(), &"work".into())
    );
    let before = listeners(&world);
    world.restart();
    until("both listen again", || (listeners(&world) == before + 2).then_some(()));
    let lagged = watch.json();
    assert_eq!((&lagged["version"], &lagged["event"], lagged.get("missed")), (&1.into(), &"lagged".into(), None));
    assert_ne!(
        lagged["id"].as_str().unwrap().rsplit_once('-').unwrap().0,
        event["id"].as_str().unwrap().rsplit_once('-').unwrap().0
    );
    idp.next(Act::Raw(plain(400, "application/json", r#"{"error":"invalid_grant"}"#)));
    assert_ne!(world.cli(&["refresh", "work"]).0, 0);
    let needed = watch.json();
    assert_eq!((&needed["event"], &needed["account"]), (&"login_needed".into(), &"work".into()));
    assert!(needed["reason"].as_str().unwrap().contains("invalid_grant"), "{needed}");
    world.log_in("home");
    assert_eq!(of_home.json()["event"], "lagged", "of whatever account");
    assert_eq!(of_home.json()["account"], "home", "and then its own alone");
    for (watch, signal) in [(watch, Signal::INT), (of_home, Signal::TERM)] {
        watch.signal(signal);
        let (code, err) = watch.ended();
        let told: Vec<&str> = err.lines().collect();
        assert!(
            matches!(told[..], [gone, back] if gone.contains("have ended") && back.ends_with("the daemon is back")),
            "{err}"
        );
        assert_eq!(code, Some(0));
    }
}

#[test]
fn the_command_says_what_happens_and_ends_with_its_reader() {
    let idp = Idp::start();
    let world = talkative(&idp);
    let mut watch = Watch::begin(&world, &["default"]);
    let mut unread = Watch::begin(&world, &[]);
    world.log_in("home");
    world.log_in("work");
    let line = watch.line();
    assert!(line.ends_with("Z  work is logged in"), "{line}");
    assert!(unread.line().ends_with("home is logged in"));
    for mut watch in [watch, unread] {
        // It notices without another event.
        drop(watch.out.take());
        assert_eq!(watch.ended(), (Some(0), String::new()));
    }
    let (code, out, err) = world.cli(&["events", "hom"]);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(err.contains("home"), "{err}");
    let (code, out, _) = world.cli(&["events", "hom", "--json"]);
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()["error"].as_str()), (4, Some("unknown_account")));
}

#[test]
fn the_command_ends_where_the_daemon_refuses_it_for_good() {
    let idp = Idp::start();
    let world = talkative(&idp);
    let file = world.root().join("panel.key");
    let (_, key, _) = world.cli(&["app", "add", "panel"]);
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut command = world.command(&["events"]);
    command.env("RINGBACK_URL", world.endpoint().url.unwrap()).env("RINGBACK_KEY_FILE", &file);
    let child = command.spawn().unwrap();
    until("it listens", || (listeners(&world) == 1).then_some(()));
    assert_eq!(world.cli(&["app", "remove", "panel"]).0, 0);
    // The stream ends with the next event.
    world.log_in("work");
    let (code, _, err) = crate::world::told(child.wait_with_output().unwrap());
    assert_eq!(code, 10, "{err}");
}

#[test]
fn the_number_of_streams_is_limited_and_a_closed_one_frees_its_slot() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let streams: Vec<Stream> = (0..32).map(|_| Stream::open(&world, "")).collect();
    let refused = world.get("/v1/events");
    assert!(refused.status == 400 && refused.body.contains("too many event streams"), "{refused:?}");
    drop(streams);
    until("a slot is free again", || {
        let mut stream = UnixStream::connect(world.runtime().join("ringback.sock")).unwrap();
        write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.contains("200").then_some(())
    });
}
