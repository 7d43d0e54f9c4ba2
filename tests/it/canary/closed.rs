//! Another program of the same user sees the daemon in `/proc`, but can't read its memory.

use std::os::unix::fs::FileExt as _;
use std::process::Command;

use super::search::letters;
use crate::idp::Idp;
use crate::world::World;

/// Command prefix that drops all capabilities, with which root could read any process. The user stays the same.
const POWERLESS: [&str; 4] = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

/// Reads a file of `/proc/PID` like any program of this user; returns the number of bytes or the error.
fn read(prefix: &[&str], pid: u32, file: &str) -> Result<usize, String> {
    let path = format!("/proc/{pid}/{file}");
    let program = if file == "exe" { ["readlink", "--verbose", &path] } else { ["head", "--bytes=100000", &path] };
    let words: Vec<&str> = prefix.iter().copied().chain(program).collect();
    let output = Command::new(words[0]).args(&words[1..]).env("LC_ALL", "C").output().unwrap();
    if output.status.success() { Ok(output.stdout.len()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}

/// The number of copies of `secret` in the daemon's memory; `None` where not even root may read it.
pub(super) fn copies(pid: u32, secret: &[u8]) -> Option<usize> {
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        // Unreadable ranges are not the daemon's own memory.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            found += letters(&bytes).matches(&letters(secret)).count();
        }
    }
    Some(found)
}

#[test]
fn the_daemons_memory_is_closed_to_other_programs_and_core_dumps() {
    let prefix: &[&str] = if rustix::process::geteuid().is_root() { &POWERLESS } else { &[] };
    if !prefix.is_empty() && !Command::new("setpriv").arg("--version").output().is_ok_and(|done| done.status.success())
    {
        eprintln!("skipped: root can't be dropped here, there is no setpriv");
        return;
    }
    let mut world = World::start(&Idp::start());
    world.stop();
    // Sets a core limit, so that the daemon has to lower it wherever the test runs.
    let limited: &[&str] = if prefix.is_empty() { &[] } else { &["prlimit", "--core=4096:4096", "--"] };
    world.through = limited.iter().chain(prefix).map(|word| (*word).to_owned()).collect();
    world.run();
    let words: Vec<&str> = prefix.iter().copied().chain(["sleep", "60"]).collect();
    let mut open = Command::new(words[0]).args(&words[1..]).spawn().unwrap();
    crate::world::until("the other program runs", || {
        let name = std::fs::read_to_string(format!("/proc/{}/comm", open.id())).unwrap();
        (name.trim() == "sleep").then_some(())
    });
    for file in ["environ", "maps", "auxv", "exe"] {
        let plain = read(prefix, open.id(), file);
        assert!(plain.as_ref().is_ok_and(|bytes| *bytes > 0), "{file} of a plain program: {plain:?}");
        let closed = read(prefix, world.pid(), file);
        assert!(closed.as_ref().is_err_and(|why| why.contains("ermission denied")), "{file}: {closed:?}");
    }
    let closed = read(prefix, world.pid(), "mem");
    assert!(closed.as_ref().is_err_and(|why| why.contains("ermission denied")), "mem: {closed:?}");
    open.kill().unwrap();
    open.wait().unwrap();
    let line = |file: &str, begins: &str| {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", world.pid())).unwrap();
        text.lines().find_map(|line| line.strip_prefix(begins)).unwrap().to_owned()
    };
    let core = line("limits", "Max core file size");
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    let may_lock = line("limits", "Max locked memory");
    let locked = line("status", "VmLck:");
    assert!(may_lock.trim_start().starts_with("0 ") || !locked.trim().starts_with("0 "), "{locked} of {may_lock}");
    // The warning about a port that changes at every start is expected.
    let is_warning = |line: &&str| line.contains("WARN") && !line.contains("has a different port at every start");
    assert_eq!(world.log().lines().find(is_warning), None);
}
