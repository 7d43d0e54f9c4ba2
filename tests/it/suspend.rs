//! The store is locked before the machine is suspended. The test simulates logind on its own D-Bus.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use zbus::zvariant;

use crate::idp::{Act, Idp};
use crate::world::{World, account, provider, until};

/// A `dbus-daemon` that is stopped on drop.
pub(crate) struct Bus {
    daemon: Child,
    pub(crate) address: String,
}

impl Bus {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--print-address"]).stdout(Stdio::piped());
        let mut daemon = command.spawn().expect("this test needs dbus-daemon: install the package of that name");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { daemon, address: address.trim().to_owned() }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Issues each inhibitor as one end of a pipe and passes on the other end, which reaches its end when the inhibitor is
/// dropped.
struct Manager(mpsc::Sender<(String, std::io::PipeReader)>);

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zvariant::OwnedFd {
        assert!(!why.is_empty());
        let (reader, writer) = std::io::pipe().unwrap();
        self.0.send((format!("{what} {who} {mode}"), reader)).unwrap();
        OwnedFd::from(writer).into()
    }

    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &zbus::object_server::SignalEmitter<'_>, start: bool) -> zbus::Result<()>;
}

/// The part of logind that announces sleep.
struct Logind {
    runtime: tokio::runtime::Runtime,
    connection: zbus::Connection,
    inhibitors: mpsc::Receiver<(String, std::io::PipeReader)>,
}

const PATH: &str = "/org/freedesktop/login1";

impl Logind {
    fn on(bus: &Bus) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, inhibitors) = mpsc::channel();
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(bus.address.as_str()).unwrap();
            let builder = builder.name("org.freedesktop.login1").unwrap().serve_at(PATH, Manager(sender)).unwrap();
            builder.build().await.unwrap()
        });
        Self { runtime, connection, inhibitors }
    }

    fn inhibitor(&self) -> std::io::PipeReader {
        let (asked, reader) = until("an inhibitor is taken", || self.inhibitors.try_recv().ok());
        assert_eq!(asked, "sleep ringback delay");
        reader
    }

    fn tell(&self, about_to_sleep: bool) {
        let told = self.runtime.block_on(async {
            let emitter = zbus::object_server::SignalEmitter::new(&self.connection, PATH).unwrap();
            Manager::prepare_for_sleep(&emitter, about_to_sleep).await
        });
        told.unwrap();
    }
}

/// Waits until the inhibitor has been dropped.
fn dropped(mut inhibitor: std::io::PipeReader) {
    assert_eq!(inhibitor.read(&mut [0]).unwrap(), 0);
}

fn start(idp: &Idp, bus: &str) -> World {
    let store = "[store]\nlock_on_suspend = true\n";
    let mut world =
        World::with_config(&[store, &provider("idp", idp, "/token", ""), &account("work", "idp", "")].concat());
    world.through = ["/usr/bin/env".to_owned(), format!("DBUS_SYSTEM_BUS_ADDRESS={bus}")].to_vec();
    world.arguments = vec!["--log".into(), "debug".into()];
    world.run();
    world
}

#[test]
fn the_store_is_locked_before_a_suspend_after_storing_the_refresh_in_flight() {
    let (bus, idp) = (Bus::start(), Idp::start());
    let logind = Logind::on(&bus);
    let world = start(&idp, &bus.address);
    let inhibitor = logind.inhibitor();
    world.log_in("work");
    let old = world.token("work");
    idp.next(Act::WorkAndHold);
    let refresh = world.command(&["refresh", "work"]).spawn().unwrap();
    idp.until_holding();
    logind.tell(true);
    until("callers are turned away", || (world.get("/v1/accounts/work/token?wait=0").status == 423).then_some(()));
    idp.release();
    dropped(inhibitor);
    // The machine would be suspended now.
    assert_eq!(world.get("/v1/accounts").json()["store"], "locked");
    assert!(logind.inhibitors.try_recv().is_err());
    _ = refresh.wait_with_output().unwrap();
    logind.tell(false);
    let next = logind.inhibitor();
    assert_eq!(world.get("/v1/accounts/work/token").status, 423, "resuming does not unlock");
    assert_eq!(world.cli(&["unlock"]).0, 0);
    let new = world.token("work");
    assert!(new != old && idp.honours(&new));
    logind.tell(true);
    dropped(next);
    assert_eq!(world.get("/v1/accounts/work/token").status, 423, "locked at the next suspend, too");
    assert_eq!((idp.refreshes(), idp.reuses()), (1, 0));
}

#[test]
fn without_logind_the_daemon_runs_and_logs_its_fallback() {
    let (bus, idp) = (Bus::start(), Idp::start());
    for address in [bus.address.as_str(), "unix:path=/nonexistent/bus"] {
        let world = start(&idp, address);
        world.until_logged("after the machine has slept, not before");
        world.log_in("work");
        world.token("work");
    }
}
