//! Which names accounts may have as files, and how such a file is called.

use std::fmt::Display;
use std::path::PathBuf;

use super::StoreError;

/// Ends the name of every sealed file.
pub(super) const SUFFIX: &str = ".sealed";

/// The name of the account's file.
pub(super) fn file_name(account: &str) -> String {
    format!("{account}{SUFFIX}")
}

/// The error of a file: what the system or the file says.
pub(super) fn io(path: impl Into<PathBuf>, why: &dyn Display) -> StoreError {
    StoreError::Io { path: path.into(), why: why.to_string() }
}
