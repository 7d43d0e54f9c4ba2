//! What an additional listener (`[[listen.extra]]`) must not do: requests on its port and on the socket of an app.

use crate::http::{Request, Wire, free_port};
use crate::idp::Idp;
use crate::other_users::{as_other_user, can_switch, shared_temp_folder};
use crate::report::Report;
use crate::world::{World, account, provider};

/// Name, request line, header lines, and accepted statuses. `{A}`: the listener's authority, `{P}` its port, `{O}` the
/// authority of the daemon's own, `{K}` a key with every right, `{R}` one that reads another account.
type Attack = (&'static str, &'static str, &'static [&'static str], &'static [u16]);

const KEY: &str = "Authorization: Bearer {K}";

#[rustfmt::skip]
const ON_PORT: &[Attack] = &[
    // keys
    ("no key", "GET /token", &[], &[401]),
    ("a wrong key", "GET /token", &["Authorization: Bearer wrong"], &[401]),
    ("a key in the query", "GET /token?access_token={K}", &[], &[400]),
    ("a key of another account", "GET /v1/accounts/work/token", &["Authorization: Bearer {R}"], &[403]),
    ("a token URL without a client", "POST /oauth2/work/token", &["Content-Length: 0"], &[401]),
    // names
    ("the Host of loopback", "GET /token", &["Host: 127.0.0.1:{P}", KEY], &[403]),
    ("localhost", "GET /token", &["Host: localhost:{P}", KEY], &[403]),
    ("the Host of the daemon's own listener", "GET /token", &["Host: {O}", KEY], &[403]),
    ("a rebound name", "GET /token", &["Host: evil.example:{P}", KEY], &[403]),
    ("a name without its port", "GET /token", &["Host: gw.internal", KEY], &[403]),
    ("a name with another port", "GET /token", &["Host: gw.internal:1", KEY], &[403]),
    ("a name under a domain", "GET /token", &["Host: gw.internal.evil.example:{P}", KEY], &[403]),
    ("two Hosts", "GET /token", &["Host: {A}", "Host: {A}", KEY], &[400]),
    // other web sites
    ("a foreign Origin", "GET /token", &["Origin: http://evil.example", KEY], &[403]),
    ("the listener's own Origin", "GET /token", &["Origin: http://{A}", KEY], &[403]),
    ("the Origin null", "GET /token", &["Origin: null", KEY], &[403]),
    ("a preflight", "OPTIONS /token", &["Origin: http://evil.example", "Access-Control-Request-Method: GET"], &[403]),
    ("fetch metadata of another site", "GET /token", &["Sec-Fetch-Site: cross-site", KEY], &[403]),
    // pages, callbacks, sessions
    ("the status page", "GET /", &[KEY], &[404]),
    ("the status page with a session", "GET /", &["Cookie: {S}"], &[404]),
    ("a button of the status page", "POST /do/logout", &["Cookie: {S}", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"], &[404]),
    ("the status page's stream", "GET /do/events", &["Cookie: {S}"], &[404]),
    ("a ticket for the status page", "GET /open/guessed", &[], &[404]),
    ("the start of a login", "GET /login/start/guessed", &[], &[404]),
    ("the start of a pending login", "GET {L}", &[], &[404]),
    ("a callback", "GET /callback/idp?code=c&state=s", &[], &[404]),
    ("a callback by a page of ours", "POST /callback/idp", &["Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"], &[404]),
    ("the outcome of a login", "GET /login/outcome/guessed", &[], &[404]),
    ("a style sheet", "GET /static/style.css", &[], &[404]),
    ("whether it lives", "GET /healthz", &[], &[404]),
    ("metadata", "GET /.well-known/oauth-authorization-server/oauth2", &[], &[404]),
    // what concerns everybody
    ("the list of apps", "GET /v1/apps", &[KEY], &[404]),
    ("another app", "POST /v1/apps", &[KEY, "Content-Length: 0"], &[404]),
    ("a temporary app", "POST /v1/temporary-apps", &[KEY, "Content-Length: 0"], &[404]),
    ("a lock", "POST /v1/lock", &[KEY, "Content-Length: 0"], &[404]),
    ("an unlock", "POST /v1/unlock", &[KEY, "Content-Length: 0"], &[404]),
    ("an import", "POST /v1/accounts/work/import", &[KEY, "Content-Length: 0"], &[404]),
    ("a session", "POST /v1/sessions", &[KEY, "Content-Length: 0"], &[404]),
    ("the questions", "GET /v1/consents", &[KEY], &[404]),
    ("a provider's move", "POST /v1/providers/idp/accept", &[KEY, "Content-Length: 0"], &[404]),
    // other ways in
    ("a proxy's target", "GET http://evil.example/token", &[KEY], &[400]),
    ("HEAD", "HEAD /token", &[KEY], &[405]),
    ("HEAD of a page", "HEAD /", &[KEY], &[404]),
];

#[rustfmt::skip]
const ON_SOCKET: &[Attack] = &[
    ("another account", "GET /v1/accounts/work/token", &[], &[403]),
    ("another account, with a key that has every right", "GET /v1/accounts/work/token", &[KEY], &[403]),
    ("another account, as an OAuth client", "POST /oauth2/work/token", &["Content-Length: 0"], &[400]),
    ("the state of another account", "GET /v1/accounts/work", &[], &[403]),
    ("the default account", "GET /token", &[], &[403]),
    ("a login of another account", "POST /v1/accounts/work/login", &["Content-Length: 0"], &[403]),
    ("a logout by a reader", "DELETE /v1/accounts/home/token", &[], &[403]),
    ("the owner's list of apps", "GET /v1/apps", &[], &[404]),
    ("the owner's questions", "GET /v1/consents", &[], &[404]),
    ("a lock", "POST /v1/lock", &["Content-Length: 0"], &[404]),
    ("an import", "POST /v1/accounts/home/import", &["Content-Length: 0"], &[404]),
    ("a session", "POST /v1/sessions", &["Content-Length: 0"], &[404]),
    ("the status page", "GET /", &["Cookie: {S}"], &[404]),
    ("a callback", "GET /callback/idp?code=c&state=s", &[], &[404]),
    ("an Origin", "GET /v1/accounts", &["Origin: http://localhost"], &[403]),
    ("a rebound name", "GET /v1/accounts", &["Host: evil.example"], &[403]),
    ("an app that is said to be another", "POST /oauth2/token", &["Authorization: Basic ZGVmYXVsdDp4", "Content-Length: 0"], &[401, 503, 428, 400]),
];

fn request(line: &str, headers: &[&str]) -> Request {
    let (method, target) = line.split_once(' ').unwrap();
    let parsed = headers.iter().map(|header| header.split_once(": ").unwrap());
    parsed.fold(Request::new(method, target), |request, (name, value)| request.header(name, value))
}

#[test]
fn an_additional_listener_gives_nothing_to_whoever_lacks_the_right() {
    let idp = Idp::start();
    let port = free_port();
    let mut world = World::with_config("");
    let socket = world.root().join("agent/ringback.sock");
    let top = format!(
        "default_account = \"work\"\n[listen]\ntcp = [\"127.0.0.1:0\"]\n\
         [[listen.extra]]\naddress = \"127.0.0.2:{port}\"\nhosts = [\"gw.internal\"]\n\
         [[listen.extra]]\nsocket = \"{}\"\napp = \"agent\"\n",
        socket.display()
    );
    let accounts = [account("work", "idp", ""), account("home", "idp", "")].concat();
    world.configure(&format!("{top}{}{accounts}", provider("idp", &idp, "/token", "")));
    world.run();
    world.log_in("work");
    let reader = world.add_app(&["reader", "--account", "home"]);
    world.add_app(&["agent", "--account", "home"]);
    let session = session_of(&world);
    let started = world.start_login("home", "caller_browser");
    let start = url::Url::parse(started.start_url.as_deref().unwrap()).unwrap().path().to_owned();
    let (authority, own, key) = (format!("127.0.0.2:{port}"), world.authority(), world.key());
    let filled = |text: &str| {
        let text = text.replace("{A}", &authority).replace("{O}", &own).replace("{P}", &port.to_string());
        text.replace("{K}", &key).replace("{R}", &reader).replace("{S}", &session).replace("{L}", &start)
    };
    let sent = |line: &str, headers: &[&str]| {
        let headers: Vec<String> = headers.iter().map(|header| filled(header)).collect();
        request(&filled(line), &headers.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let on_port = |request: &Request| Wire::tcp(&authority).ask(&request.bytes(&authority));
    let on_socket = |request: &Request| Wire::unix(&socket).ask(&request.bytes("localhost"));
    for host in [&authority, &format!("gw.internal:{port}"), &format!("GW.internal:{port}")] {
        let good = on_port(&sent("GET /token", &[KEY]).header("Host", host));
        assert_eq!(good.status, 200, "the control: {good:?}");
    }
    assert_eq!(on_socket(&Request::get("/v1/accounts/home")).status, 200, "the control");
    let state = || {
        let (work, home) = (world.account("work"), world.account("home"));
        let apps = world.get("/v1/apps").json()["apps"].as_array().unwrap().len();
        format!(
            "{:?} {} {:?} {:?} {:?} {apps}",
            work.state, work.generation, work.login_pending, home.state, home.login_pending
        )
    };
    let (before, asked, token) = (state(), idp.seen().len(), world.token("work"));
    let mut report = Report::default();
    let on_port = ON_PORT.iter().map(|row| (row, on_port(&sent(row.1, row.2))));
    let on_socket = ON_SOCKET.iter().map(|row| (row, on_socket(&sent(row.1, row.2))));
    for ((name, line, _, statuses), reply) in on_port.chain(on_socket) {
        report.row();
        let name = format!("{name} ({line})");
        report.expect(&name, statuses.contains(&reply.status), &reply);
        report.expect(&name, !reply.body.contains(&token) && !reply.body.contains("canary"), &reply);
        let readable = reply.headers.iter().any(|(n, _)| n.to_lowercase().starts_with("access-control"));
        report.expect(&name, !readable, &reply);
        report.expect(&name, state() == before, state());
    }
    assert_eq!(idp.seen().len(), asked, "the provider received a request");
    report.end();
}

/// The cookie of a session of the status page.
fn session_of(world: &World) -> String {
    let (code, url, said) = world.cli(&["open", "--print"]);
    assert_eq!(code, 0, "{said}");
    let reply = crate::http::Browser::default().visit(&url::Url::parse(url.trim()).unwrap());
    reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn another_user_gets_to_an_app_socket_by_its_mode_alone() {
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let mut world = World::with_config_in(&shared_temp_folder(), "");
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(world.root(), 0o755);
    let folder = world.root().join("agent");
    std::fs::create_dir(&folder).unwrap();
    open(&folder, 0o755);
    let entry = |name: &str, mode: &str| {
        let path = folder.join(name);
        format!("[[listen.extra]]\nsocket = \"{}\"\napp = \"agent\"\nmode = \"{mode}\"\n", path.display())
    };
    let extra = [entry("private", "0600"), entry("open", "0666")].concat();
    world.configure(&format!(
        "[listen]\ntcp = [\"127.0.0.1:0\"]\n{extra}{}{}",
        provider("idp", &idp, "/token", ""),
        account("work", "idp", "")
    ));
    world.run();
    world.log_in("work");
    world.add_app(&["agent", "--account", "work"]);
    let ask = |name: &str| {
        let script = format!(
            "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')\n\
             s.sendall(b'GET /v1/accounts/work/token HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')\n\
             print(s.recv(65536).decode())",
            folder.join(name).display()
        );
        as_other_user(&format!("python3 -c \"{}\"", script.replace('"', "\\\"")))
    };
    let (_, refused) = ask("private");
    assert!(refused.contains("PermissionError"), "{refused}");
    let (_, served) = ask("open");
    assert!(served.contains(&world.token("work")), "{served}");
}
