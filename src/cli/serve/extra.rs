//! The additional listeners (`[[listen.extra]]`): opened at the start and by a reload, tried again until they are, and
//! closed when the config no longer has them.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::{ExtraListener, Metadata};
use crate::http::extra_states::{ExtraState, ExtraStates};
use crate::http::listen::{
    BindError, BoundListener, ServedListener, Server, SocketId, bind_app_socket, bind_extra_tcp,
};
use crate::http::{self, ExtraGate, ExtraProof, Gate, Http};
use crate::os::folder::error::FolderError;
use crate::os::folder::{Folder, trust};
use crate::os::folder_watch::FolderWatch;
use crate::os::ports;
use crate::os::sockets::is_absent;

/// How long until one that could not be opened is tried again.
const TRIED_AGAIN: Duration = Duration::from_secs(5);
/// A folder goes file by file, and whoever removes it must not find new ones in it meanwhile.
const SETTLED: Duration = Duration::from_secs(1);

/// All of them.
pub(super) struct ExtraListeners {
    server: Server,
    http: Http,
    gate: Gate,
    states: ExtraStates,
    all: Vec<Entry>,
}

/// One that the config has.
struct Entry {
    listener: ExtraListener,
    open: Option<OpenExtra>,
    /// Why it is not open.
    problem: Option<String>,
}

/// One that is open. Its connections end with it.
struct OpenExtra {
    server: Server,
    listening: ServedListener,
    socket: Option<SocketId>,
}

/// Why one can't be opened.
#[derive(Debug, thiserror::Error)]
enum NotOpen {
    #[error("this machine does not have the address yet")]
    NoAddress,
    #[error("another program has the port{who}")]
    Taken { who: String },
    #[error("can't listen: {0}")]
    Io(io::Error),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Socket(#[from] BindError),
}

impl ExtraListeners {
    /// None so far.
    pub(super) fn new(server: &Server, http: Http, gate: Gate) -> Self {
        let states = http.extra_listeners.clone();
        Self { server: server.clone(), http, gate, states, all: Vec::new() }
    }

    /// Opens those in `wanted`, as far as that is possible, and closes all others.
    pub(super) async fn apply(&mut self, wanted: &[ExtraListener]) {
        let before = std::mem::take(&mut self.all);
        let (kept, gone): (Vec<Entry>, _) = before.into_iter().partition(|entry| wanted.contains(&entry.listener));
        // Before the others are opened: one of them may have the same address.
        close(gone).await;
        self.all = kept;
        for listener in wanted {
            if !self.all.iter().any(|entry| entry.listener == *listener) {
                self.all.push(Entry { listener: listener.clone(), open: None, problem: None });
            }
        }
        self.open().await;
    }

    /// Opens those that are not open.
    async fn open(&mut self) {
        for entry in &mut self.all {
            if let Some(id) = entry.open.as_ref().and_then(|open| open.socket.as_ref()).filter(|id| !id.is_in_place()) {
                tracing::warn!(socket = %id.path().display(), "the socket of an app had been removed; it is created again");
                // Connections of the earlier socket continue.
                if let Some(open) = entry.open.take() {
                    tokio::spawn(async move { open.ended().await });
                }
            }
            if entry.open.is_some() {
                continue;
            }
            match bind(&entry.listener).await {
                Ok(bound) => {
                    let (server, socket) = (self.server.apart(), bound.socket().cloned());
                    let app = http::extra_router(self.http.clone(), self.gate.clone(), gate_of(&entry.listener));
                    let listening = server.spawn(bound, app);
                    entry.open = Some(OpenExtra { server, listening, socket });
                    entry.problem = None;
                    tracing::info!(at = %entry.listener, "an additional listener is open");
                }
                Err(error) => {
                    let problem = error.to_string();
                    if entry.problem.as_ref() != Some(&problem) {
                        let (at, seconds) = (&entry.listener, TRIED_AGAIN.as_secs());
                        tracing::warn!(%at, "an additional listener is not open: {problem}. Retrying every {seconds} s");
                    }
                    entry.problem = Some(problem);
                }
            }
        }
        let state = |entry: &Entry| ExtraState { listener: entry.listener.clone(), problem: entry.problem.clone() };
        self.states.publish(self.all.iter().map(state).collect());
    }

    /// Follows the config, and opens again what can't be reached. Never returns.
    pub(super) async fn keep(&mut self, mut wanted: watch::Receiver<Vec<ExtraListener>>) {
        // Made when there is a socket: it costs a thread.
        let mut removals: Option<FolderWatch> = None;
        loop {
            if self.folders().next().is_some() {
                // Subscribed before the check, so that no change is missed.
                removals.get_or_insert_with(FolderWatch::new).watch(self.folders());
            }
            self.open().await;
            let all_open = self.all.iter().all(|entry| entry.open.is_some());
            let removed = async {
                match &mut removals {
                    Some(removals) => removals.changed().await,
                    None => std::future::pending().await,
                }
                tokio::time::sleep(SETTLED).await;
            };
            tokio::select! {
                () = removed => {}
                () = tokio::time::sleep(TRIED_AGAIN), if !all_open => {}
                _ = wanted.changed() => {
                    let wanted = wanted.borrow_and_update().clone();
                    self.apply(&wanted).await;
                }
            }
        }
    }

    fn folders(&self) -> impl Iterator<Item = &Path> {
        let sockets = self.all.iter().filter_map(|entry| entry.open.as_ref()?.socket.as_ref());
        sockets.filter_map(|id| id.path().parent())
    }

    /// Closes all of them: lets requests in flight end, and cuts what is left.
    pub(super) async fn shut_down(self) {
        close(self.all).await;
    }
}

impl OpenExtra {
    async fn ended(self) {
        drop(self.listening);
        self.server.shut_down().await;
    }
}

async fn close(entries: Vec<Entry>) {
    let each = entries.into_iter().filter_map(|entry| {
        let open = entry.open?;
        tracing::info!(at = %entry.listener, "an additional listener is closed");
        Some(open.ended())
    });
    futures_util::future::join_all(each).await;
}

fn gate_of(listener: &ExtraListener) -> ExtraGate {
    match listener {
        ExtraListener::Tcp { hosts, metadata, .. } => {
            let proof = match metadata.clone() {
                None => ExtraProof::Key,
                Some(Metadata::Gce { account }) => ExtraProof::OwnUser { account },
                Some(Metadata::Azure { account, app }) => ExtraProof::IdentityHeader { account, app },
            };
            ExtraGate { hosts: hosts.clone(), proof }
        }
        ExtraListener::Socket { hosts, app, .. } => {
            ExtraGate { hosts: hosts.clone(), proof: ExtraProof::SocketOf(app.clone()) }
        }
    }
}

async fn bind(listener: &ExtraListener) -> Result<BoundListener, NotOpen> {
    match listener {
        ExtraListener::Tcp { address, .. } => bind_extra_tcp(*address).map_err(|error| match error.kind() {
            _ if is_absent(&error) => NotOpen::NoAddress,
            io::ErrorKind::AddrInUse => {
                let holder = ports::listening_at(*address).and_then(|all| all.first().map(ToString::to_string));
                NotOpen::Taken { who: holder.map(|who| format!(" ({who})")).unwrap_or_default() }
            }
            _ => NotOpen::Io(error),
        }),
        ExtraListener::Socket { path, mode, .. } => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            if !folder.exists() {
                Folder::open(folder)?;
            }
            // Nobody else may put another socket in its place.
            trust::check_parents(path)?;
            Ok(bind_app_socket(path, *mode).await?)
        }
    }
}
