//! Service discovery: the socket and `endpoint.json`, by which programs find the daemon. Both are in the runtime folder,
//! which logind removes with the user's last session, and which any program of the user may remove. The daemon creates
//! them again.

use std::path::Path;
use std::time::Duration;

use tokio::sync::watch;

use super::key_file;
use crate::apps::Apps;
use crate::contract::Endpoint;
use crate::http::Guarded;
use crate::http::listen::{BindError, ServedListener, Server, SocketId, bind_unix};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::folder_watch::FolderWatch;
use crate::os::paths::Paths;

const ENDPOINT_FILE: &str = "endpoint.json";
/// Retry interval while the runtime folder cannot be created: it may take another session of the user.
const TRIED_AGAIN: Duration = Duration::from_secs(3);
/// A folder goes file by file, and whoever removes it must not find new ones in it meanwhile.
const SETTLED: Duration = Duration::from_secs(1);

/// The files by which programs find the daemon.
pub(super) struct Announced {
    endpoint: Endpoint,
    paths: Paths,
    /// The unix socket, if we bound it.
    socket: Option<BoundSockets>,
    server: Server,
    app: Guarded,
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
    /// Announces the daemon to local programs. `socket`: the unix socket that we bound, and its listener.
    pub(super) fn new(
        endpoint: Endpoint,
        paths: Paths,
        socket: Option<(SocketId, ServedListener)>,
        (server, app): (Server, Guarded),
    ) -> Result<Self, FolderError> {
        let socket = socket.map(|(id, open)| BoundSockets { id, _open: open });
        let announced = Self { endpoint, paths, socket, server, app };
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

    /// Creates missing files again, within seconds or as soon as the folder can be created. Checks whenever one of the
    /// folders changes, and when `hangup` rings. Names the key file while `apps` has one. Never returns.
    pub(super) async fn keep(&mut self, mut hangup: watch::Receiver<()>, apps: &Apps) {
        let (mut is_found, mut changes) = (true, FolderWatch::new());
        loop {
            // Subscribed before the check, so that no change is missed.
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
                        tracing::error!("programs can't find the daemon: {error}. Retrying every {seconds} s");
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
            tracing::warn!("{ENDPOINT_FILE} could not be updated: {error}");
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
                // Connections of the earlier socket continue.
                *bound = BoundSockets { id, _open: self.server.spawn(listener, self.app.clone()) };
                tracing::warn!(socket = %path.display(), "the socket had been removed; created it again");
            }
        }
        if !self.paths.endpoint_file().exists() {
            self.write()?;
            tracing::warn!("{ENDPOINT_FILE} had been removed; created it again");
        }
        Ok(())
    }

    /// Removes the announcement, if it is our own: a daemon with another state folder may have replaced it.
    pub(super) fn withdraw(self) {
        let file = self.paths.endpoint_file();
        let found = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Endpoint>(&text).ok());
        if found.is_some_and(|found| found.pid == self.endpoint.pid) {
            // If it can't be removed, it names a process that no longer exists.
            _ = std::fs::remove_file(file);
        }
    }
}
