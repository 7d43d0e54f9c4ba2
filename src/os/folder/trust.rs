//! Who has access to a file or folder by its owner, mode and kind, and who could replace a private folder: every folder
//! above it is checked (docs/security.md, rule 32).

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FileType, Stat};

use super::error::FolderError;
use crate::os::private_file::{self, NotPrivate, OTHERS, Owners, own_uid};

/// The uid of an owner without an id in this user namespace (`PrivateUsers=`, containers): usually root of the host.
const UNMAPPED: u32 = 65534;
const STICKY: u32 = 0o1000;
pub(super) const NOT_REGULAR: &str = "is not a regular file: move it away";

/// Somebody besides this user and root who can change a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changer {
    /// Its owner.
    User(u32),
    /// Its group.
    Group(u32),
    /// Every user.
    Everybody,
}

/// Who could change a file or folder with this owner, group and mode; `None`: nobody but this user and root.
pub(crate) fn changer(uid: u32, gid: u32, mode: u32) -> Option<Changer> {
    let me = own_uid();
    // A group with only this user in it is harmless: with the umask 002 of many systems, it can write to `~/.local`. By
    // convention its id is the user's own.
    let own_group = gid == 0 || (gid == me && rustix::process::getegid().as_raw() == gid);
    match mode {
        _ if ![me, 0, UNMAPPED].contains(&uid) => Some(Changer::User(uid)),
        mode if mode & 0o002 != 0 => Some(Changer::Everybody),
        mode if mode & 0o020 != 0 && !own_group => Some(Changer::Group(gid)),
        _ => None,
    }
}

/// Refuses a folder above `path` that other users can write to, sticky ones (`/tmp`) excepted.
pub(crate) fn check_parents(path: &Path) -> Result<(), FolderError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    // Symlinks above are fine (`/home` may be one): what counts is their target.
    let parent = parent.canonicalize().map_err(|e| FolderError::io(parent, e))?;
    for folder in parent.ancestors() {
        let meta = folder.metadata().map_err(|e| FolderError::io(folder, e))?;
        if let Some(why) = distrust(meta.uid(), meta.gid(), meta.mode()) {
            return Err(FolderError::refuse(folder, why));
        }
    }
    Ok(())
}

/// Why a parent folder with this owner, group and mode can't be trusted; `None` if it can.
fn distrust(uid: u32, gid: u32, mode: u32) -> Option<String> {
    match changer(uid, gid, mode)? {
        Changer::User(uid) => {
            Some(format!("belongs to user {uid}, who could replace its content: choose another place"))
        }
        // Only the owner of an entry can replace it.
        Changer::Group(_) | Changer::Everybody if mode & STICKY != 0 => None,
        Changer::Group(_) | Changer::Everybody => {
            Some("can be written to by other users, who could replace its content: run `chmod go-w` on it".into())
        }
    }
}

/// Refuses anything but a regular file of this user with one name.
pub(super) fn check_file(stat: &Stat, path: &Path) -> Result<(), FolderError> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FolderError::refuse(path, NOT_REGULAR));
    }
    if stat.st_nlink != 1 {
        return Err(FolderError::refuse(path, "has a second name (hard link): copy it, and move the copy over it"));
    }
    check_owner(stat, path)
}

/// Refuses a file or folder of another user.
pub(super) fn check_owner(stat: &Stat, path: &Path) -> Result<(), FolderError> {
    match private_file::check(stat.st_uid, 0, Owners::User, OTHERS) {
        Ok(()) | Err(NotPrivate::Open { .. }) => Ok(()),
        Err(NotPrivate::Foreign { uid }) => {
            let me = own_uid();
            Err(FolderError::refuse(path, format!("belongs to user {uid}, not to {me}: chown it or move it away")))
        }
    }
}

/// Refuses a file or folder that others have any access to; `wanted` is the mode to advise.
pub(super) fn check_mode(stat: &Stat, path: &Path, wanted: &str) -> Result<(), FolderError> {
    match private_file::check(stat.st_uid, stat.st_mode, Owners::Any, OTHERS) {
        Ok(()) | Err(NotPrivate::Foreign { .. }) => Ok(()),
        Err(NotPrivate::Open { mode }) => {
            let shown = path.display();
            Err(FolderError::refuse(path, format!("is open to others (mode {mode:03o}): run `chmod {wanted} {shown}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_trusted_by_owner_and_write_bits() {
        let me = own_uid();
        for (uid, gid, mode, trusted) in [
            (me, 12345, 0o755, true),
            (0, 0, 0o775, true),
            (0, 0, 0o1777, true),
            (UNMAPPED, UNMAPPED, 0o755, true),
            (me, 12345, 0o775, false),
            (me, 12345, 0o757, false),
            (0, 0, 0o777, false),
            (me, 12345, 0o1775, true),
            (4321, 4321, 0o1777, false),
            (4321, 4321, 0o700, false),
        ] {
            assert_eq!(distrust(uid, gid, mode).is_none(), trusted, "{uid} {gid} {mode:o}");
        }
    }
}
