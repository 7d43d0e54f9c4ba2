//! Version skew: the daemon and the command line are of different versions, as after an update until the daemon is
//! restarted, or with two programs in `PATH`.

use std::fmt;

/// This program's version.
pub(crate) const OWN: &str = env!("CARGO_PKG_VERSION");
/// `User-Agent` of this command line.
pub(crate) const USER_AGENT: &str = concat!("ringback/", env!("CARGO_PKG_VERSION"));
/// `User-Agent` of every command line since 0.2.0; its version follows.
const COMMAND_LINE: &str = "ringback/";
/// The `User-Agent` of the command line until 0.1.0.
const COMMAND_LINE_WITHOUT_VERSION: &str = "ringback-client";
/// The last version that told nobody which it was.
const UNTOLD: ProgramVersion = ProgramVersion([0, 1, 0]);

/// A version as it is compared: `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProgramVersion([u32; 3]);

impl ProgramVersion {
    /// This program's. `None` only if its own version can't be read.
    pub(crate) fn own() -> Option<Self> {
        Self::parse(OWN)
    }

    /// Without what may follow the three numbers, such as `-rc.1`.
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = numbers.split('.').map(|part| part.parse().ok());
        let version = Self([parts.next()??, parts.next()??, parts.next()??]);
        parts.next().is_none().then_some(version)
    }

    /// What a daemon says of itself; one that says nothing is of 0.1.0. `None`: it can't be understood.
    fn of_daemon(told: Option<&str>) -> Option<Self> {
        told.map_or(Some(UNTOLD), Self::parse)
    }

    /// The version of the command line that sent this `User-Agent`; `None` for every other program.
    pub(crate) fn of_command_line(user_agent: &str) -> Option<Self> {
        if user_agent == COMMAND_LINE_WITHOUT_VERSION {
            return Some(UNTOLD);
        }
        user_agent.strip_prefix(COMMAND_LINE).and_then(Self::parse)
    }
}

impl fmt::Display for ProgramVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([major, minor, patch]) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// A daemon and a command line of different versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Skew {
    daemon: ProgramVersion,
    command_line: ProgramVersion,
}

impl Skew {
    /// `None` if they are of the same version.
    pub(crate) fn between(daemon: ProgramVersion, command_line: ProgramVersion) -> Option<Self> {
        (daemon != command_line).then_some(Self { daemon, command_line })
    }

    /// This command line, and a daemon by what it says of itself. `None` also if that can't be understood.
    pub(crate) fn with_daemon(told: Option<&str>) -> Option<Self> {
        Self::between(ProgramVersion::of_daemon(told)?, ProgramVersion::own()?)
    }

    /// What is different.
    pub(crate) fn what(self) -> String {
        let Self { daemon, command_line } = self;
        format!("the daemon is ringback {daemon}, and the command line {command_line}")
    }

    /// What to do about it.
    pub(crate) fn fix(self) -> &'static str {
        if self.daemon < self.command_line {
            "Restart the daemon: `systemctl --user restart ringback`, or stop `ringback serve` and start it again. If its version stays, its service runs another program, which `ringback service status` names."
        } else {
            "Use the newer program: `type -a ringback` shows where there is one. If you went back to an older version on purpose, restart the daemon: `systemctl --user restart ringback`."
        }
    }
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.what(), self.fix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let version = |text| ProgramVersion::parse(text).unwrap();
        assert!(version("0.9.0") < version("0.10.0") && version("1.0.0") > version("0.99.99"));
        assert_eq!(version("0.2.0-rc.1+7").to_string(), "0.2.0");
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "-1.2.3", "1.2.\u{1b}[31m3", "99999999999.0.0"] {
            assert_eq!(ProgramVersion::parse(text), None, "{text:?}");
        }
        assert!(ProgramVersion::own().is_some_and(|own| own > UNTOLD));
    }

    #[test]
    fn a_command_line_is_known_by_its_user_agent() {
        let of = ProgramVersion::of_command_line;
        assert_eq!(of("ringback-client"), Some(UNTOLD));
        assert_eq!(of("ringback/0.2.0"), Some(ProgramVersion([0, 2, 0])));
        assert_eq!(of(USER_AGENT), ProgramVersion::own());
        for other in ["", "ringback", "ringback/", "ringback-client/0.2.0", "curl/8.0.0", "Mozilla/5.0"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn whoever_is_older_is_told_what_to_do() {
        let skew = |daemon, command_line| {
            let (daemon, command_line) = (ProgramVersion::of_daemon(daemon), ProgramVersion::parse(command_line));
            Skew::between(daemon.unwrap(), command_line.unwrap()).map(|skew| skew.to_string())
        };
        assert_eq!(skew(Some("0.2.0"), "0.2.0"), None);
        for (daemon, command_line, begins, says) in [
            (
                None,
                "0.2.0",
                "the daemon is ringback 0.1.0, and the command line 0.2.0. Restart the daemon: ",
                "restart",
            ),
            (
                Some("0.2.0"),
                "0.1.0",
                "the daemon is ringback 0.2.0, and the command line 0.1.0. Use the newer",
                "type -a",
            ),
        ] {
            let told = skew(daemon, command_line).unwrap();
            assert!(told.starts_with(begins) && told.contains(says), "{told}");
        }
    }
}
