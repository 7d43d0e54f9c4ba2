//! What works on which operating system: one table for messages and for `docs/platforms.md`.
//!
//! Only Linux is tested. On other systems, a function of `os` without an implementation says so by its result.

/// A kind of system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Any other Unix.
    Other,
}

impl System {
    /// The one that this program was built for.
    pub(crate) const HERE: Self = if cfg!(target_os = "linux") {
        Self::Linux
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Other
    };
}

/// A feature that ringback needs from the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Owner and mode of files, `flock`, `fsync`.
    PrivateFiles,
    /// A clock that includes sleep.
    BootClock,
    /// Resume from sleep, and changes of the clock.
    ClockJumps,
    /// Changes of addresses and routes.
    Network,
    /// A notice before the machine sleeps, and whether it has slept.
    Sleep,
    /// Which user is behind a TCP connection, and who listens on a port.
    Ports,
    /// Which user is at the other end of a unix socket.
    SocketPeer,
    /// The OS keyring.
    Keyring,
    /// Notifications with buttons.
    Notifications,
    /// Opening a browser.
    Browser,
    /// Memory that other programs can't read.
    Hardening,
    /// Hidden input, and signals.
    Terminal,
    /// A password that is typed in for a login.
    TypedPassword,
    /// A notice that a file by which clients find the daemon was removed.
    RemovedFiles,
    /// The end of another process.
    ProcessEnd,
    /// Which daemon holds the state folder.
    Holder,
    /// Passed sockets, and readiness.
    ServiceManager,
    /// Being process 1 of a container.
    Init,
}

/// The support on one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Support {
    /// By this. Tested on Linux only.
    By(&'static str),
    /// Not at all, with this consequence: a clause.
    Missing(&'static str),
}

struct Row {
    topic: Topic,
    /// The name that users see.
    name: &'static str,
    linux: &'static str,
    macos: Support,
    other: Support,
}

const fn row(topic: Topic, name: &'static str, linux: &'static str, macos: Support, other: Support) -> Row {
    Row { topic, name, linux, macos, other }
}

/// A feature that only Linux has.
const fn linux_only(topic: Topic, name: &'static str, linux: &'static str, elsewhere: &'static str) -> Row {
    row(topic, name, linux, Support::Missing(elsewhere), Support::Missing(elsewhere))
}

/// A feature that every Unix has.
const fn unix(topic: Topic, name: &'static str, by: &'static str) -> Row {
    row(topic, name, by, Support::By(by), Support::By(by))
}

const TABLE: [Row; 18] = [
    unix(Topic::PrivateFiles, "private files", "owner, mode, `flock`, `fsync`"),
    row(
        Topic::BootClock,
        "boot clock",
        "`CLOCK_BOOTTIME`",
        Support::By("`CLOCK_MONOTONIC`"),
        Support::Missing(
            "while the machine sleeps only the wall clock goes on: set back meanwhile, expiry is seen late",
        ),
    ),
    linux_only(
        Topic::ClockJumps,
        "resume and clock changes",
        "`timerfd`",
        "they are noticed within half a minute, by a look at the clocks",
    ),
    linux_only(
        Topic::Network,
        "changes of the network",
        "rtnetlink",
        "a network that is back is noticed at the next attempt",
    ),
    linux_only(
        Topic::Sleep,
        "sleep",
        "systemd-logind",
        "`store.lock_on_suspend` has no effect: the store stays unlocked when the machine sleeps",
    ),
    linux_only(
        Topic::Ports,
        "users behind TCP ports",
        "`NETLINK_SOCK_DIAG`, `/proc/net/tcp`",
        "other users of the machine are kept out by keys and one-time URLs alone, and a taken port names nobody",
    ),
    linux_only(
        Topic::SocketPeer,
        "user of the daemon's socket",
        "`SO_PEERCRED`",
        "commands go by the owner of the socket's file",
    ),
    linux_only(
        Topic::Keyring,
        "keyring",
        "Secret Service",
        "there is none: `store.key = \"auto\"` takes a key file, and a secret from the keyring can't be had",
    ),
    linux_only(
        Topic::Notifications,
        "notifications",
        "`org.freedesktop.Notifications`",
        "none are shown: `ringback status` says who has to log in",
    ),
    row(Topic::Browser, "browser", "`xdg-open`, `systemd-run`", Support::By("`open`"), Support::By("`xdg-open`")),
    linux_only(
        Topic::Hardening,
        "closed memory",
        "no core dumps, `PR_SET_DUMPABLE`",
        "core dumps are off, but a debugger of the same user can attach",
    ),
    unix(Topic::Terminal, "hidden input, signals", "termios, signals"),
    linux_only(
        Topic::TypedPassword,
        "typed passwords",
        "a named pipe",
        "`grant = \"password\"` needs a source for the password in the config",
    ),
    linux_only(
        Topic::RemovedFiles,
        "removed socket files",
        "inotify",
        "a socket or `endpoint.json` that was removed is made again within ten seconds",
    ),
    linux_only(Topic::ProcessEnd, "end of a process", "`pidfd_open`", "`ringback app add --while-pid` is refused"),
    linux_only(
        Topic::Holder,
        "holder of the state folder",
        "`/proc/locks`",
        "a daemon that can't be reached is not named",
    ),
    linux_only(Topic::ServiceManager, "service manager", "systemd: sockets, readiness", "readiness is not told"),
    unix(Topic::Init, "process 1", "`wait`"),
];

impl Topic {
    /// The support on `system`.
    pub(crate) fn on(self, system: System) -> Support {
        let row = TABLE.iter().find(|row| row.topic == self);
        row.map_or(Support::Missing("it is not known here"), |row| row.on(system))
    }

    /// The consequence, if it is missing here: a clause.
    pub(crate) fn missing_here(self) -> Option<&'static str> {
        match self.on(System::HERE) {
            Support::By(_) => None,
            Support::Missing(consequence) => Some(consequence),
        }
    }
}

impl Row {
    fn on(&self, system: System) -> Support {
        match system {
            System::Linux => Support::By(self.linux),
            System::MacOs => self.macos,
            System::Other => self.other,
        }
    }
}

/// What is missing on `system`: name and consequence.
pub(crate) fn missing(system: System) -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().filter_map(move |row| match row.on(system) {
        Support::By(_) => None,
        Support::Missing(consequence) => Some((row.name, consequence)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docs_test;

    const PLATFORMS: &str = "docs/platforms.md";

    #[test]
    fn nothing_is_missing_on_linux_and_much_elsewhere() {
        assert_eq!(missing(System::Linux).count(), 0);
        assert!(missing(System::MacOs).count() < missing(System::Other).count());
        for row in &TABLE {
            assert_eq!(row.topic.on(System::Linux), Support::By(row.linux), "{:?} stands in it twice", row.topic);
        }
    }

    #[test]
    fn docs_of_platforms_are_current() {
        let cell = |support| match support {
            Support::By(by) => by.to_owned(),
            Support::Missing(consequence) => format!("no: {consequence}"),
        };
        let rows = TABLE.iter().map(|row| {
            let (macos, other) = (cell(row.macos), cell(row.other));
            let other = if other == macos && macos.starts_with("no: ") { "the same".to_owned() } else { other };
            [row.name.to_owned(), row.linux.to_owned(), macos, other]
        });
        let head = ["topic", "Linux (tested)", "macOS (untested)", "other Unix (untested)"];
        docs_test::keep_current_in(PLATFORMS, "os/support.rs", &docs_test::table(head, rows));
    }
}
