//! A notification server on its own D-Bus.

#![allow(clippy::used_underscore_binding, reason = "the macro of an interface uses what it is given")]

use std::collections::HashMap;
use std::sync::mpsc;
use std::time::Duration;

use crate::suspend::Bus;

const PATH: &str = "/org/freedesktop/Notifications";
const PATIENCE: Duration = Duration::from_secs(20);

/// A requested notification.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) actions: Vec<String>,
}

/// Passes on requests to show and to close notifications.
struct Server {
    shown: mpsc::Sender<Shown>,
    closed: mpsc::Sender<u32>,
    last: u32,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Server {
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    fn notify(
        &mut self,
        _app: &str,
        _replaces: u32,
        _icon: &str,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, zbus::zvariant::OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        self.last += 10;
        self.shown.send(Shown { id: self.last, title, body, actions }).unwrap();
        self.last
    }

    fn close_notification(&self, id: u32) {
        let _ = self.closed.send(id);
    }

    #[zbus(signal)]
    async fn action_invoked(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        id: u32,
        action: &str,
    ) -> zbus::Result<()>;
}

pub(crate) struct Desktop {
    bus: Bus,
    runtime: tokio::runtime::Runtime,
    connection: zbus::Connection,
    shown: mpsc::Receiver<Shown>,
    closed: mpsc::Receiver<u32>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let bus = Bus::start();
        let (sees, shown) = mpsc::channel();
        let (hears, closed) = mpsc::channel();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(bus.address.as_str()).unwrap();
            let server = Server { shown: sees, closed: hears, last: 0 };
            let builder = builder.serve_at(PATH, server).unwrap();
            builder.name("org.freedesktop.Notifications").unwrap().build().await.unwrap()
        });
        Self { bus, runtime, connection, shown, closed }
    }

    /// The environment variable with which a daemon finds this bus.
    pub(crate) fn variable(&self) -> String {
        format!("DBUS_SESSION_BUS_ADDRESS={}", self.bus.address)
    }

    /// The next notification; waits for it.
    pub(crate) fn next(&self) -> Shown {
        self.shown.recv_timeout(PATIENCE).expect("nothing was shown")
    }

    /// Whether something is shown within `span`.
    pub(crate) fn shows_within(&self, span: Duration) -> bool {
        self.shown.recv_timeout(span).is_ok()
    }

    /// The next notification that is closed; waits for it.
    pub(crate) fn next_closed(&self) -> u32 {
        self.closed.recv_timeout(PATIENCE).expect("nothing was closed")
    }

    pub(crate) fn press(&self, id: u32, action: &str) {
        self.runtime.block_on(async {
            let server = self.connection.object_server().interface::<_, Server>(PATH).await.unwrap();
            Server::action_invoked(server.signal_emitter(), id, action).await.unwrap();
        });
    }
}
