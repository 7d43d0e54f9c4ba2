//! Socket activation: a client that connects while no daemon runs waits, and is answered.

use std::fs::Permissions;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::http::{Request, Wire};
use crate::idp::Idp;
use crate::world::{SECRET, World, account, provider};

/// Runs its arguments as systemd would: with standard input and output as sockets 3 and 4.
const PASSING: [&str; 4] = [
    "/bin/sh",
    "-c",
    r#"exec 3<&0 4<&1 </dev/null >/dev/null; export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b; exec "$@""#,
    "sh",
];

fn config(idp: &Idp, top: &str) -> String {
    [top, &provider("idp", idp, "/token", ""), &account("work", "idp", "")].join("\n")
}

fn passing(config: &str) -> World {
    let mut world = World::with_config(config);
    world.through = PASSING.map(str::to_owned).to_vec();
    world
}

fn unix(path: &Path, mode: u32) -> OwnedFd {
    let folder = path.parent().unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, Permissions::from_mode(0o700)).unwrap();
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    listener.into()
}

fn own_unix(world: &World) -> OwnedFd {
    unix(&world.runtime().join("ringback.sock"), 0o600)
}

fn tcp(address: &str) -> OwnedFd {
    TcpListener::bind(address).unwrap().into()
}

type MakeSocket = fn(&World) -> OwnedFd;

/// A connected socket, as `Accept=yes` would pass it.
fn connected() -> OwnedFd {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(listener.local_addr().unwrap()).unwrap().into()
}

/// Fetches tokens in a loop, each on its own connection; returns how many succeeded, and panics on any failure.
fn asks_until(end: &AtomicBool, connect: impl Fn() -> Wire, request: &[u8]) -> usize {
    let mut answered = 0;
    while !end.load(Ordering::Relaxed) {
        let reply = connect().ask(request);
        assert_eq!(reply.status, 200, "after {answered}: {reply:?}");
        answered += 1;
    }
    answered
}

#[test]
fn every_request_that_is_sent_while_the_daemon_restarts_is_answered() {
    let idp = Idp::start();
    let mut world = passing(&config(&idp, ""));
    world.passed = Some([tcp("127.0.0.1:0"), own_unix(&world)]);
    world.run();
    world.log_in("work");
    let (authority, key) = (world.authority(), format!("Bearer {}", world.key()));
    let over_tcp = Request::get("/v1/accounts/work/token").header("Authorization", &key).bytes(&authority);
    let over_unix = Request::get("/v1/accounts/work/token").bytes("localhost");
    let socket = world.runtime().join("ringback.sock");
    let end = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .flat_map(|_| {
                [
                    scope.spawn(|| asks_until(&end, || Wire::tcp(&authority), &over_tcp)),
                    scope.spawn(|| asks_until(&end, || Wire::unix(&socket), &over_unix)),
                ]
            })
            .collect();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(200));
            world.restart();
        }
        end.store(true, Ordering::Relaxed);
        let answered: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
        assert!(answered.iter().all(|count| *count > 10), "{answered:?}");
        println!("{} requests over 5 restarts, all answered", answered.iter().sum::<usize>());
    });
    assert_eq!(world.authority(), authority, "the announced address is unchanged");
}

#[test]
fn a_request_while_no_daemon_runs_is_answered_by_the_next_one() {
    let idp = Idp::start();
    let mut world = passing(&config(&idp, ""));
    world.passed = Some([tcp("127.0.0.1:0"), own_unix(&world)]);
    // The first connection starts the daemon.
    let mut first = world.wire();
    first.send(&Request::get("/healthz").bytes("localhost"));
    world.run();
    assert!(String::from_utf8(first.rest()).unwrap().starts_with("HTTP/1.1 200"));
    let (authority, silent) = (world.authority(), world.wire());
    world.stop();
    drop(silent);
    assert!(world.runtime().join("ringback.sock").exists(), "the service manager still listens there");
    assert!(!world.is_announced());
    let mut waiting = [world.wire(), Wire::tcp(&authority)];
    for wire in &mut waiting {
        wire.send(&Request::get("/healthz").bytes(&authority));
    }
    world.run();
    for mut wire in waiting {
        assert!(String::from_utf8(wire.rest()).unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_connection_made_just_before_a_stop_is_answered_after_it() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    let mut silent = world.wire();
    // The connection has been accepted once a later one is served.
    assert_eq!(world.get("/healthz").status, 200);
    world.signal(rustix::process::Signal::TERM);
    world.until_logged("stopping");
    silent.send(&Request::get("/healthz").bytes("localhost"));
    assert!(String::from_utf8(silent.rest()).unwrap().starts_with("HTTP/1.1 200"));
    assert!(world.ended().success());
}

#[test]
fn child_processes_get_neither_the_passed_sockets_nor_their_variables() {
    let idp = Idp::start();
    let plain = config(&idp, "");
    let command =
        r#"client_secret_command = ["sh", "-c", "{ env; readlink /proc/$$/fd/*; } > \"$HOME/seen\"; echo canary"]"#;
    let mut world = passing(&plain.replace(&format!("client_secret = \"{SECRET}\""), command));
    world.passed = Some([tcp("127.0.0.1:0"), own_unix(&world)]);
    world.run();
    world.try_log_in("work");
    let seen = std::fs::read_to_string(world.root().join("seen")).unwrap();
    assert!(seen.contains("HOME=") && seen.contains("pipe:"), "{seen}");
    assert!(!seen.contains("LISTEN_") && !seen.contains("socket:"), "{seen}");
}

#[test]
fn missing_sockets_are_bound_and_additional_ones_served_and_logged() {
    let idp = Idp::start();
    let own = crate::http::free_port();
    let mut world = passing(&config(&idp, &format!("[listen]\ntcp = [\"127.0.0.1:{own}\"]\nsocket = false")));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let passed = other.local_addr().unwrap();
    world.passed = Some([other.into(), own_unix(&world)]);
    world.run();
    assert_eq!(world.authority(), format!("127.0.0.1:{own}"), "the address from the config comes first");
    let request = |host: &str| Request::get("/healthz").bytes(host);
    assert_eq!(Wire::tcp(&world.authority()).ask(&request(&world.authority())).status, 200);
    assert_eq!(Wire::tcp(&passed.to_string()).ask(&request(&passed.to_string())).status, 200);
    assert_eq!(world.get("/healthz").status, 200);
    world.until_logged("`listen.tcp` does not name");
    world.until_logged("although `listen.socket` turns it off");
    world.stop();
    assert!(TcpStream::connect(("127.0.0.1", own)).is_err(), "the daemon closes the socket that it bound itself");
}

#[test]
fn an_unsafe_or_invalid_passed_socket_is_refused_with_the_reason() {
    let idp = Idp::start();
    let cases: [(MakeSocket, &str); 7] = [
        (|_| tcp("0.0.0.0:0"), "is not on a loopback address"),
        (|_| tcp("[::]:0"), "is not on a loopback address"),
        (|_| UdpSocket::bind("127.0.0.1:0").unwrap().into(), "passed socket 1 does not listen"),
        (|_| connected(), "does not listen"),
        (|world| std::fs::File::open(world.config_file()).unwrap().into(), "does not listen"),
        (|world| unix(&world.runtime().join("other.sock"), 0o600), "but the config says"),
        (|world| unix(&world.runtime().join("ringback.sock"), 0o666), "closed to everybody else (`SocketMode=0600`)"),
    ];
    for (first, says) in cases {
        let mut world = passing(&config(&idp, ""));
        world.passed = Some([first(&world), tcp("127.0.0.1:0")]);
        world.spawn(None);
        assert_eq!(world.ended().code(), Some(2), "{says}: {}", world.log());
        assert!(world.log().contains(says) && world.log().contains("ringback.socket"), "{}", world.log());
        assert!(!world.is_announced());
    }
}

#[test]
fn sockets_passed_to_another_process_are_left_alone() {
    let idp = Idp::start();
    let mut world = passing(&config(&idp, ""));
    world.through[2] = world.through[2].replace("LISTEN_PID=$$", "LISTEN_PID=1");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    world.passed = Some([other.into(), tcp("127.0.0.1:0")]);
    world.run();
    assert_ne!(world.authority(), address);
    assert_eq!(world.get("/healthz").status, 200);
}
