//! Whether a file is private: the one rule about owner and mode for everything that has to be this user's own.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

/// All permissions of group and others.
pub(crate) const OTHERS: u32 = 0o077;
/// All permissions of those who are neither owner nor in the group.
pub(crate) const EVERYBODY: u32 = 0o007;

/// Who may own a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owners {
    /// Only this user.
    User,
    /// This user or root.
    UserOrRoot,
    /// Anybody.
    Any,
}

/// Why a file is not private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPrivate {
    /// Another user owns it.
    Foreign {
        /// Its owner.
        uid: u32,
    },
    /// Its mode gives others access.
    Open {
        /// The permission bits.
        mode: u32,
    },
}

/// Whether owner and mode are private: the owner is one of `owners`, and the mode has none of the permissions `closed`.
pub(crate) fn check(uid: u32, mode: u32, owners: Owners, closed: u32) -> Result<(), NotPrivate> {
    let is_ours = match owners {
        Owners::User => uid == own_uid(),
        Owners::UserOrRoot => uid == own_uid() || uid == 0,
        Owners::Any => true,
    };
    if !is_ours {
        Err(NotPrivate::Foreign { uid })
    } else if mode & closed != 0 {
        Err(NotPrivate::Open { mode: mode & 0o7777 })
    } else {
        Ok(())
    }
}

/// Whether only this user, its owner, has any access.
pub(crate) fn is_private(meta: &Metadata) -> bool {
    check(meta.uid(), meta.mode(), Owners::User, OTHERS).is_ok()
}

/// The user that this process acts as.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Opens a regular file for reading. A symbolic link is followed; owner and mode are those of the open target, which
/// nobody can swap in between. A pipe in its place does not block.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if meta.is_file() { Ok((file, meta)) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Reads at most `most` bytes and one more, by which the caller sees that it is too long. `room` is the expected
/// length, which is allocated at once, since a buffer that grows leaves copies behind.
pub(crate) fn read_wiped(from: impl Read, most: usize, room: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // With some more for the read that finds the end.
    let room = room.min(most).saturating_add(64);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    from.take((most as u64).saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_what_belongs_to_us_and_lets_nobody_in() {
        let me = own_uid();
        for (uid, mode, owners, closed, expected) in [
            (me, 0o100_600, Owners::User, OTHERS, Ok(())),
            (me, 0o100_640, Owners::User, OTHERS, Err(NotPrivate::Open { mode: 0o640 })),
            (me, 0o100_640, Owners::User, EVERYBODY, Ok(())),
            (me, 0o100_604, Owners::Any, EVERYBODY, Err(NotPrivate::Open { mode: 0o604 })),
            (4321, 0o100_600, Owners::User, OTHERS, Err(NotPrivate::Foreign { uid: 4321 })),
            (4321, 0o100_600, Owners::UserOrRoot, OTHERS, Err(NotPrivate::Foreign { uid: 4321 })),
            (4321, 0o100_600, Owners::Any, OTHERS, Ok(())),
            (0, 0o100_600, Owners::UserOrRoot, OTHERS, Ok(())),
        ] {
            assert_eq!(check(uid, mode, owners, closed), expected, "{uid} {mode:o} {owners:?} {closed:o}");
        }
    }

    #[test]
    fn a_read_ends_one_byte_beyond_the_most_and_does_not_grow() {
        for (length, read) in [(0, 0), (10, 10), (11, 11), (500, 11)] {
            let text = vec![b'x'; length];
            let bytes = read_wiped(&*text, 10, usize::MAX).unwrap();
            assert!(bytes.len() == read && bytes.capacity() == 74, "{length}");
        }
    }
}
