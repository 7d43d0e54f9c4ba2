//! Additional listeners (`[[listen.extra]]`): for programs in containers and sandboxes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use ringback::contract::{AccountsReply, ListenerReply};
use rustix::process::Signal;

use crate::http::{Reply, Request, Wire, free_port};
use crate::idp::Idp;
use crate::world::{World, account, mode, provider, told, until};

const WORK: &str = "/v1/accounts/work/token?wait=0";
const HOME: &str = "/v1/accounts/home/token?wait=0";

/// Two accounts, and these listeners.
fn config(idp: &Idp, extra: &str) -> String {
    let accounts = [account("work", "idp", ""), account("home", "idp", "")].concat();
    format!("[listen]\ntcp = [\"127.0.0.1:0\"]\n{extra}\n{}{accounts}", provider("idp", idp, "/token", ""))
}

fn tcp(port: u16, more: &str) -> String {
    format!("[[listen.extra]]\naddress = \"127.0.0.1:{port}\"\n{more}\n")
}

fn socket(path: &Path, more: &str) -> String {
    format!("[[listen.extra]]\nsocket = \"{}\"\napp = \"agent\"\n{more}\n", path.display())
}

fn shown(world: &World) -> Vec<ListenerReply> {
    world.get("/v1/accounts").parse::<AccountsReply>().extra_listeners
}

fn at(path: &Path, request: &Request) -> Reply {
    Wire::unix(path).ask(&request.bytes("localhost"))
}

fn reload(world: &World, config: &str) {
    world.configure(config);
    world.signal(Signal::HUP);
}

fn agent_socket(world: &World) -> PathBuf {
    world.root().join("agent/ringback.sock")
}

#[test]
fn the_socket_of_an_app_gives_the_rights_of_that_app_and_no_others() {
    let idp = Idp::start();
    let mut world = World::with_config("");
    let path = agent_socket(&world);
    world.configure(&config(&idp, &socket(&path, "")));
    world.run();
    world.log_in("work");
    world.log_in("home");
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

    let early = at(&path, &Request::get(WORK));
    assert!(early.status == 401 && early.body.contains("[[listen.extra]]"), "{early:?}");
    let [listener] = &shown(&world)[..] else { panic!("one listener") };
    assert!(listener.open && listener.problem.as_ref().is_some_and(|problem| problem.contains("app add agent")));
    let (_, said, _) = world.cli(&["status"]);
    assert!(said.contains("ringback.sock (app `agent`): serves nobody"), "{said}");
    let (_, said, _) = world.cli(&["doctor", "--offline"]);
    assert!(said.contains("ringback.sock: it serves nobody"), "{said}");

    world.add_app(&["agent", "--account", "work"]);
    assert_eq!(at(&path, &Request::get(WORK)).json()["access_token"], world.token("work"));
    let owner = format!("Bearer {}", world.key());
    for (request, status) in [
        (Request::get(HOME), 403),
        (Request::get("/v1/accounts"), 200),
        // What else is shown gives neither more nor less.
        (Request::get(HOME).header("Authorization", &owner), 403),
        (Request::get(WORK).header("Authorization", "Bearer wrong"), 200),
        (Request::new("POST", "/v1/accounts/work/refresh"), 403),
        (Request::get("/v1/apps"), 404),
        (Request::get("/"), 404),
    ] {
        let reply = at(&path, &request);
        assert_eq!(reply.status, status, "{request:?} {reply:?}");
    }
    let seen: AccountsReply = at(&path, &Request::get("/v1/accounts")).parse();
    assert!(seen.accounts.len() == 1 && seen.extra_listeners.is_empty(), "{seen:?}");
    let mut command = world.command(&["token", "work"]);
    let (code, out, said) = told(command.env("RINGBACK_SOCKET", &path).output().unwrap());
    assert_eq!((code, out.trim()), (0, world.token("work").as_str()), "{said}");
    let (_, log, _) = world.cli(&["audit"]);
    assert!(log.contains("agent"), "{log}");
    assert_eq!(shown(&world)[0].problem, None);

    world.cli(&["app", "remove", "agent"]);
    assert_eq!(at(&path, &Request::get(WORK)).status, 401);
    world.stop();
    assert!(!path.exists());
}

#[test]
fn a_socket_that_was_removed_is_created_again_with_its_mode() {
    let idp = Idp::start();
    let mut world = World::with_config("");
    let path = agent_socket(&world);
    world.configure(&config(&idp, &socket(&path, "mode = \"0666\"")));
    world.run();
    world.add_app(&["agent", "--all-accounts"]);
    std::fs::remove_file(&path).unwrap();
    until("the socket is there again", || path.exists().then_some(()));
    until("it has its mode", || (mode(&path) == 0o666).then_some(()));
    assert_eq!(at(&path, &Request::get("/v1/accounts")).status, 200);
}

#[test]
fn a_folder_that_others_can_write_to_has_no_socket() {
    let idp = Idp::start();
    let mut world = World::with_config("");
    let path = agent_socket(&world);
    let folder = path.parent().unwrap();
    std::fs::create_dir(folder).unwrap();
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    world.configure(&config(&idp, &socket(&path, "")));
    world.run();
    let [listener] = &shown(&world)[..] else { panic!("one listener") };
    assert!(!listener.open && listener.problem.as_ref().is_some_and(|why| why.contains("chmod go-w")), "{listener:?}");
    assert!(!path.exists());
}

#[test]
fn a_listener_opens_once_its_port_is_free_and_follows_the_config() {
    let idp = Idp::start();
    let (port, other) = (free_port(), free_port());
    let squatter = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut world = World::with_config(&config(&idp, &tcp(port, "hosts = [\"gw\"]")));
    world.run();
    world.log_in("work");
    world.until_logged("an additional listener is not open");
    let [listener] = &shown(&world)[..] else { panic!("one listener") };
    let problem = listener.problem.clone().unwrap_or_default();
    assert!(!listener.open && problem.contains("another program has the port"), "{listener:?}");
    let (_, said, _) = world.cli(&["status"]);
    assert!(said.contains(&format!("Listener 127.0.0.1:{port}: is not open: another program")), "{said}");
    drop(squatter);
    until("it is open", || shown(&world)[0].open.then_some(()));

    let authority = format!("127.0.0.1:{port}");
    let key = format!("Bearer {}", world.key());
    let ask = |authority: &str, host: &str| {
        let request = Request::get(WORK).header("Host", host).header("Authorization", &key);
        Wire::tcp(authority).ask(&request.bytes(host)).status
    };
    for (host, status) in [(authority.clone(), 200), (format!("gw:{port}"), 200), (format!("localhost:{port}"), 403)] {
        assert_eq!(ask(&authority, &host), status, "{host}");
    }
    assert!(!world.endpoint().url.unwrap().ends_with(&authority), "local programs are not led there");

    // A connection does not outlive its listener.
    let mut open = TcpStream::connect(&authority).unwrap();
    open.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    write!(open, "GET /v1/events HTTP/1.1\r\nHost: {authority}\r\nAuthorization: {key}\r\n\r\n").unwrap();
    open.read_exact(&mut [0]).unwrap();
    reload(&world, &config(&idp, &tcp(other, "")));
    world.until_logged("an additional listener is closed");
    let ended = open.read_to_end(&mut Vec::new());
    assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "it is still open");
    assert!(TcpStream::connect(&authority).is_err());
    let authority = format!("127.0.0.1:{other}");
    until("the other one is open", || TcpStream::connect(&authority).ok());
    assert_eq!(ask(&authority, &authority), 200);

    // The same address, with another name.
    reload(&world, &config(&idp, &tcp(other, "hosts = [\"elsewhere\"]")));
    let opened = format!("an additional listener is open at={authority}");
    until("it is open again", || (world.log().matches(&opened).count() == 2).then_some(()));
    assert_eq!(ask(&authority, &format!("elsewhere:{other}")), 200);
    assert!(!world.log().contains("restart"), "a reload is enough");
    reload(&world, &config(&idp, ""));
    until("there is none", || shown(&world).is_empty().then_some(()));
}
