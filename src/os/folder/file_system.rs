//! The features of a file system that the daemon needs: locks and durable writes.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

use rustix::io::Errno;

use super::error::{FileSystemFeature, FolderError};

/// Errors that mean that a file system lacks a feature. A full or broken disk is not among them.
const REFUSALS: [Errno; 5] = [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS, Errno::NOLCK, Errno::NOTTY];

/// The error of an operation on `file`, which is or is in `path`.
pub(crate) fn failed(
    asked: FileSystemFeature,
    path: impl Into<PathBuf>,
    file: impl AsFd,
    error: impl Into<io::Error>,
) -> FolderError {
    let (path, error) = (path.into(), error.into());
    let refused = Errno::from_io_error(&error).is_some_and(|errno| REFUSALS.contains(&errno));
    if refused {
        FolderError::FileSystem { path, name: name(file), asked, why: error.to_string() }
    } else {
        FolderError::io(path, error)
    }
}

/// The name that `mount` uses, by the magic number (`statfs(2)`).
#[cfg(target_os = "linux")]
fn name(file: impl AsFd) -> String {
    const NAMES: [(u32, &str); 17] = [
        (0x6969, "nfs"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x6573_5546, "fuse"),
        (0x0102_1997, "9p"),
        (0x5346_414f, "afs"),
        (0x00c3_6400, "ceph"),
        (0x7461_636f, "ocfs2"),
        (0x4d44, "vfat"),
        (0x2011_bab0, "exfat"),
        (0x794c_7630, "overlay"),
        (0x0102_1994, "tmpfs"),
        (0xef53, "ext4"),
        (0x5846_5342, "xfs"),
        (0x9123_683e, "btrfs"),
        (0x2fc1_2fc1, "zfs"),
        (0x9fa0, "proc"),
    ];
    let Ok(stat) = rustix::fs::fstatfs(file) else { return "unknown".into() };
    // The kernel's numbers have 32 bits; the field is wider on some machines, and signed.
    let magic = u32::try_from(i128::from(stat.f_type) & i128::from(u32::MAX)).unwrap_or_default();
    let known = NAMES.iter().find(|(number, _)| *number == magic);
    known.map_or_else(|| format!("of type {magic:#x}"), |(_, name)| (*name).to_owned())
}

#[cfg(not(target_os = "linux"))]
fn name(_: impl AsFd) -> String {
    "unknown".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_file_system_does_not_have_is_told_with_its_name_and_a_full_disk_is_none_of_it() {
        // procfs makes nothing durable, and fails as other file systems do.
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let refused = failed(FileSystemFeature::Sync, "/proc/self", &file, file.sync_all().unwrap_err());
        assert_eq!(
            refused.to_string(),
            "/proc/self: its file system (proc) refuses to make files durable (fsync): Invalid argument (os error 22)"
        );
        for (errno, is_refusal) in [
            (Errno::NOLCK, true),
            (Errno::OPNOTSUPP, true),
            (Errno::NOSYS, true),
            (Errno::NOSPC, false),
            (Errno::IO, false),
            (Errno::ROFS, false),
        ] {
            let told = failed(FileSystemFeature::Lock, "/state/lock", &file, errno);
            assert_eq!(
                matches!(told, FolderError::FileSystem { asked: FileSystemFeature::Lock, .. }),
                is_refusal,
                "{told}"
            );
        }
    }
}
