//! Booting a machine without a battery-backed clock, whose time is in the past.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::idp::{Act, Idp};
use crate::world::World;

const HOUR: i64 = 3600;

/// The wall clock and boot id that the daemon sees (`tests/faults/shim.c`).
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O2", "-o"]).arg(folder.path().join("shim.so")).arg(source).arg("-ldl");
        assert!(compile.status().expect("this test needs a C compiler").success());
        let machine = Self { folder };
        machine.boots("first", 0);
        machine
    }

    /// Simulates a boot with this id and the wall clock off by `off` seconds.
    fn boots(&self, id: &str, off: i64) {
        std::fs::write(self.folder.path().join("boot"), id).unwrap();
        // Six 8-byte numbers; the first is the wall clock's offset in milliseconds.
        let orders = [off * 1000, 0, 0, 0, 0, 0].map(i64::to_le_bytes).concat();
        std::fs::write(self.folder.path().join("orders"), orders).unwrap();
    }

    fn variables(&self) -> Vec<String> {
        let of = |(name, file): (&str, &str)| format!("{name}={}", self.folder.path().join(file).display());
        let files = [("LD_PRELOAD", "shim.so"), ("FAULT_SHIM", "orders"), ("FAULT_BOOT_ID", "boot")].map(of);
        [vec!["/usr/bin/env".to_owned()], files.to_vec()].concat()
    }
}

#[test]
fn after_a_boot_with_a_clock_that_is_behind_no_old_token_counts_as_valid() {
    for off in [-HOUR / 2, -3 * HOUR, -24 * HOUR, -365 * 24 * HOUR] {
        let (idp, machine) = (Idp::start(), Machine::new());
        let mut world = World::with_config(&World::config_of(&idp, "", "", ""));
        world.through = machine.variables();
        world.run();
        world.log_in("work");
        let old = world.token("work");
        world.stop();
        // The same boot after the clock was set: the time since boot shows that the token is valid.
        world.run();
        assert_eq!((world.token("work"), idp.refreshes()), (old.clone(), 0), "{off}");
        world.stop();
        machine.boots("second", off);
        idp.next(Act::WorkAndHold);
        world.run();
        idp.until_holding();
        let meanwhile = world.get("/v1/accounts/work/token?wait=0");
        assert_eq!(meanwhile.status, 503, "{off}: {meanwhile:?}");
        let (code, said, _) = world.cli(&["status"]);
        assert!(code == 7 && said.contains("clock is behind"), "{off}: {code} {said}");
        idp.release();
        let reply = world.get("/v1/accounts/work/token?wait=15");
        assert_eq!(reply.status, 200, "{off}: {reply:?}");
        let token = world.token("work");
        assert!(token != old && idp.honours(&token), "{off}");
        assert_eq!((idp.refreshes(), idp.reuses()), (1, 0), "{off}");
    }
}
