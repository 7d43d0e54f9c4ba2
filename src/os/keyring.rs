//! The OS keyring: the Secret Service of the user's desktop session (GNOME Keyring, `KWallet`, `KeePassXC`).
//!
//! All calls block, for at most [`PATIENCE`]; async code goes through `tokio::task::spawn_blocking`.
//! An item is found by its attributes `service` and `username`, so that
//! `secret-tool store --label=ringback service SERVICE username USER` writes what [`get`] reads.
//!
//! `KWallet` stores only text: binary data has to be encoded first (base64).

use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

#[cfg(target_os = "linux")]
mod channel;
mod error;
#[cfg(target_os = "linux")]
mod secret_service;

pub(crate) use error::KeyringError;
pub(super) use error::PATIENCE;

/// How much later a thread is given up that does not end by itself at [`PATIENCE`].
const BACKSTOP: Duration = Duration::from_secs(1);

/// The secret of the one item with these attributes.
pub(crate) fn get(service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let (service, user) = (service.to_owned(), user.to_owned());
    within_patience(move || secret_service::get(&service, &user))
}

/// Replaces the secret of the one item with these attributes, or creates the item in the default collection. After
/// [`KeyringError::TimedOut`] the item may or may not have been written.
pub(crate) fn set(service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
    let (service, user, secret) = (service.to_owned(), user.to_owned(), Zeroizing::new(secret.to_vec()));
    within_patience(move || secret_service::set(&service, &user, &secret))
}

/// Deletes the one item with these attributes.
pub(crate) fn delete(service: &str, user: &str) -> Result<(), KeyringError> {
    let (service, user) = (service.to_owned(), user.to_owned());
    within_patience(move || secret_service::delete(&service, &user))
}

/// Runs `ask` on a thread of its own and stops waiting after [`PATIENCE`].
///
/// Not on tokio's blocking pool: a runtime waits for that pool when it shuts down, and a prompt that
/// nobody answers would keep the daemon from stopping.
fn within_patience<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (answer, answered) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("keyring".into())
        // A failed send only means that the caller no longer waits.
        .spawn(move || drop(answer.send(ask())))
        .map_err(|error| KeyringError::Failed { why: format!("no thread could be started: {error}") })?;
    match answered.recv_timeout(PATIENCE + BACKSTOP) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(KeyringError::TimedOut),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(KeyringError::Failed { why: "its client failed".into() }),
    }
}

#[cfg(not(target_os = "linux"))]
mod secret_service {
    use zeroize::Zeroizing;

    use super::KeyringError;

    pub(super) fn get(_service: &str, _user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        Err(unsupported())
    }

    pub(super) fn set(_service: &str, _user: &str, _secret: &[u8]) -> Result<(), KeyringError> {
        Err(unsupported())
    }

    pub(super) fn delete(_service: &str, _user: &str) -> Result<(), KeyringError> {
        Err(unsupported())
    }

    fn unsupported() -> KeyringError {
        KeyringError::NoService { why: "ringback uses the keyring on Linux only".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_panics_is_a_failure_and_not_a_hang() {
        let result: Result<(), _> = within_patience(|| panic!("as the client does on a poisoned lock"));
        assert_eq!(result, Err(KeyringError::Failed { why: "its client failed".into() }));
    }

    #[test]
    fn the_answer_comes_through() {
        assert_eq!(within_patience(|| Ok(7)), Ok(7));
    }
}
