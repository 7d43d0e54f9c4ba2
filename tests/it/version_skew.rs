//! A daemon and a command line of different versions.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::thread::spawn;

use crate::http::Request;
use crate::idp::Idp;
use crate::world::World;

const OWN: &str = env!("CARGO_PKG_VERSION");

#[test]
fn nothing_is_said_of_the_same_version() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    assert_eq!(world.ask(&Request::get("/v1/accounts")).json()["daemon_version"], OWN);
    let (code, out, said) = world.cli(&["status"]);
    assert!(code == 0 && !out.contains("command line") && said.is_empty(), "{out}{said}");
    let (_, out, _) = world.cli(&["doctor", "--offline"]);
    assert!(!out.contains("command line"), "{out}");
    assert!(!world.log().contains("and the command line"), "{}", world.log());
}

/// A daemon that answers the first request with this list of accounts, and the command line's words about it.
fn told_beside(daemon: &str, arguments: &[&str]) -> (i32, String) {
    let idp = Idp::start();
    let world = World::with_config(&World::config_of(&idp, "", "", ""));
    // The folder above the one that the daemon makes.
    let socket = world.runtime().with_file_name("other.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let body = format!(r#"{{"version":1,{daemon}"store_key":"k","accounts":[]}}"#);
    let answers = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut got = Vec::new();
        let mut byte = [0];
        while !got.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            got.push(byte[0]);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        String::from_utf8(got).unwrap()
    });
    let (code, out, _) = world.cli(&[arguments, &["--socket", socket.to_str().unwrap()]].concat());
    let asked = answers.join().unwrap();
    assert!(asked.contains(&format!("User-Agent: ringback/{OWN}\r\n")), "{asked}");
    (code, out)
}

#[test]
fn a_command_line_says_that_the_daemon_is_of_another_version() {
    for (daemon, version, fix) in [
        ("", "0.1.0", "Restart the daemon: `systemctl --user restart ringback`"),
        (r#""daemon_version":"0.1.9","#, "0.1.9", "Restart the daemon"),
        (r#""daemon_version":"999.1.0","#, "999.1.0", "`type -a ringback`"),
    ] {
        let (_, out) = told_beside(daemon, &["status"]);
        assert!(out.contains(&format!("the daemon is ringback {version}, and the command line {OWN}. ")), "{out}");
        assert!(out.contains(fix), "{out}");
        let (code, out) = told_beside(daemon, &["doctor", "--offline"]);
        assert!(out.contains(&format!("FIX   daemon: the daemon is ringback {version}")) && out.contains(fix), "{out}");
        assert_eq!(code, 1, "{out}");
    }
}

#[test]
fn an_older_command_line_is_told_by_the_daemon() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let said = format!("the daemon is ringback {OWN}, and the command line 0.1.0. Use the newer program");
    let login = |agent: &str| {
        let request = Request::new("POST", "/v1/accounts/work/login").header("User-Agent", agent);
        world.ask(&request.json(r#"{"via":"caller_browser"}"#)).json()["warning"].clone()
    };
    let own = format!("ringback/{OWN}");
    for other in [own.as_str(), "curl/8.0.0", "ringback-client/0.1.0", "ringback/x"] {
        assert!(login(other).is_null(), "{other}");
    }
    assert!(!world.log().contains("and the command line"));
    for _ in 0..3 {
        let state = world.ask(&Request::get("/v1/accounts").header("User-Agent", "ringback-client"));
        assert_eq!(state.status, 200);
    }
    assert!(login("ringback-client").as_str().is_some_and(|warning| warning.starts_with(&said)));
    world.until_logged(&said);
    assert_eq!(world.log().matches(&said).count(), 1, "{}", world.log());
}
