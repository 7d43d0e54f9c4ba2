//! Programs find the daemon by two files: its socket and `endpoint.json`. Both lie in the runtime folder, which logind
//! removes with the last session of its user, and anybody of that user may. What is gone is made anew.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use tokio::sync::watch;

use super::key_file;
use crate::apps::Apps;
use crate::contract::Endpoint;
use crate::http::listen::{BindError, ServedListener, Server, SocketId, bind_unix};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::folder_watch::FolderWatch;
use crate::os::paths::Paths;

const ENDPOINT_FILE: &str = "endpoint.json";
/// How often it is tried while there is no place for the files: only another login of the user may bring it back.
const TRIED_AGAIN: Duration = Duration::from_secs(3);
/// A folder goes file by file, and whoever removes it must not find new ones in it meanwhile.
const SETTLED: Duration = Duration::from_secs(1);

/// What the daemon is found by.
pub(super) struct Announced {
    endpoint: Endpoint,
    paths: Paths,
    /// The unix socket, if we bound it.
    socket: Option<BoundSockets>,
    server: Server,
    router: Router,
}

struct BoundSockets {
    id: SocketId,
    _open: ServedListener,
}

#[derive(Debug, thiserror::Error)]
enum Unfindable {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Socket(#[from] BindError),
}

impl Announced {
    /// Tells local programs where to ask. `socket`: the unix socket that we bound, and its listener.
    pub(super) fn new(
        endpoint: Endpoint,
        paths: Paths,
        socket: Option<(SocketId, ServedListener)>,
        (server, router): (Server, Router),
    ) -> Result<Self, FolderError> {
        let socket = socket.map(|(id, open)| BoundSockets { id, _open: open });
        let announced = Self { endpoint, paths, socket, server, router };
        announced.write()?;
        Ok(announced)
    }

    /// The endpoint that is announced.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn write(&self) -> Result<(), FolderError> {
        let text = serde_json::to_vec_pretty(&self.endpoint).unwrap_or_default();
        Folder::open(&self.paths.runtime)?.write(ENDPOINT_FILE, &text)
    }

    /// Makes anew what is gone, within seconds, or as soon as there is a place for it: looks whenever one of the folders
    /// changes, and when `hangup` rings. Names the key file for as long as `apps` has one. Never ends.
    pub(super) async fn keep(&mut self, mut hangup: watch::Receiver<()>, apps: &Apps) {
        let (mut is_found, mut changes) = (true, FolderWatch::new());
        loop {
            // From before the look, so that nothing is missed in between.
            changes.watch(self.folders());
            let pause = match self.mend().await {
                Ok(()) => {
                    if !std::mem::replace(&mut is_found, true) {
                        tracing::info!("programs find the daemon again");
                    }
                    None
                }
                Err(error) => {
                    if std::mem::replace(&mut is_found, false) {
                        let seconds = TRIED_AGAIN.as_secs();
                        tracing::error!("programs can't find the daemon: {error}. It is tried again every {seconds} s");
                    }
                    Some(TRIED_AGAIN)
                }
            };
            let next = async {
                if pause.is_none() {
                    changes.changed().await;
                }
                tokio::time::sleep(pause.unwrap_or(SETTLED)).await;
            };
            tokio::select! {
                () = next => {}
                Ok(()) = hangup.changed() => {}
                () = apps.wait_for_change() => self.name_key_file(apps),
            }
        }
    }

    fn name_key_file(&mut self, apps: &Apps) {
        let (key_file, key_hint) = key_file::named(self.endpoint.url.is_some(), apps.key_file().as_deref());
        if key_file == self.endpoint.key_file {
            return;
        }
        (self.endpoint.key_file, self.endpoint.key_hint) = (key_file, key_hint);
        if let Err(error) = self.write() {
            tracing::warn!("{ENDPOINT_FILE} does not tell of the change: {error}");
        }
    }

    fn folders(&self) -> impl Iterator<Item = &Path> {
        let of_socket = self.socket.as_ref().and_then(|bound| bound.id.path().parent());
        std::iter::once(self.paths.runtime.as_path()).chain(of_socket)
    }

    async fn mend(&mut self) -> Result<(), Unfindable> {
        if let Some(bound) = self.socket.as_mut().filter(|bound| !bound.id.is_in_place()) {
            let path = bound.id.path().to_owned();
            Folder::open(path.parent().unwrap_or(Path::new("/")))?;
            let listener = bind_unix(&path).await?;
            if let Some(id) = listener.socket().cloned() {
                // What came in through the one before goes on.
                *bound = BoundSockets { id, _open: self.server.spawn(listener, self.router.clone()) };
                tracing::warn!(socket = %path.display(), "the socket had been removed, and is there again");
            }
        }
        if !self.paths.endpoint_file().exists() {
            self.write()?;
            tracing::warn!("{ENDPOINT_FILE} had been removed, and is there again");
        }
        Ok(())
    }

    /// Takes the announcement back. Only our own: a daemon with another state folder may have put its in the same place.
    pub(super) fn withdraw(self) {
        let file = self.paths.endpoint_file();
        let found = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Endpoint>(&text).ok());
        if found.is_some_and(|found| found.pid == self.endpoint.pid) {
            // What can't be removed tells of a process that is gone.
            _ = std::fs::remove_file(file);
        }
    }
}
