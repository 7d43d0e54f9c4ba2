//! `ringback exec`: programs with a token, with a file that is kept fresh, and with a key of their own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::http::{Reply, Request};
use crate::idp::Idp;
use crate::terminal::AtTerminal;
use crate::world::{World, account, mode, names, provider, told, until};

const TOKEN: &str = "/v1/accounts/work/token?wait=0";

/// Two logged-in accounts.
fn world(idp: &Idp) -> World {
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", ""),
        account("work", "idp", ""),
        account("home-2", "idp", ""),
    ];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    world.log_in("work");
    world.log_in("home-2");
    world
}

/// `ringback exec` with a program that waits until its standard input is closed.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.out.read_line(&mut line).unwrap() > 0, "the program ended");
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().unwrap()
    }
}

fn with_key(world: &World, key: &str, method: &str, target: &str) -> Reply {
    world.ask_tcp(&Request::new(method, target).header("Authorization", &format!("Bearer {key}")))
}

fn temporary(world: &World) -> Vec<Value> {
    let apps = world.get("/v1/apps").json()["apps"].as_array().unwrap().clone();
    apps.into_iter().filter(|app| app["temporary"] == true).collect()
}

/// The folders of running programs.
fn folders(world: &World) -> Vec<String> {
    names(&world.runtime().join("exec")).into_iter().filter(|name| !name.starts_with('.')).collect()
}

#[test]
fn the_token_is_in_the_environment_of_the_program_that_takes_the_place_of_exec() {
    let idp = Idp::start();
    let world = world(&idp);
    let (work, home) = (world.token("work"), world.token("home-2"));
    for (arguments, script, expected) in [
        (&["exec"][..], "echo $ACCESS_TOKEN", format!("{work}\n")),
        (&["exec", "home-2", "--env", "T"], "echo $T-${ACCESS_TOKEN-none}", format!("{home}-none\n")),
        (&["exec", "default", "home-2"], "echo $WORK_ACCESS_TOKEN $HOME_2_ACCESS_TOKEN", format!("{work} {home}\n")),
        (&["exec", "work", "home-2", "--env", "A", "--env", "B"], "echo $A $B", format!("{work} {home}\n")),
    ] {
        let arguments = [arguments, &["--", "sh", "-c", script]].concat();
        assert_eq!(world.cli(&arguments), (0, expected, String::new()), "{arguments:?}");
    }
    let mut program = Program::start(world.command(&["exec", "--", "sh", "-c", "echo $$; read end"]));
    let pid = program.child.id().to_string();
    assert_eq!(program.line(), pid, "nothing of ringback is left");
    program.end();
}

#[test]
fn a_program_does_not_inherit_the_key_of_its_parent() {
    let idp = Idp::start();
    let world = world(&idp);
    for mode in [&["exec"][..], &["exec", "--file"]] {
        let script = "echo ${RINGBACK_URL-none} ${RINGBACK_KEY_FILE-none} $KEPT";
        let mut command = world.command(&[mode, &["--", "sh", "-c", script]].concat());
        command.env("RINGBACK_URL", format!("http://{}", world.authority()));
        command.env("RINGBACK_KEY_FILE", world.state().join("app.key")).env("KEPT", "kept");
        assert_eq!(told(command.output().unwrap()), (0, "none none kept\n".into(), String::new()), "{mode:?}");
    }
}

#[test]
fn the_exit_status_is_passed_on_and_a_program_that_cannot_run_has_that_of_a_shell() {
    let idp = Idp::start();
    let world = world(&idp);
    let plain = world.root().join("plain");
    std::fs::write(&plain, "").unwrap();
    for kind in [&["--file"][..], &["--url"], &[]] {
        let run = |program: &[&str]| world.cli(&[&["exec"], kind, &["--"], program].concat());
        assert_eq!(run(&["sh", "-c", "exit 7"]).0, 7, "{kind:?}");
        let (code, _, said) = run(&["no-such-program"]);
        assert!(code == 127 && said.contains("no-such-program can't be run"), "{kind:?}: {code} {said}");
        let (code, _, said) = run(&[plain.to_str().unwrap()]);
        assert!(code == 126 && said.contains("ermission denied"), "{kind:?}: {code} {said}");
        if !kind.is_empty() {
            assert_eq!(run(&["sh", "-c", "kill -TERM $$"]).0, 128 + 15, "{kind:?}");
        }
        assert!(folders(&world).is_empty(), "{kind:?}");
    }
    let (code, _, said) = world.cli(&["exec", "nowhere", "--", "true"]);
    assert!(code == 4 && said.contains("nowhere"), "before the program runs, the codes are ringback's: {code} {said}");
    let (code, _, said) = world.cli(&["exec", "work", "--env", "A", "--env", "B", "--", "true"]);
    assert!(code == 2 && said.contains("2 times"), "{said}");
}

#[test]
fn a_token_file_is_private_stays_fresh_and_is_gone_with_the_program() {
    let idp = Idp::start();
    let world = world(&idp);
    let script = "echo $WORK_ACCESS_TOKEN_FILE; echo $HOME_2_ACCESS_TOKEN_FILE; read end; exit 0";
    let mut program = Program::start(world.command(&["exec", "work", "home-2", "--file", "--", "sh", "-c", script]));
    let (work, home) = (PathBuf::from(program.line()), PathBuf::from(program.line()));
    let read = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    assert_eq!((read(&work), read(&home)), (world.token("work"), world.token("home-2")));
    assert_eq!((mode(&work), mode(work.parent().unwrap())), (0o600, 0o700));
    assert!(work.starts_with(world.runtime()), "{}", work.display());
    let before = (read(&work), read(&home));
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    let fresh = world.token("work");
    assert_ne!(fresh, before.0);
    until("the file has the new token", || (read(&work) == fresh).then_some(()));
    assert_eq!(read(&home), before.1);
    assert!(program.end().success());
    assert!(!work.exists() && folders(&world).is_empty());
}

/// A test that was started in the background inherits that SIGINT is ignored, and would pass it on.
fn unignoring(world: &World, arguments: &[&str]) -> Command {
    let command = world.command(arguments);
    let mut env = Command::new("env");
    env.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    env.arg("--default-signal=INT,QUIT").arg(command.get_program()).args(command.get_args());
    env.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    env
}

#[test]
fn signals_to_exec_reach_the_program_and_decide_how_it_ends() {
    let idp = Idp::start();
    let world = world(&idp);
    // The shell takes the signal between two short commands.
    let script = "trap 'echo got; exit 3' TERM HUP INT USR1; echo ready; while :; do sleep 0.01; done";
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::USR1] {
        let mut program = Program::start(unignoring(&world, &["exec", "--file", "--", "sh", "-c", script]));
        assert_eq!(program.line(), "ready");
        program.signal(signal);
        assert_eq!(program.line(), "got", "{signal:?}");
        assert_eq!(program.end().code(), Some(3), "{signal:?}");
    }
    let mut program =
        Program::start(world.command(&["exec", "--file", "--", "sh", "-c", "echo ready; exec sleep 1000"]));
    assert_eq!(program.line(), "ready");
    program.signal(Signal::TERM);
    let ended = program.end();
    assert_eq!((ended.code(), ended.signal()), (Some(128 + 15), None), "exec itself ends as usual");
    assert!(folders(&world).is_empty());
}

#[test]
fn a_signal_that_exec_was_started_to_ignore_stays_ignored() {
    let idp = Idp::start();
    let world = world(&idp);
    let script = "trap '' HUP; exec \"$0\" exec --file -- sh -c 'echo ready; read end; exit 5'";
    let command = world.command(&[]);
    let ringback = command.get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.args(["-c", script]).arg(ringback).stdout(Stdio::piped());
    let mut program = Program::start(shell);
    assert_eq!(program.line(), "ready");
    program.signal(Signal::HUP);
    assert_eq!(program.end().code(), Some(5));
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_program_once() {
    let idp = Idp::start();
    let world = world(&idp);
    let stop = world.root().join("stop");
    let counts = format!(
        "n=0; trap 'n=$((n+1)); echo got $n >&2' INT; echo ready >&2; while [ ! -e {} ]; do sleep 0.01; done; exit $n",
        stop.display()
    );
    let script =
        format!("exec env --default-signal=INT \"$0\" exec --file -- sh -c '{}'", counts.replace('\'', "'\\''"));
    let mut command = world.shell(&script);
    command.stdout(Stdio::null());
    let mut at = AtTerminal::run(command);
    at.until_shown("ready");
    at.type_line("\x03");
    at.until_shown("got 1");
    std::fs::write(&stop, "").unwrap();
    assert_eq!(at.end(), Some(1), "{}", at.screen());
}

#[test]
fn a_key_of_url_is_for_these_accounts_and_ends_with_the_program() {
    let idp = Idp::start();
    let world = world(&idp);
    let script = "cat \"$RINGBACK_KEY_FILE\"; echo; echo $RINGBACK_URL; echo ${ACCESS_TOKEN-none}; \"$0\" token work; \
                  \"$0\" token home-2 >/dev/null 2>&1; echo $?; read end; exit 0";
    let ringback = env!("CARGO_BIN_EXE_ringback");
    let mut program = Program::start(world.command(&["exec", "work", "--url", "--", "sh", "-c", script, ringback]));
    let key = program.line();
    assert!(key.starts_with("rbk_"));
    assert_eq!((program.line(), program.line()), (format!("http://{}", world.authority()), "none".into()));
    assert_eq!((program.line(), program.line()), (world.token("work"), "10".into()));
    assert_eq!(with_key(&world, &key, "GET", TOKEN).status, 200);
    for (method, target) in [
        ("GET", "/v1/accounts/home-2/token"),
        ("POST", "/v1/accounts/work/refresh"),
        ("DELETE", "/v1/accounts/work/token"),
        ("POST", "/v1/temporary-apps"),
    ] {
        assert_eq!(with_key(&world, &key, method, target).status, 403, "{method} {target}");
    }
    let apps = temporary(&world);
    let [app] = apps.as_slice() else { panic!("{apps:?}") };
    assert_eq!(
        (&app["name"], &app["accounts"], &app["write"]),
        (&"exec:1".into(), &["work"].as_slice().into(), &false.into())
    );
    assert!(world.cli(&["app", "list"]).1.contains("exec:1 (temporary): reads work\n"));
    let (code, _, said) = world.cli(&["app", "rotate", "exec:1"]);
    assert!(code == 2 && said.contains("is temporary"), "{said}");
    let on_disk = std::fs::read_to_string(world.state().join("apps.json")).unwrap();
    assert!(!on_disk.contains("exec:"), "{on_disk}");
    assert!(program.end().success());
    until("the key is gone", || (with_key(&world, &key, "GET", TOKEN).status == 401).then_some(()));
    assert!(temporary(&world).is_empty() && folders(&world).is_empty());
    let audited = until("the end is written down", || {
        Some(world.cli(&["audit", "--json"]).1).filter(|lines| lines.contains("app_removed"))
    });
    let line = |event: &str| audited.lines().find(|line| line.contains(event)).unwrap();
    for event in ["app_added", "app_removed"] {
        assert!(line(event).contains("\"reason\":\"temporary: exec:1 for work\""), "{audited}");
    }
    assert!(audited.lines().any(|line| line.contains("\"app\":\"exec:1\"") && line.contains("\"event\":\"token\"")));
    assert!(!audited.contains("rbk_"));
}

#[test]
fn a_key_dies_with_exec_even_if_that_is_killed() {
    let idp = Idp::start();
    let world = world(&idp);
    let script = "cat \"$RINGBACK_KEY_FILE\"; echo; read end; echo over";
    let mut program = Program::start(world.command(&["exec", "--url", "--", "sh", "-c", script]));
    let key = program.line();
    assert_eq!(with_key(&world, &key, "GET", TOKEN).status, 200);
    program.signal(Signal::KILL);
    assert_eq!(program.child.wait().unwrap().signal(), Some(9));
    until("the key is gone", || (with_key(&world, &key, "GET", TOKEN).status == 401).then_some(()));
    assert!(temporary(&world).is_empty());
    // The program itself was not killed: it is not ringback's to end.
    drop(program.child.stdin.take());
    assert_eq!(program.line(), "over");
    assert_eq!(folders(&world).len(), 1, "nobody was left to delete it");
    assert_eq!(world.cli(&["exec", "--file", "--", "true"]).0, 0);
    assert!(folders(&world).is_empty(), "the next one has");
}

#[test]
fn a_removed_temporary_key_stays_removed() {
    let idp = Idp::start();
    let world = world(&idp);
    let script = "cat \"$RINGBACK_KEY_FILE\"; echo; read end; \"$0\" token work";
    let ringback = env!("CARGO_BIN_EXE_ringback");
    let mut program = Program::start(world.command(&["exec", "--url", "--", "sh", "-c", script, ringback]));
    let key = program.line();
    assert_eq!(world.cli(&["app", "remove", "exec:1"]).0, 0);
    assert_eq!(with_key(&world, &key, "GET", TOKEN).status, 401);
    assert_eq!(program.end().code(), Some(10), "it can't be had again");
    assert!(temporary(&world).is_empty());
}

#[test]
fn a_daemon_that_is_started_again_gives_the_program_another_key() {
    let idp = Idp::start();
    let mut world = world(&idp);
    let script = "echo $RINGBACK_KEY_FILE; read end; exit 0";
    let mut program = Program::start(world.command(&["exec", "--url", "--", "sh", "-c", script]));
    let path = PathBuf::from(program.line());
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    world.stop();
    assert!(!world.log().contains("cut off"), "a stop does not wait for programs");
    world.run();
    let other = until("the file has another key", || {
        Some(std::fs::read_to_string(&path).unwrap()).filter(|other| *other != key)
    });
    assert_eq!(with_key(&world, &key, "GET", TOKEN).status, 401);
    assert_eq!(with_key(&world, &other, "GET", TOKEN).status, 200);
    assert!(program.end().success());
}

#[test]
fn there_is_a_limit_on_temporary_keys_and_each_needs_an_account_of_the_config() {
    let idp = Idp::start();
    let world = world(&idp);
    let request = |body: &str| Request::new("POST", "/v1/temporary-apps").json(body);
    for (body, status) in [("{}", 400), ("{\"accounts\":[]}", 400), ("{\"accounts\":[\"wrok\"]}", 404)] {
        assert_eq!(world.ask(&request(body)).status, status, "{body}");
    }
    let one = request("{\"accounts\":[\"work\"]}");
    let mut held: Vec<_> = (0..64).map(|_| world.wire()).collect();
    for wire in &mut held {
        wire.send(&one.bytes("localhost"));
    }
    until("all have a key", || (temporary(&world).len() == 64).then_some(()));
    let refused = world.ask(&one);
    assert!(refused.status == 400 && refused.body.contains("64 programs"), "{refused:?}");
    assert_eq!(world.get("/token").status, 200, "others are served");
    drop(held);
    until("all are gone", || temporary(&world).is_empty().then_some(()));
}

#[test]
fn consent_for_a_temporary_key_is_that_of_the_program_which_asked_for_it() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "", "consent = \"ask\"");
    world.log_in("work");
    let script = "cat \"$RINGBACK_KEY_FILE\"; echo; read end";
    let mut program = Program::start(world.command(&["exec", "work", "--url", "--", "sh", "-c", script]));
    let key = program.line();
    assert_eq!(with_key(&world, &key, "GET", "/v1/accounts/work/token?wait=0").status, 403);
    let asked = world.get("/v1/consents").json()["pending"][0].clone();
    let who = asked["who"].as_str().unwrap();
    assert!(who.starts_with('/') && who.contains("/it-"), "who ran exec: {asked}");
    assert_eq!(world.cli(&["consent", "allow", asked["id"].as_str().unwrap()]).0, 0);
    assert_eq!(with_key(&world, &key, "GET", TOKEN).status, 200);
    program.end();
}

#[test]
fn a_file_of_exec_is_open_to_nobody_whatever_the_umask() {
    let idp = Idp::start();
    let world = world(&idp);
    let folder = world.runtime().join("exec");
    assert_eq!(world.cli(&["exec", "--file", "--", "true"]).0, 0);
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let (code, _, said) = world.cli(&["exec", "--file", "--", "true"]);
    assert!(code == 9 && said.contains("no place for the program's files"), "{code} {said}");
}
