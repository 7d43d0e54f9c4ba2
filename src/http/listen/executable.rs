//! Which executable a process runs that connects to the socket.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::http::peer::{Executable, Peer};

/// Our own, as it was when the first process connected: an upgrade may replace the file while the daemon runs.
static OWN: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::current_exe().ok());

/// A few reads in memory: no disk is behind `/proc`.
pub(super) fn executable(peer: Peer) -> Option<Executable> {
    let (Peer::Unix { pid: Some(pid), .. } | Peer::AppSocket { pid: Some(pid), .. }) = peer else { return None };
    let path_of = |pid: i32| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let path = path_of(pid)?;
    let ours = OWN.as_ref().is_some_and(|own| *own == path);
    let parent = if ours { parent_of(pid).and_then(path_of) } else { None };
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    Some(Executable { path: text(path), parent: parent.map(text) })
}

/// The fourth field of `/proc/PID/stat` (proc(5)); the second is in brackets and may hold anything.
fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
