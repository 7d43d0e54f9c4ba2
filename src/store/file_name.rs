//! The names of the accounts' files, and the error of a file.

use std::fmt::Display;
use std::path::PathBuf;

use super::StoreError;

/// The suffix of every sealed file.
pub(super) const SUFFIX: &str = ".sealed";

/// The name of the account's file.
pub(super) fn file_name(account: &str) -> String {
    format!("{account}{SUFFIX}")
}

/// An I/O error at `path`: what the system or the file says.
pub(super) fn io(path: impl Into<PathBuf>, why: &dyn Display) -> StoreError {
    StoreError::Io { path: path.into(), why: why.to_string() }
}
