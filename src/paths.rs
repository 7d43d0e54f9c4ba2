//! Private folders and files: who may look, and durable writes. Where they are, [`Paths`] says.

pub mod file_system;
pub mod folder;
mod trust;

use std::path::Path;

use folder::{Folder, FolderError};
pub(crate) use ringback_client::os::holder;
pub use ringback_client::paths::{NoHome, Paths};
pub use trust::{Changer, changer, check_parents};

/// Opens the folder at `path`, made 0700 if missing; refused if others could look into or replace it.
pub fn private_folder(path: &Path) -> Result<Folder, FolderError> {
    Folder::open(path)
}

/// Replaces `folder/name` (0600) durably and at once.
pub fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
    Folder::open(folder)?.write(name, bytes)
}
