//! The daemon as the first process of a container.

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::idp::Idp;
use crate::world::{World, until};

/// Mounts the namespace's own `/proc`, so that the daemon sees itself as process 1.
const CONTAINER: [&str; 6] = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];

/// Starts the daemon as process 1; `None` where the system does not allow PID namespaces.
fn run_in_container(world: &mut World) -> Option<()> {
    let tried = Command::new(CONTAINER[0]).args(&CONTAINER[1..]).arg("true").status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system does not allow PID namespaces");
        return None;
    }
    world.through = CONTAINER.map(str::to_owned).into();
    world.spawn(None);
    Some(())
}

/// Processes whose parent is `parent`, zombies among them.
fn children(parent: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stats = pids.filter_map(|pid| Some((pid, std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)));
    let found = stats.filter_map(|(pid, stat)| {
        let found = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        (found.parse() == Ok(parent)).then_some(pid)
    });
    found.collect()
}

#[test]
fn as_process_1_it_reaps_orphans_and_forwards_signals() {
    let idp = Idp::start();
    // An orphan that exits shortly after its parent.
    let hook = r#"hook = ["/bin/sh", "-c", "(sleep 0.2; echo gone >> \"$HOME/orphans\") & exit 0"]"#;
    let mut world = World::with_config(&World::config_of(&idp, "", "", hook));
    let Some(()) = run_in_container(&mut world) else { return };
    until("the daemon is ready", || world.is_announced().then_some(()));
    // `unshare`, process 1, the daemon.
    let first = children(world.pid())[0];
    let daemon = children(first)[0];
    let tell = |signal| kill_process(Pid::from_raw(first.try_into().unwrap()).unwrap(), signal).unwrap();
    world.log_in("work");
    tell(Signal::HUP);
    world.until_logged("the config was reloaded");
    let orphans = world.root().join("orphans");
    until("the orphan has ended", || {
        std::fs::read_to_string(&orphans).is_ok_and(|text| !text.is_empty()).then_some(())
    });
    until("it was reaped", || children(first).iter().all(|pid| *pid == daemon).then_some(()));
    tell(Signal::TERM);
    let status = world.ended();
    assert_eq!((status.code(), world.is_announced()), (Some(0), false), "{}", world.log());
}

#[test]
fn a_failed_start_ends_process_1_with_the_daemons_exit_code() {
    let mut world = World::with_config("nonsense = 1\n[listen]\ntcp = [\"192.0.2.1:80\"]\n");
    let Some(()) = run_in_container(&mut world) else { return };
    assert_eq!(world.ended().code(), Some(2), "{}", world.log());
}
