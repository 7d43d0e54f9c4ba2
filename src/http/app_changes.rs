//! Changes to the list of apps and to what the user said of them: on disk, off the runtime's threads.

use super::state::Http;
use crate::apps::{Apps, AppsError};
use crate::error::{Error, Obstacle};

/// Removes an app and the user's answers about it: another app may have its name later.
pub(super) async fn remove_with_answers(http: &Http, apps: Apps, name: String) -> Result<(), Error> {
    let consents = http.consents.clone();
    on_disk(move || {
        // Both, even if one fails: the app is gone, and nobody can remove it again.
        let removed = apps.remove(&name);
        if matches!(removed, Err(AppsError::Unknown(_) | AppsError::Name)) {
            return removed;
        }
        removed.and(consents.forget_app(&name).map(drop))
    })
    .await
}

/// Runs `work` on a thread for blocking I/O. It runs to completion even if the caller disconnects.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppsError> + Send + 'static,
) -> Result<T, Error> {
    let died = |_| Error::Internal { what: "the thread that changes the apps crashed".into() };
    tokio::task::spawn_blocking(work).await.map_err(died)?.map_err(|error| match error {
        AppsError::Exists(name) => Error::AppExists { name },
        AppsError::Unknown(name) => Error::UnknownApp { name },
        AppsError::Name => Error::Obstacle(Obstacle::AppName { why: error.to_string() }),
        AppsError::Folder(_) | AppsError::Malformed { .. } => Error::StoreUnavailable { why: error.to_string() },
        AppsError::Random(_) => Error::Internal { what: error.to_string() },
    })
}
