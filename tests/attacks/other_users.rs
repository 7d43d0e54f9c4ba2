//! Another user of the machine: files, connections and ports that they could use.

use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ringback::contract::LoginStatus;

use crate::http::free_port;
use crate::idp::Idp;
use crate::world::World;

/// The uid of another user: `nobody`.
pub(crate) const OTHER_UID: u32 = 65_534;

/// Whether the tests can switch to another user. In CI they must, so they have to run as root there.
pub(crate) fn can_switch() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(root || std::env::var_os("CI").is_none(), "these attacks need root to act as another user");
    if !root {
        eprintln!("skipped: only root can become another user");
    }
    root
}

/// Runs a shell command as the other user; returns whether it succeeded, and its output.
pub(crate) fn as_other_user(command: &str) -> (bool, String) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).uid(OTHER_UID).gid(OTHER_UID).stdin(Stdio::null()).current_dir("/");
    let output = shell.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A folder for temporary files that the other user can enter, since `TMPDIR` may be private.
pub(crate) fn shared_temp_folder() -> PathBuf {
    let folders = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let open = |folder: &PathBuf| as_other_user(&format!("ls {}", folder.display())).0;
    folders.into_iter().find(open).expect("a folder for temporary files that every user can enter")
}

/// Name, and the other user's command; `{S}`, `{C}`, `{R}`: state, config and runtime folder, `{A}`: the authority,
/// `{PID}`: the daemon. Each must fail, or print `refused`.
#[rustfmt::skip]
const ATTACKS: &[(&str, &str)] = &[
    ("lists the state folder", "ls {S}"),
    ("lists the runtime folder", "ls {R}"),
    ("lists the config folder", "ls {C}"),
    ("reads the master key", "cat {S}/master.key"),
    ("reads the app key", "cat {S}/app.key"),
    ("reads the list of apps", "cat {S}/apps.json"),
    ("reads a sealed file", "cat {S}/accounts/work.sealed"),
    ("reads the audit log", "cat {S}/audit.jsonl"),
    ("reads the config", "cat {C}/config.toml"),
    ("reads the endpoint file", "cat {R}/endpoint.json"),
    ("writes into the state folder", "touch {S}/accounts/evil.sealed"),
    ("replaces the key by a link", "ln -sf /tmp/evil {S}/app.key"),
    ("removes the socket", "rm -f {R}/ringback.sock && ls {R}/ringback.sock"),
    ("takes the socket's place", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"{R}/other.sock\")'"),
    ("connects to the socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{R}/ringback.sock\")'"),
    ("holds the lock", "flock -n {S}/lock true"),
    ("reads the daemon's environment", "cat /proc/{PID}/environ"),
    ("reads the daemon's memory map", "cat /proc/{PID}/maps"),
    ("stops the daemon", "kill -TERM {PID}"),
    ("asks over TCP without a key", "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://{A}/token\").read())'"),
    ("asks for the status page", "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://{A}/\").read())'"),
];

#[test]
fn another_user_can_read_and_change_nothing_and_gets_no_token() {
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let mut world = World::with_config_in(&shared_temp_folder(), &World::config_of(&idp, "", "", ""));
    world.run();
    world.log_in("work");
    // The parent folders can be entered, as in a home that others may enter: each of our folders is protected.
    for folder in
        [world.root().to_owned(), world.root().join("state"), world.root().join("run"), world.root().join("config")]
    {
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let shown = |path: PathBuf| path.display().to_string();
    let (state, runtime, config) =
        (shown(world.state()), shown(world.runtime()), shown(world.root().join("config/ringback")));
    assert!(
        as_other_user(&format!("ls {}", world.root().display())).0,
        "the control: the parent folder can be entered"
    );
    let mut wrong = Vec::new();
    for (name, command) in ATTACKS {
        let command = command.replace("{S}", &state).replace("{R}", &runtime).replace("{C}", &config);
        let command = command.replace("{A}", &world.authority()).replace("{PID}", &world.pid().to_string());
        let (worked, said) = as_other_user(&command);
        if worked || said.contains("canary") || said.contains("rbk_") {
            wrong.push(format!("{name}: {said:.300}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!world.token("work").is_empty(), "nothing has changed");
    println!("{} attacks, all refused", ATTACKS.len());
}

#[test]
fn a_login_whose_callback_another_user_would_get_is_not_started() {
    if TcpListener::bind("[::1]:0").is_err() {
        return eprintln!("skipped: no IPv6 here");
    }
    let port = free_port();
    let idp = Idp::start();
    let redirect = format!("redirect_uri = \"http://localhost:{port}/cb\"");
    let world = World::start_with(&idp, "", "", &redirect);
    let squatter = TcpListener::bind(("::1", port)).unwrap();
    let refused = world.post("/v1/accounts/work/login");
    assert!(refused.status >= 400 && refused.body.contains("taken"), "{refused:?}");
    assert!(idp.seen().is_empty());
    drop(squatter);
    let (page, end) = world.try_log_in("work");
    assert_eq!(end.status, LoginStatus::Succeeded, "the control: {end:?} {page:?}");
}

#[test]
fn a_taken_port_is_named_and_the_daemon_uses_no_other() {
    let squatter = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = squatter.local_addr().unwrap();
    let mut world = World::with_config(&format!("[listen]\ntcp = [\"{address}\"]\n"));
    world.spawn(None);
    let status = world.ended();
    assert!(
        !status.success() && world.log().contains(&format!("port {} of 127.0.0.1 is taken", address.port())),
        "{}",
        world.log()
    );
    assert!(!world.is_announced());
}

#[test]
fn a_key_is_not_sent_to_another_user_who_took_the_port() {
    if !can_switch() {
        return;
    }
    let idp = Idp::start();
    let mut world = World::start(&idp);
    let (authority, key_file) = (world.authority(), world.state().join("app.key"));
    let ask = |world: &World| {
        let mut command = world.command(&["token"]);
        command.env("RINGBACK_URL", format!("http://{authority}")).env("RINGBACK_KEY_FILE", &key_file);
        crate::world::told(command.output().unwrap())
    };
    assert_eq!(ask(&world).0, 5, "the control: our own daemon answers");
    world.stop();
    let port = authority.rsplit(':').next().unwrap();
    let script = format!(
        "import socket\ns = socket.create_server(('127.0.0.1', {port}))\nprint('ready', flush=True)\nwhile True:\n c, _ = s.accept()\n print(c.recv(9999), flush=True)\n c.close()"
    );
    let mut squatter = Command::new("python3");
    squatter.args(["-c", &script]).uid(OTHER_UID).gid(OTHER_UID).stdout(Stdio::piped()).current_dir("/");
    let mut squatter = squatter.spawn().unwrap();
    let mut said = std::io::BufReader::new(squatter.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let (code, out, told) = ask(&world);
    squatter.kill().unwrap();
    squatter.wait().unwrap();
    let mut heard = String::new();
    std::io::Read::read_to_string(&mut said, &mut heard).unwrap();
    assert!(
        code == 10 && out.is_empty() && told.contains("user 65534") && told.contains("was not sent"),
        "{code} {told}"
    );
    assert!(!heard.contains("rbk_"), "{heard}");
}
