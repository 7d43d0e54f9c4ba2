//! `ringback login --via`: each end by itself, with a stand-in for `ssh`. `tests/peers/journeys/ssh.mjs` has both ends, and a
//! real server between them.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ringback::contract::{LoginReply, LoginStarted, LoginStatus};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::http::{Browser, free_port};
use crate::idp::Idp;
use crate::world::{World, told, until};

/// A machine with a browser, and with a stand-in for `ssh`.
struct Here {
    world: World,
    ssh: PathBuf,
    port: u16,
}

impl Here {
    /// `script` is what `ssh` does; `PORT` in it is a free port, and `STARTED` the step with which a login to it begins.
    fn with(script: &str) -> Self {
        let world = World::with_config("");
        let (bin, port) = (world.root().join("bin"), free_port());
        std::fs::create_dir(&bin).unwrap();
        let ssh = bin.join("ssh");
        std::os::unix::fs::symlink(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ssh.sh"), &ssh).unwrap();
        let here = Self { world, ssh, port };
        let started = started(&format!("\"start_url\":\"http://127.0.0.1:{port}/login/start/t\""));
        here.put("script", &script.replace("STARTED", &started).replace("PORT", &port.to_string()));
        here.put("forward", "exit 0");
        here
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.ssh.with_extension(name)
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.beside(name), text).unwrap();
    }

    fn login(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(&[&["login"], arguments].concat());
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.ssh.parent().unwrap().display()));
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        told(self.login(arguments).output().unwrap())
    }

    /// The arguments of each call of `ssh`.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.beside("arguments")).unwrap_or_default();
        text.split_terminator("\n\n").map(|call| call.lines().map(str::to_owned).collect()).collect()
    }
}

fn started(more: &str) -> String {
    format!(
        "echo '{{\"version\":1,\"login_id\":\"7\",\"account\":\"work\",\"joined\":false,\"expires_at\":9999999999,{more}}}'"
    )
}

fn reply(status: &str, more: &str) -> String {
    format!("echo '{{\"login_id\":\"7\",\"account\":\"work\",\"status\":\"{status}\",\"expires_at\":1{more}}}'")
}

const VIA: [&str; 4] = ["work", "--via", "me@host", "--no-browser"];

#[test]
fn a_login_over_ssh_forwards_the_port_and_ends_the_connection() {
    let notice = reply("pending", r#","notices":["an answer came that was not meant for this login"]"#);
    let question = reply("pending", r#","confirm":{"current":{"sub":"ann"},"new":{"sub":"bob"}}"#);
    let done = reply("succeeded", r#","scope":"one two""#);
    let end = "cat >/dev/null; : >\"$0.ended\"";
    let here = Here::with(&format!("echo 'Welcome'; STARTED; {notice}; {question}; {done}; {end}"));
    let (code, out, said) = here.run(&[&VIA[..], &["--json", "--replace", "--timeout", "60"]].concat());
    assert_eq!(code, 0, "{said}");
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&reply["status"], &reply["scope"]), (&"succeeded".into(), &"one two".into()));
    let url = format!("http://127.0.0.1:{}/login/start/t", here.port);
    for words in [
        &url,
        "note: an answer came that",
        "logged in as sub ann. This login is as sub bob",
        "The page in the browser asks",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(here.beside("script.ended").exists(), "its input was closed");

    let calls = here.calls();
    let [connection, forward] = calls.as_slice() else { panic!("{calls:?}") };
    let [.., end, target, command] = connection.as_slice() else { panic!("{connection:?}") };
    assert_eq!((end.as_str(), target.as_str()), ("--", "me@host"), "no name becomes an option");
    assert!(command.starts_with("sh -c '") && command.ends_with("login work --json --steps --replace --timeout 60'"));
    assert!(!connection.iter().any(|word| word.contains("BatchMode")), "{connection:?}");
    let wanted = format!("127.0.0.1:{0}:127.0.0.1:{0}", here.port);
    assert!(forward.windows(2).any(|pair| pair == ["-L", &wanted]), "{forward:?}");
    let control = |call: &[String]| call.iter().skip_while(|word| *word != "-S").nth(1).cloned().unwrap();
    assert_eq!(control(connection), control(forward));
    assert!(!Path::new(&control(connection)).parent().unwrap().exists(), "nothing is left behind");
}

#[test]
fn a_question_without_a_page_is_told_with_the_command_that_answers_it() {
    let confirm = r#""confirm":{"current":{"sub":"ann"},"new":{"sub":"bob"}}"#;
    let device = r#""device":{"user_code":"WDJB-MJHT","verification_uri":"https://provider.example/device"}"#;
    for begun in [device, confirm] {
        let question = reply("pending", &format!(",{confirm}"));
        let here = Here::with(&format!("{}; {question}; {}", started(begun), reply("succeeded", "")));
        let (code, _, said) = here.run(&VIA);
        assert_eq!(code, 0, "{said}");
        for words in ["logged in as sub ann. This login is as sub bob", "`ringback login work --via me@host --replace`"]
        {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("page in the browser"), "{said}");
        assert_eq!(here.calls().len(), 1, "nothing was forwarded");
    }
}

#[test]
fn an_account_of_the_other_machine_has_no_browser_in_the_config_of_this_one() {
    let here = Here::with(&format!("STARTED; {}", reply("succeeded", "")));
    let (idp, mark) = (Idp::start(), here.beside("own"));
    let own = format!("browser = [\"/bin/sh\", \"-c\", \": >{}\"]\n", mark.display());
    here.world.configure(&World::config_of(&idp, "", "", &own));
    let (code, _, said) = here.run(&["work", "--via", "me@host"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("The browser was not opened: there is no browser on this machine"), "{said}");
    assert!(!mark.exists() && !said.contains("--paste"), "{said}");
}

#[test]
fn whatever_goes_wrong_is_told_with_what_to_do() {
    let on_host = "while logging in on me@host: there is no daemon";
    let no_daemon = r#"echo '{"error":"no_daemon","error_description":"there is no daemon","hint":"Start it."}'"#;
    let usage = r#"echo '{"error":"usage","error_description":"unexpected argument","hint":""}'; exit 2"#;
    let password = started(r#""password":{"user":"ann","pipe":"/p"}"#);
    let elsewhere = started(r#""start_url":"http://example.com/login/start/t""#);
    let failed = reply(
        "failed",
        r#","failure":{"error":"login_failed","error_description":"access was denied","hint":"Try again."}"#,
    );
    for (script, exit, words) in [
        ("echo 'Connection refused' >&2; exit 255", 6, "Connection refused\nerror: ssh did not connect to me@host\n"),
        ("exit 127", 6, "there is no `ringback` on me@host"),
        (usage, 6, "the ringback on me@host does not know `--via`"),
        (no_daemon, 3, on_host),
        (&format!("STARTED; {no_daemon}"), 3, on_host),
        ("echo '{\"version\":1}'", 6, "says something that this one does not understand"),
        ("echo '{\"half'", 6, "the connection to me@host ended before the login"),
        ("STARTED; exit 255", 6, "the connection to me@host ended before the login"),
        (&password, 6, "`ssh -t me@host ringback login work`"),
        (&elsewhere, 6, "says something that this one does not understand"),
        (&format!("STARTED; {failed}"), 6, "error: access was denied"),
    ] {
        let here = Here::with(script);
        let (code, out, said) = here.run(&VIA);
        assert_eq!((code, out.as_str()), (exit, ""), "{script}: {said}");
        assert!(said.contains(words), "{script}: {said}");
    }

    let here = Here::with("STARTED; cat >/dev/null");
    here.put("forward", "echo 'administratively prohibited' >&2; exit 255");
    let (code, _, said) = here.run(&VIA);
    let words = format!("ssh did not forward port {} to me@host", here.port);
    assert!(code == 6 && said.contains("prohibited") && said.contains(&words), "{code} {said}");

    let here = Here::with("STARTED; cat >/dev/null");
    let _own = TcpListener::bind(("127.0.0.1", here.port)).unwrap();
    let (code, _, said) = here.run(&VIA);
    let words = format!("the browser has to come back to port {}, which is taken on this machine", here.port);
    assert!(code == 6 && said.contains(&words) && said.contains("systemctl --user stop ringback"), "{code} {said}");
    assert_eq!(here.calls().len(), 1, "nothing was forwarded");

    let (code, _, said) = told(here.login(&VIA).env("PATH", "/nowhere").output().unwrap());
    assert!(code == 6 && said.contains("`ssh` can't be started") && said.contains("openssh-client"), "{code} {said}");
}

#[test]
fn no_name_becomes_an_option_of_ssh_or_a_word_of_the_shell() {
    let here = Here::with("exit 0");
    for target in ["-oProxyCommand=touch x", "me@-oProxyCommand=x", "-l@host", "ssh://-x", "me@", ""] {
        let (code, _, said) = here.run(&["work", &format!("--via={target}")]);
        assert!(code == 2 && said.contains("--via <USER@HOST>"), "{target}: {code} {said}");
    }
    for account in ["a;id", "$(id)", "a'b", "A"] {
        let (code, _, said) = here.run(&[account, "--via", "me@host"]);
        assert!(code == 4 && said.contains("can't be the name of an account"), "{account}: {code} {said}");
    }
    assert_eq!(here.calls(), Vec::<Vec<String>>::new());
}

#[test]
fn the_connection_ends_with_the_command_however_that_ends() {
    let begin = |here: &Here| {
        let child = here.login(&VIA).spawn().unwrap();
        until("the port is forwarded", || (here.calls().len() == 2).then_some(()));
        child
    };
    let here = Here::with("STARTED; cat >/dev/null; : >\"$0.ended\"");
    let mut child = begin(&here);
    child.kill().unwrap();
    child.wait().unwrap();
    until("its input has ended", || here.beside("script.ended").exists().then_some(()));

    // It does not look at its input.
    let here = Here::with("trap ': >\"$0.told\"; kill $!; exit 1' TERM; STARTED; sleep 600 & wait");
    let mut child = begin(&here);
    rustix::process::kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(here.beside("script.told").exists(), "it was told to end");
}

#[test]
fn the_other_end_says_each_step_and_ends_with_its_input() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let begin = |account| {
        let mut child = world.command(&["login", account, "--json", "--steps"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        (child, first, lines)
    };
    let (child, first, lines) = begin("work");
    let started: LoginStarted = serde_json::from_str(&first).unwrap();
    Browser::default().go(started.start_url.as_deref().unwrap());
    let steps: Vec<LoginReply> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(steps.last().unwrap().status, LoginStatus::Succeeded);
    assert_eq!(told(child.wait_with_output().unwrap()), (0, String::new(), String::new()));

    let (mut child, first, lines) = begin("work");
    assert!(first.contains("start_url"), "{first}");
    drop(child.stdin.take());
    assert_eq!(lines.count(), 0, "a pending login has no news");
    assert!(child.wait().unwrap().success());

    let (child, first, lines) = begin("nobody");
    let error: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&error["error"], lines.count()), (&"unknown_account".into(), 0));
    assert_eq!(
        told(child.wait_with_output().unwrap()),
        (0, String::new(), String::new()),
        "words are for the other end"
    );
}
