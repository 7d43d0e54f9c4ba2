//! `endpoint.json` names the key file while there is one, and else says how there is one again.

use std::path::Path;

use super::{ENDPOINT_FILE, write_endpoint};
use crate::apps::Apps;
use crate::contract::{Endpoint, KEY_FILE_AGAIN};
use crate::paths::Paths;

/// Why there is no key file, where a program may look for one.
pub(super) fn hint(has_tcp: bool, key_file: Option<&Path>) -> Option<String> {
    (has_tcp && key_file.is_none())
        .then(|| format!("The app `default`, whose key was in the key file, was removed. {KEY_FILE_AGAIN}"))
}

/// Tells local programs of the key file, as long as there is one. Never ends.
pub(super) async fn keep_announced(endpoint: &Endpoint, paths: &Paths, apps: &Apps) {
    let has_tcp = endpoint.url.is_some();
    let mut told = endpoint.key_hint.is_none();
    loop {
        apps.wait_for_change().await;
        let key_file = apps.key_file().filter(|_| has_tcp);
        if !has_tcp || key_file.is_some() == told {
            continue;
        }
        told = key_file.is_some();
        let key_hint = hint(has_tcp, key_file.as_deref());
        let key_file = key_file.map(|path| path.to_string_lossy().into_owned());
        if let Err(failure) = write_endpoint(&Endpoint { key_file, key_hint, ..endpoint.clone() }, paths) {
            tracing::warn!("{ENDPOINT_FILE} does not tell of the change: {}", failure.reply().error_description);
        }
    }
}
