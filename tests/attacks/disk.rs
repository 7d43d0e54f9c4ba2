//! Files that were changed while the daemon was down: edited, older, of another account, or replaced by links.
//! For owners and modes see `files.rs`; for state folders restored from a backup see `restored.rs`.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use ringback::contract::AccountState;

use crate::idp::Idp;
use crate::report::Report;
use crate::world::{World, account, provider, until};

/// What `ringback serve` does then.
#[derive(Clone, Copy)]
enum Then {
    /// Exits with this code and a message with this text and the path.
    Refuses(i32, &'static str),
    /// Runs; the account `work` has no token, `home` is unchanged.
    WorkIsOut,
    /// Runs, and nothing has changed.
    AllIsWell,
}

use Then::{AllIsWell, Refuses, WorkIsOut};

/// Name, path, the change (given the path and a file outside that must stay untouched), and the outcome.
type Attack = (&'static str, &'static str, fn(&Path, &Path), Then);

const APPS: &str = "state/ringback/apps.json";
const CONSENTS: &str = "state/ringback/consents.json";
const AUDIT: &str = "state/ringback/audit.jsonl";
const WORK: &str = "state/ringback/accounts/work.sealed";
const SOCKET: &str = "run/ringback/ringback.sock";
const ENDPOINT: &str = "run/ringback/endpoint.json";

/// Writes `bytes` as the daemon would: readable by its user only.
pub(crate) fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    put(path, text.replace(from, to));
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 1;
    put(path, bytes);
}

pub(crate) fn lead(path: &Path, outside: &Path) {
    let _ = std::fs::remove_file(path);
    symlink(outside, path).unwrap();
}

pub(crate) fn pipe(path: &Path, _: &Path) {
    let _ = std::fs::remove_file(path);
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
}

pub(crate) fn folder(path: &Path, _: &Path) {
    let _ = std::fs::remove_file(path);
    std::fs::create_dir(path).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[rustfmt::skip]
const ATTACKS: &[Attack] = &[
    ("apps of a newer version", APPS, |p, _| edit(p, "\"version\": 1", "\"version\": 9"), Refuses(9, "format version 9")),
    ("apps cut short", APPS, |p, _| put(p, &std::fs::read(p).unwrap()[..40]), Refuses(9, "not what ringback writes")),
    ("no apps at all", APPS, |p, _| put(p, ""), Refuses(9, "not what ringback writes")),
    ("apps that are a list", APPS, |p, _| put(p, "[]"), Refuses(9, "not what ringback writes")),
    ("deeply nested apps", APPS, |p, _| put(p, "[".repeat(100_000)), Refuses(9, "not what ringback writes")),
    ("an app without its rights", APPS, |p, _| edit(p, "\"write\"", "\"wrote\""), Refuses(9, "not what ringback writes")),
    ("an app with half a digest", APPS, |p, _| edit(p, "\"key_sha256\": \"", "\"key_sha256\": \"00"), Refuses(9, "64 hex digits")),
    ("an app under another's name", APPS, |p, _| edit(p, "\"editor\"", "\"default\""), Refuses(9, "twice")),
    ("five mebibytes of apps", APPS, |p, _| put(p, " ".repeat(5 << 20)), Refuses(9, "")),
    ("a link for the apps", APPS, lead, Refuses(9, "is a symlink")),
    ("a pipe for the apps", APPS, pipe, Refuses(9, "regular file")),
    ("a folder for the apps", APPS, folder, Refuses(9, "regular file")),
    ("consents of a newer version", CONSENTS, |p, _| put(p, r#"{"version":2,"answers":[]}"#), Refuses(9, "version 2")),
    ("invalid consents", CONSENTS, |p, _| put(p, "yes"), Refuses(9, "")),
    ("a link for the consents", CONSENTS, lead, Refuses(9, "is a symlink")),
    ("a pipe for the consents", CONSENTS, pipe, Refuses(9, "regular file")),
    ("a link for the audit log", AUDIT, lead, Refuses(9, "is a symlink")),
    ("a pipe for the audit log", AUDIT, pipe, Refuses(9, "regular file")),
    ("a folder for the audit log", AUDIT, folder, Refuses(9, "regular file")),
    ("an audit log that others can read", AUDIT, |p, _| std::fs::set_permissions(p, std::fs::Permissions::from_mode(0o644)).unwrap(), Refuses(9, "chmod 600")),
    ("an audit log with a hard link", AUDIT, |p, _| std::fs::hard_link(p, p.with_extension("copy")).unwrap(), Refuses(9, "second name")),
    ("an audit log with a truncated line", AUDIT, |p, _| put(p, r#"{"time":"2026"#), AllIsWell),
    ("a sealed file of another account", WORK, |p, _| put(p, std::fs::read(p.with_file_name("home.sealed")).unwrap()), WorkIsOut),
    ("a sealed file with a bit flipped in its first byte", WORK, |p, _| flip(p, |_| 0), WorkIsOut),
    ("a sealed file with a bit flipped in its head", WORK, |p, _| flip(p, |_| 12), WorkIsOut),
    ("a sealed file with a bit flipped in its middle", WORK, |p, _| flip(p, |n| n / 2), WorkIsOut),
    ("a sealed file with a bit flipped in its tag", WORK, |p, _| flip(p, |n| n - 8), WorkIsOut),
    ("a sealed file twice over", WORK, |p, _| put(p, std::fs::read(p).unwrap().repeat(2)), WorkIsOut),
    ("a sealed file of zeros", WORK, |p, _| put(p, vec![0; 600]), WorkIsOut),
    ("a sealed file of 64 MiB", WORK, |p, _| put(p, vec![b'r'; 64 << 20]), WorkIsOut),
    ("a link to another account's sealed file", WORK, |p, _| { std::fs::remove_file(p).unwrap(); symlink(p.with_file_name("home.sealed"), p).unwrap(); }, WorkIsOut),
    ("a link for a sealed file", WORK, lead, WorkIsOut),
    ("a pipe for a sealed file", WORK, pipe, WorkIsOut),
    ("a folder for a sealed file", WORK, folder, WorkIsOut),
    ("a sealed file with a hard link", WORK, |p, _| std::fs::hard_link(p, p.with_extension("copy")).unwrap(), WorkIsOut),
    ("a sealed file of an account that is in no config", "state/ringback/accounts/evil.sealed", |p, _| put(p, std::fs::read(p.with_file_name("home.sealed")).unwrap()), AllIsWell),
    ("a leftover link", "state/ringback/accounts/.tmp-evil", lead, AllIsWell),
    ("a file in the socket's place", SOCKET, |p, _| put(p, "x"), Refuses(1, "is not a socket")),
    ("a link in the socket's place", SOCKET, lead, Refuses(1, "is not a socket")),
    ("a link in the endpoint's place", ENDPOINT, lead, AllIsWell),
    ("a socket without a listener", SOCKET, |p, _| { let _ = std::fs::remove_file(p); drop(std::os::unix::net::UnixListener::bind(p).unwrap()); }, AllIsWell),
    ("an invalid app key", "state/ringback/app.key", |p, _| put(p, "rbk_guess\n"), Refuses(9, "53 characters")),
    ("a master key that is cut short", "state/ringback/master.key", |p, _| put(p, &std::fs::read(p).unwrap()[..20]), Refuses(9, "master.key")),
    ("a master key of a mebibyte", "state/ringback/master.key", |p, _| put(p, "a".repeat(1 << 20)), Refuses(9, "master.key")),
];

/// A copy of all files, so that each row starts from the same state.
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn keep(world: &World) -> Self {
        let kept = Self(world.root().join("kept"));
        copy(&world.root().join("state"), &kept.0);
        kept
    }

    pub(crate) fn restore(&self, world: &World) {
        std::fs::remove_dir_all(world.root().join("state")).unwrap();
        copy(&self.0, &world.root().join("state"));
        let _ = std::fs::remove_dir_all(world.runtime());
        std::fs::create_dir(world.runtime()).unwrap();
        std::fs::set_permissions(world.runtime(), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// Starts the daemon; `None` if it runs, else its exit code.
fn start(world: &mut World) -> Option<i32> {
    world.spawn(None);
    let (pid, stat) = (world.pid(), format!("/proc/{}/stat", world.pid()));
    let ended = until("the daemon runs or ends", || {
        if std::fs::read_to_string(&stat).unwrap_or_default().contains(") Z ") {
            return Some(true);
        }
        (world.is_announced() && world.endpoint().pid == pid).then_some(false)
    });
    ended.then(|| world.ended().code().unwrap_or(-1))
}

#[test]
fn tampered_files_yield_no_token_and_touch_no_other_files() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", ""), account("home", "idp", "")];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world.log_in("home");
    assert_eq!(world.cli(&["app", "add", "editor", "--account", "work"]).0, 0);
    let tokens = (world.token("work"), world.token("home"));
    world.stop();
    let kept = Kept::keep(&world);
    let outside = world.root().join("precious");
    let mut report = Report::default();
    for (name, path, attack, then) in ATTACKS {
        report.row();
        kept.restore(&world);
        put(&outside, "precious");
        let path = world.root().join(path);
        attack(&path, &outside);
        let logged = world.log().len();
        let ended = start(&mut world);
        let said = world.log()[logged..].to_owned();
        match (then, ended) {
            (Refuses(code, says), Some(ended)) => {
                let told = said.contains(says) && said.contains(path.to_str().unwrap());
                report.expect(name, ended == *code && told, (ended, &said));
            }
            (Refuses(..), None) => report.expect(name, false, ("it runs", &said)),
            (_, Some(ended)) => report.expect(name, false, (ended, &said)),
            (WorkIsOut, None) => {
                let (work, home) = (world.get("/v1/accounts/work/token?wait=0"), world.token("home"));
                report.expect(name, work.status >= 400 && home == tokens.1, (&work, &home));
                report.expect(name, world.account("work").state != AccountState::Active, &work);
            }
            (AllIsWell, None) => {
                let seen = (world.token("work"), world.token("home"));
                report.expect(name, seen == tokens, &seen);
            }
        }
        if ended.is_none() {
            world.stop();
        }
        report.expect(name, std::fs::read_to_string(&outside).is_ok_and(|text| text == "precious"), "touched");
        report.expect(name, !said.contains("canary") && !said.contains("panicked"), &said);
    }
    kept.restore(&world);
    assert_eq!(start(&mut world), None, "the control: with unchanged files it runs");
    assert_eq!((world.token("work"), world.token("home")), tokens);
    report.end();
}
