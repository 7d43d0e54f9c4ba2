//! The lock of the state folder: which process holds it.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The file in the state folder that its holder locks and writes its process id to.
pub const LOCK: &str = "lock";

/// Follows the process id if the holder is a command and not a daemon.
pub const COMMAND: &str = "command";

/// The process id of the daemon that holds the state folder at `path`, if the system tells (`/proc/locks`,
/// `proc_locks(5)`). Trying the lock would tell too, but could take it from a daemon that is just starting.
pub fn daemon(path: &Path) -> Option<u32> {
    let file = File::open(path.join(LOCK)).ok()?;
    let (inode, text) = (file.metadata().ok()?.ino().to_string(), read(&file)?);
    let pid = pid(&text).filter(|_| !text.contains(COMMAND))?;
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let is_ours = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        matches!(fields.as_slice(), [_, "FLOCK", _, _, holder, place, ..]
            if *holder == pid.to_string() && place.rsplit(':').next() == Some(inode.as_str()))
    };
    locks.lines().any(is_ours).then_some(pid)
}

/// The process that a lock file names, which may no longer hold it.
pub fn read_pid(file: &File) -> Option<u32> {
    pid(&read(file)?)
}

fn read(file: &File) -> Option<String> {
    let mut text = String::new();
    file.take(64).read_to_string(&mut text).ok()?;
    Some(text)
}

fn pid(text: &str) -> Option<u32> {
    text.lines().next()?.trim().parse().ok()
}
