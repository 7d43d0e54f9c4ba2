//! Another process of this user, watched until it ends. A process id comes back for another process one day: what is held
//! is a descriptor of the process (`pidfd_open(2)`), and what is stored is when the process started, in which boot.

use serde::{Deserialize, Serialize};

/// Which process it is, also after a restart of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    /// Its id.
    pub(crate) pid: i32,
    /// When it started, in clock ticks since the machine did.
    started: u64,
    /// The boot of the machine that it runs in.
    boot: String,
}

/// A process that is watched, or was when it ended.
#[derive(Debug)]
pub(crate) struct Process {
    id: ProcessId,
    /// `None`: it had ended before it was watched.
    watched: Option<system::Watched>,
}

/// Why a process can't be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotWatched {
    /// There is none.
    #[error("there is no such process")]
    NotThere,
    /// It is somebody else's.
    #[error("it belongs to another user")]
    OtherUser,
    /// The system does not tell when a process ends.
    #[error("this system does not tell when a process ends")]
    Unsupported,
    /// Something failed.
    #[error("it can't be watched: {0}")]
    Failed(String),
}

impl Process {
    /// The process that has this id now, if it belongs to this user.
    pub(crate) fn find(pid: i32) -> Result<Self, NotWatched> {
        let (watched, id) = system::find(pid)?;
        let found = Self { id, watched: Some(watched) };
        if found.has_ended() { Err(NotWatched::NotThere) } else { Ok(found) }
    }

    /// The process that was found earlier, maybe by an earlier daemon. If it is not known to run, it counts as ended.
    pub(crate) fn again(id: ProcessId) -> Self {
        let same = Self::find(id.pid).ok().filter(|found| found.id == id);
        same.unwrap_or(Self { id, watched: None })
    }

    /// Which it is.
    pub(crate) fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Whether it has ended. A process that nobody has waited for yet has.
    pub(crate) fn has_ended(&self) -> bool {
        self.watched.as_ref().is_none_or(system::Watched::has_ended)
    }

    /// Waits until it has ended. Needs a runtime.
    pub(crate) async fn ended(&self) {
        if let Some(watched) = &self.watched {
            watched.ended().await;
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::Errno;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    use super::{NotWatched, ProcessId};
    use crate::os::clock;

    /// Between two looks, if the runtime can't wait for the descriptor.
    const LOOKS: Duration = Duration::from_secs(1);

    #[derive(Debug)]
    pub(super) struct Watched(OwnedFd);

    pub(super) fn find(pid: i32) -> Result<(Watched, ProcessId), NotWatched> {
        let number = (pid > 0).then(|| Pid::from_raw(pid)).flatten().ok_or(NotWatched::NotThere)?;
        // First: if it still runs after the rest was read, that was about it and no other.
        let opened = pidfd_open(number, PidfdFlags::empty());
        let watched = Watched(opened.map_err(|error| match error {
            // Also the id of a thread.
            Errno::SRCH | Errno::INVAL | Errno::NOENT => NotWatched::NotThere,
            Errno::NOSYS | Errno::PERM => NotWatched::Unsupported,
            error => NotWatched::Failed(error.to_string()),
        })?);
        let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).map_err(|error| missing(&error));
        let (stat, status) = (read("stat")?, read("status")?);
        let unclear = || NotWatched::Failed("/proc shows it in an unknown form".into());
        if real_user(&status).ok_or_else(unclear)? != rustix::process::getuid().as_raw() {
            return Err(NotWatched::OtherUser);
        }
        let boot = clock::boot_id().ok_or_else(|| NotWatched::Failed("the system has no boot id".into()))?;
        Ok((watched, ProcessId { pid, started: start_of(&stat).ok_or_else(unclear)?, boot }))
    }

    fn missing(error: &std::io::Error) -> NotWatched {
        if error.kind() == std::io::ErrorKind::NotFound {
            NotWatched::NotThere
        } else {
            NotWatched::Failed(error.to_string())
        }
    }

    /// The 22nd field of `/proc/PID/stat` (`proc_pid_stat(5)`); the second is in brackets and may hold anything.
    pub(super) fn start_of(stat: &str) -> Option<u64> {
        stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
    }

    /// The real user id (`proc_pid_status(5)`). The owner of the folder is root where a process has closed its memory.
    pub(super) fn real_user(status: &str) -> Option<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    impl Watched {
        pub(super) fn has_ended(&self) -> bool {
            let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
            loop {
                match poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
                    Ok(0) => return false,
                    Err(Errno::INTR) => {}
                    // Whoever can't be watched any more is not known to run.
                    Ok(_) | Err(_) => return true,
                }
            }
        }

        #[expect(deprecated, reason = "its successor is unsafe code; an owned descriptor stays what it is")]
        fn readable(copy: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
            AsyncFd::with_interest(copy, Interest::READABLE)
        }

        pub(super) async fn ended(&self) {
            while !self.has_ended() {
                match self.0.try_clone().and_then(Self::readable) {
                    Ok(copy) => _ = copy.readable().await,
                    Err(_) => tokio::time::sleep(LOOKS).await,
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{NotWatched, ProcessId};

    #[derive(Debug)]
    pub(super) struct Watched;

    pub(super) fn find(_: i32) -> Result<(Watched, ProcessId), NotWatched> {
        Err(NotWatched::Unsupported)
    }

    impl Watched {
        pub(super) fn has_ended(&self) -> bool {
            true
        }

        pub(super) async fn ended(&self) {}
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A program that runs until its input is closed.
    fn child() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn pid(child: &Child) -> i32 {
        child.id().try_into().unwrap()
    }

    #[tokio::test]
    async fn a_process_is_watched_until_it_ends_even_if_nobody_waits_for_it() {
        let mut child = child();
        let process = Process::find(pid(&child)).unwrap();
        assert!(!process.has_ended() && !Process::again(process.id().clone()).has_ended());
        drop(child.stdin.take());
        process.ended().await;
        assert!(process.has_ended(), "it is not reaped yet");
        assert!(Process::again(process.id().clone()).has_ended());
        assert_eq!(Process::find(pid(&child)).unwrap_err(), NotWatched::NotThere);
        child.wait().unwrap();
        assert!(process.has_ended());
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_same() {
        let mut child = child();
        let id = Process::find(pid(&child)).unwrap().id().clone();
        let earlier = ProcessId { started: id.started - 1, ..id.clone() };
        let before_the_boot = ProcessId { boot: "another".into(), ..id.clone() };
        for (id, ended) in [(id, false), (earlier, true), (before_the_boot, true)] {
            assert_eq!(Process::again(id.clone()).has_ended(), ended, "{id:?}");
        }
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_process_of_this_user_is_refused() {
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(Process::find(pid).unwrap_err(), NotWatched::NotThere, "{pid}");
        }
        // Only root can start a program as somebody else; for everybody else the first process is root's.
        if rustix::process::getuid().is_root() {
            let mut other = Command::new("cat").stdin(Stdio::piped()).uid(65_534).gid(65_534).spawn().unwrap();
            assert_eq!(Process::find(pid(&other)).unwrap_err(), NotWatched::OtherUser);
            drop(other.stdin.take());
            other.wait().unwrap();
        } else {
            assert_eq!(Process::find(1).unwrap_err(), NotWatched::OtherUser);
        }
    }

    #[test]
    fn start_and_user_are_read_whatever_the_program_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(system::start_of(stat), Some(4711));
        assert_eq!(system::real_user("Name:\tUid: 5\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!((system::start_of(""), system::real_user("")), (None, None));
    }
}
