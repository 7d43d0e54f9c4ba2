//! Where the daemon listens: what systemd passed, and what of the config it did not.

use std::error::Error;
use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{Config, SocketChoice};
use crate::http::listen::{BoundListener, Passed, PassedError, bind_tcp, bind_unix};
use crate::paths::{self, Paths};

/// The listeners of the config, in its order, and after them what was passed besides.
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
            tracing::warn!(%address, "systemd passed a port that `listen.tcp` does not name: it is served, too");
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn unix(choice: &SocketChoice, paths: &Paths, passed: &mut Passed) -> Result<Option<BoundListener>, Failure> {
    paths::private_folder(&paths.runtime).map_err(|error| failed(&error))?;
    let path = match choice {
        SocketChoice::At(path) => path.clone(),
        SocketChoice::Default | SocketChoice::Off => paths.socket(),
    };
    // Of the user's choice, too: nobody may put another in its place, or look in while it is made.
    let folder = path.parent().unwrap_or(Path::new("/"));
    paths::private_folder(folder).map_err(|error| failed(&error))?;
    let off = *choice == SocketChoice::Off;
    match passed.unix(&path).map_err(|error| refused(&error))? {
        Some(listener) => {
            if off {
                tracing::warn!("systemd passed the unix socket that `listen.socket` switches off: it is served");
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

/// The same for as long as the unit is the same, so it ends as a mistake in the config does.
pub(super) fn refused(error: &PassedError) -> Failure {
    message::passed_socket_unusable(error)
}
