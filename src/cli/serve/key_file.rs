//! The key file in `endpoint.json`, or a hint how to create it.

use std::path::Path;

use crate::apps::wording::KEY_FILE_AGAIN;

/// The file's name, or why there is none. Only programs on TCP need one.
pub(super) fn named(has_tcp: bool, key_file: Option<&Path>) -> (Option<String>, Option<String>) {
    match key_file {
        _ if !has_tcp => (None, None),
        Some(path) => (Some(path.to_string_lossy().into_owned()), None),
        None => {
            (None, Some(format!("The app `default`, whose key was in the key file, was removed. {KEY_FILE_AGAIN}")))
        }
    }
}
