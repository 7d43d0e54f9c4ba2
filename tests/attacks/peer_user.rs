//! Another user of the machine who has obtained a secret: a one-time URL from `/proc`, a cookie that the browser sent
//! to their port, a callback, a key. The kernel tells which user a connection belongs to, so none of them helps.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use ringback::contract::{AccountState, LoginStatus};
use url::{Position, Url};

use crate::http::{Browser, Reply, Request, parse};
use crate::idp::Idp;
use crate::other_users::{OTHER_UID, can_switch, shared_temp_folder};
use crate::report::Report;
use crate::sessions::{Session, ticket};
use crate::world::{World, account, provider, until};

/// Sends its standard input to `HOST PORT`, connecting as the third argument says (see [`WAYS`]), and prints the
/// reply.
const CLIENT: &str = r"
import socket, sys
host, port, way = sys.argv[1:]
request = sys.stdin.buffer.read()
if way == 'mapped':
    s = socket.socket(socket.AF_INET6); s.connect(('::ffff:' + host, int(port)))
else:
    s = socket.create_connection((host, int(port)))
s.sendall(request)
if way == 'shut':
    s.shutdown(socket.SHUT_WR)
if way == 'close':
    s.close(); sys.exit()
s.settimeout(20)
while True:
    part = s.recv(65536)
    if not part: break
    sys.stdout.buffer.write(part)
";

/// Sends a request as user `uid` with [`CLIENT`]; `None` without a complete reply.
fn ask_as(uid: u32, authority: &str, way: &str, request: &[u8]) -> Option<Reply> {
    let (host, port) = authority.rsplit_once(':').unwrap();
    let host = host.trim_matches(['[', ']']);
    let mut client = Command::new("python3");
    client.args(["-c", CLIENT, host, port, way]).uid(uid).gid(uid).current_dir("/");
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    client.stdin.take().unwrap().write_all(request).unwrap();
    let answer = client.wait_with_output().unwrap().stdout;
    answer.windows(4).any(|end| end == b"\r\n\r\n").then(|| parse(&answer))
}

/// Everything that another user may have obtained, and two logins whose callbacks are ready: on the daemon's own port
/// and on a separate one.
struct Stage {
    idp: Idp,
    world: World,
    session: Session,
    /// Valid and unused.
    ticket: String,
    start: Url,
    answer: Url,
    cookie: String,
    own_port: Url,
    own_port_cookie: String,
    logins: [String; 2],
}

impl Stage {
    fn set(listen: &str, through: &[&str]) -> Self {
        let idp = Idp::start();
        let port = crate::http::free_port();
        let own = format!("redirect_uri = \"http://127.0.0.1:{port}/cb\"");
        let config = [
            "default_account = \"work\"\n".to_owned(),
            format!("[listen]\n{listen}\n"),
            provider("idp", &idp, "/token", ""),
            account("work", "idp", ""),
            account("home", "idp", ""),
            account("own", "idp", &own),
            account("spare", "idp", ""),
        ];
        let mut world = World::with_config_in(&shared_temp_folder(), &config.concat());
        world.through = through.iter().map(|word| (*word).to_owned()).collect();
        world.run();
        world.log_in("work");
        let begin = |account: &str| {
            let started = world.start_login(account, "caller_browser");
            let mut browser = Browser::default();
            let stop = |url: &Url| url.path().starts_with("/callback") || url.path() == "/cb";
            let (answer, _) = browser.go_until(started.start_url.as_deref().unwrap(), stop);
            let (.., name, value) = browser.cookies.first().unwrap();
            (answer, format!("{name}={value}"), started.login_id)
        };
        let ((answer, cookie, first), (own_port, own_port_cookie, second)) = (begin("home"), begin("own"));
        let start = world.start_login("spare", "caller_browser").start_url.unwrap().parse().unwrap();
        let (session, ticket) = (Session::begin(&world), ticket(&world));
        let logins = [first, second];
        Self { idp, world, session, ticket, start, answer, cookie, own_port, own_port_cookie, logins }
    }

    /// A request to the daemon's own port, or to the port of `url`.
    fn request(&self, request: &Request, url: Option<&Url>) -> (String, Vec<u8>) {
        let authority =
            url.map_or_else(|| self.world.authority(), |url| url[Position::BeforeHost..Position::AfterPort].to_owned());
        let bytes = request.bytes(&authority);
        (authority, bytes)
    }

    fn form(&self, path: &str, fields: &str) -> Request {
        let origin = format!("http://{}", self.world.authority());
        let mut form = Request::new("POST", path).header("Cookie", &self.session.cookie).header("Origin", &origin);
        form.body = Some(format!("form_token={}&{fields}", self.session.form_token));
        form.header("Content-Type", "application/x-www-form-urlencoded")
    }

    fn with_key(&self, request: Request) -> Request {
        request.header("Authorization", &format!("Bearer {}", self.world.key()))
    }

    /// The state that other users must not change.
    fn seen(&self) -> String {
        let states = ["work", "home", "own", "spare"].map(|name| self.world.account(name).state);
        let logins = self.logins.each_ref().map(|id| self.world.login_status(id));
        let page = self.world.ask_tcp(&Request::get("/").header("Cookie", &self.session.cookie)).status;
        format!("{states:?} {logins:?} {page} {} {}", self.world.account("work").generation, self.idp.seen().len())
    }
}

fn path_of(url: &Url) -> &str {
    &url[Position::BeforePath..Position::AfterQuery]
}

/// Name, and the request with its address.
type Attack = (&'static str, fn(&Stage) -> (String, Vec<u8>));

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("the status page's one-time URL", |s| s.request(&Request::get(&format!("/open/{}", s.ticket)), None)),
    ("a login's one-time URL", |s| s.request(&Request::get(path_of(&s.start)), None)),
    ("the session's cookie", |s| s.request(&Request::get("/").header("Cookie", &s.session.cookie), None)),
    ("the session's form: log out", |s| s.request(&s.form("/do/logout", "account=work&sure=yes"), None)),
    ("the session's form: remove an app", |s| s.request(&s.form("/do/app-remove", "app=default&sure=yes"), None)),
    ("the session's form: log in", |s| s.request(&s.form("/do/login", "account=spare"), None)),
    ("the session's form: end it", |s| s.request(&s.form("/do/end", ""), None)),
    ("the callback of a login with its cookie", |s| s.request(&Request::get(path_of(&s.answer)).header("Cookie", &s.cookie), None)),
    ("a callback with the attacker's code", |s| { let mut url = s.answer.clone(); let state = url.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned(); url.query_pairs_mut().clear().append_pair("code", "stolen").append_pair("state", &state); s.request(&Request::get(path_of(&url)).header("Cookie", &s.cookie), None) }),
    ("the callback on its own port", |s| s.request(&Request::get(path_of(&s.own_port)).header("Cookie", &s.own_port_cookie), Some(&s.own_port))),
    ("the outcome of a login", |s| s.request(&Request::get(&format!("/login/outcome/{}", s.logins[0])), None)),
    ("a page on the callback listener", |s| s.request(&Request::get("/static/style.css"), Some(&s.own_port))),
    ("a posted callback", |s| { let origin = format!("http://{}", s.world.authority()); s.request(&Request::new("POST", s.answer.path()).header("Origin", &origin).header("Content-Type", "application/x-www-form-urlencoded"), None) }),
    ("a token with the key", |s| s.request(&s.with_key(Request::get("/token")), None)),
    ("a logout with the key", |s| s.request(&s.with_key(Request::new("DELETE", "/v1/accounts/work/token")), None)),
    ("the accounts with the key", |s| s.request(&s.with_key(Request::get("/v1/accounts")), None)),
    ("events with the key", |s| s.request(&s.with_key(Request::get("/v1/events")), None)),
    ("a token without a key", |s| s.request(&Request::get("/token"), None)),
    ("the health check", |s| s.request(&Request::get("/healthz"), None)),
    ("an unknown path", |s| s.request(&Request::get("/nothing"), None)),
];

/// Ways to connect: plainly, and in ways that hide the peer's user.
const WAYS: [&str; 4] = ["plain", "mapped", "shut", "close"];

#[test]
fn stolen_urls_cookies_and_keys_do_not_work_for_another_user() {
    if !can_switch() {
        return;
    }
    let stage = Stage::set("tcp = [\"127.0.0.1:0\"]", &[]);
    let before = stage.seen();
    let mut report = Report::default();
    for (name, attack) in ATTACKS {
        for way in WAYS {
            report.row();
            let (authority, request) = attack(&stage);
            if let Some(reply) = ask_as(OTHER_UID, &authority, way, &request) {
                let what = format!("{name}, {way}");
                report.expect(&what, reply.status == 403, &reply);
                let told =
                    reply.body.contains("user 65534") || (way == "shut" && reply.body.contains("closed, or shut"));
                report.expect(&what, told && reply.header("connection") == Some("close"), &reply);
                report.expect(
                    &what,
                    reply.header("set-cookie").is_none() && reply.header("location").is_none(),
                    &reply,
                );
            } else {
                report.expect(name, way == "close" || way == "shut", way);
            }
        }
        report.expect(name, stage.seen() == before, stage.seen());
    }
    report.end();
    // The controls: each secret works once for its owner.
    for (name, attack) in &ATTACKS[..3] {
        let (authority, request) = attack(&stage);
        let reply = ask_as(0, &authority, "mapped", &request).unwrap();
        assert!([200, 303].contains(&reply.status), "{name}: {reply:?}");
    }
    for (login, attack) in stage.logins.iter().zip([&ATTACKS[7], &ATTACKS[9]]) {
        let (authority, request) = attack.1(&stage);
        assert_eq!(ask_as(0, &authority, "plain", &request).unwrap().status, 303, "{}", attack.0);
        assert_eq!(stage.world.login_end(login).status, LoginStatus::Succeeded, "{}", attack.0);
    }
    let lines = std::fs::read_to_string(stage.world.state().join("audit-denied.jsonl")).unwrap();
    assert!(lines.contains("a connection of another user") && lines.contains("\"uid\":65534"), "{lines}");
}

#[test]
fn with_other_users_a_key_works_for_the_api_and_browser_routes_stay_closed() {
    if !can_switch() {
        return;
    }
    let stage = Stage::set("tcp = [\"127.0.0.1:0\", \"[::1]:0\"]\nother_users = true", &[]);
    let open = ["a token with the key", "the accounts with the key", "the health check"];
    let (mut report, before) = (Report::default(), stage.seen());
    for (name, attack) in
        ATTACKS.iter().filter(|(name, _)| !["a logout with the key", "events with the key"].contains(name))
    {
        report.row();
        let (authority, request) = attack(&stage);
        let reply = ask_as(OTHER_UID, &authority, "plain", &request).unwrap();
        let expected = match *name {
            name if open.contains(&name) => 200,
            "a token without a key" => 401,
            _ => 403,
        };
        report.expect(name, reply.status == expected, &reply);
        report.expect(name, stage.seen() == before, stage.seen());
    }
    report.end();
}

/// A daemon that does not run as root: under its own uid, and in a user namespace that maps no other user, as with
/// `PrivateUsers=yes`.
#[test]
fn an_unprivileged_daemon_serves_its_user_and_root_and_in_a_namespace_only_its_user() {
    const OWNER: u32 = 4711;
    if !can_switch() {
        return;
    }
    let as_owner = ["setpriv", "--reuid=4711", "--regid=4711", "--clear-groups", "--"];
    let namespace = ["unshare", "--user", "--map-current-user", "--"];
    let plain = as_owner.to_vec();
    let confined = [&as_owner[..], &namespace[..]].concat();
    for (what, through, root_is_known) in [("plain", plain, true), ("in a user namespace", confined, false)] {
        let works = Command::new(through[0]).args(&through[1..]).arg("true").status().unwrap().success();
        if !works {
            assert!(!root_is_known, "setpriv");
            println!("skipped: no user namespaces here");
            continue;
        }
        let idp = Idp::start();
        let config = World::config_of(&idp, "[listen]\ntcp = [\"127.0.0.1:0\", \"[::1]:0\"]\n", "", "");
        let mut world = World::with_config_in(&shared_temp_folder(), &config);
        let given = Command::new("chown").args(["-R", "4711:4711"]).arg(world.root()).status().unwrap();
        assert!(given.success());
        world.through = through.iter().map(|word| (*word).to_owned()).collect();
        world.run();
        let authority = world.authority();
        let request = Request::get("/token").header("Authorization", &format!("Bearer {}", world.key()));
        let status = |uid: u32, way: &str| ask_as(uid, &authority, way, &request.bytes(&authority)).unwrap().status;
        // Without a login, a permitted request gets 428.
        for way in ["plain", "mapped"] {
            assert_eq!(status(OWNER, way), 428, "{what}: its own user");
            assert_eq!(status(0, way), if root_is_known { 428 } else { 403 }, "{what}: root");
            assert_eq!(status(OTHER_UID, way), 403, "{what}: nobody");
            assert_eq!(status(4712, way), 403, "{what}: a third user");
        }
        assert!(!world.log().contains("does not tell which user"));
        world.stop();
    }
}

/// The race for `ringback open`: another user reads the URL from `/proc` and is faster than the browser.
#[test]
fn another_user_who_reads_the_launchers_arguments_gets_nothing() {
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let world = World::start(&idp);
    let folder = tempfile::Builder::new().prefix("ringback-spy-").tempdir_in(shared_temp_folder()).unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let (launcher, spied) = (folder.path().join("xdg-open"), folder.path().join("spied"));
    // A slow browser: it waits until the attacker is done.
    let script =
        format!("#!/bin/sh\nuntil [ -e {0} ]; do sleep 0.05; done\nprintf %s \"$1\" >{0}.url\n", spied.display());
    std::fs::write(&launcher, script).unwrap();
    std::fs::set_permissions(&launcher, PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    for (command, wanted) in [(&["open"][..], "/open/"), (&["login", "--timeout", "30"], "/login/start/")] {
        let _ = std::fs::remove_file(&spied);
        let _ = std::fs::remove_file(folder.path().join("spied.url"));
        let mut ours = world.command(command);
        ours.env("PATH", &path).env("DISPLAY", ":7").env("BROWSER", "/bin/false");
        let mut ours = ours.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let url = until("the other user sees the URL", || seen_in_proc(wanted));
        let url: Url = url.parse().unwrap();
        let request = Request::get(path_of(&url)).bytes(&world.authority());
        let reply = ask_as(OTHER_UID, &world.authority(), "plain", &request).unwrap();
        assert!(reply.status == 403 && reply.header("set-cookie").is_none(), "{reply:?}");
        std::fs::write(&spied, "").unwrap();
        let given = until("the browser is there", || {
            std::fs::read_to_string(folder.path().join("spied.url")).ok().filter(|url| !url.is_empty())
        });
        assert_eq!(given, url.as_str());
        assert_eq!(world.ask_tcp(&Request::get(path_of(&url))).status, 303, "it works for its owner");
        ours.kill().unwrap();
        ours.wait().unwrap();
    }
    assert_eq!(world.account("work").state, AccountState::SignedOut);
}

/// A URL that contains `wanted` in the arguments of a process, which every user of the machine can read.
fn seen_in_proc(wanted: &str) -> Option<String> {
    let script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'";
    let (_, seen) = crate::other_users::as_other_user(script);
    seen.lines().find(|line| line.starts_with("http://127.0.0.1") && line.contains(wanted)).map(str::to_owned)
}

#[test]
fn a_passed_listener_checks_the_peer_too() {
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
    let passing = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
    world.through = ["/bin/sh", "-c", passing, "sh"].map(str::to_owned).to_vec();
    let listener = TcpListener::bind("[::1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    world.passed = Some([listener.into(), other.into()]);
    world.run();
    let request = Request::get("/token").header("Authorization", &format!("Bearer {}", world.key())).bytes(&authority);
    assert_eq!(ask_as(0, &authority, "plain", &request).unwrap().status, 428);
    assert_eq!(ask_as(OTHER_UID, &authority, "plain", &request).unwrap().status, 403);
}
