//! The daemon's listeners: sockets that systemd passed (socket activation), and the rest of the config's addresses.

use std::error::Error;
use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{Config, SocketChoice};
use crate::http::listen::{BoundListener, Passed, PassedError, bind_tcp, bind_unix};
use crate::os::folder::Folder;
use crate::os::paths::Paths;

/// The listeners of the config, in its order, followed by other passed sockets.
pub(super) async fn bind(config: &Config, paths: &Paths, mut passed: Passed) -> Result<Vec<BoundListener>, Failure> {
    let mut listeners = Vec::new();
    for &address in &config.listen.tcp {
        listeners.push(match passed.tcp(address).map_err(|error| refused(&error))? {
            Some(listener) => listener,
            None => bind_tcp(address).await.map_err(|error| failed(&error))?,
        });
    }
    listeners.extend(unix(&config.listen.socket, paths, &mut passed).await?);
    for listener in passed.rest().map_err(|error| refused(&error))? {
        if let Some(address) = listener.tcp_address() {
            tracing::warn!(%address, "systemd passed a port that `listen.tcp` does not name: serving it, too");
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn unix(choice: &SocketChoice, paths: &Paths, passed: &mut Passed) -> Result<Option<BoundListener>, Failure> {
    Folder::open(&paths.runtime).map_err(|error| failed(&error))?;
    let path = match choice {
        SocketChoice::At(path) => path.clone(),
        SocketChoice::Default | SocketChoice::Off => paths.socket(),
    };
    // Also for a path that the user chose: nobody may replace the socket, or connect before its mode is set.
    let folder = path.parent().unwrap_or(Path::new("/"));
    Folder::open(folder).map_err(|error| failed(&error))?;
    let off = *choice == SocketChoice::Off;
    match passed.unix(&path).map_err(|error| refused(&error))? {
        Some(listener) => {
            if off {
                tracing::warn!("systemd passed a unix socket although `listen.socket` turns it off: serving it");
            }
            Ok(Some(listener))
        }
        None if off => Ok(None),
        None => bind_unix(&path).await.map(Some).map_err(|error| failed(&error)),
    }
}

pub(super) fn failed(error: &dyn Error) -> Failure {
    message::address_unusable(error)
}

/// Retrying does not help until the unit changes, so the exit code is that of a mistake in the config.
pub(super) fn refused(error: &PassedError) -> Failure {
    message::passed_socket_unusable(error)
}
