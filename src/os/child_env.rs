//! The environment of every program that ringback starts, which is decided only here.
//!
//! ringback takes no secret from the environment, but a service manager, a container or a shell may have put the
//! secrets of other programs there, and `CREDENTIALS_DIRECTORY` leads to its own.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use rustix::fs::Access;

/// Name and value, as they are handed to `Command::envs`.
pub(crate) type ChildEnv = Vec<(OsString, OsString)>;

/// The variables that password managers need to find their files, agents and screens, and no others.
const OF_PROGRAMS: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "GPG_TTY",
    "SSH_AUTH_SOCK",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "GOPASS_HOMEDIR",
    "TERM",
];
/// As [`OF_PROGRAMS`], by the beginning of the name.
const FAMILIES_OF_PROGRAMS: [&str; 3] = ["XDG_", "LC_", "PASSWORD_STORE_"];

/// What a service manager or a user told only this process, by the beginning of the name: where its secrets are, how it
/// notifies the service manager, which daemon to ask with which key.
const OURS: [&str; 14] = [
    "RINGBACK_",
    "CREDENTIALS_DIRECTORY",
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_",
    "LISTEN_",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MEMORY_PRESSURE_",
];

/// What leads to the daemon with somebody's key. A program that is run on behalf of the user gets all of the user's
/// environment but these.
pub(crate) const DAEMON_AND_KEY: [&str; 2] = ["RINGBACK_URL", "RINGBACK_KEY_FILE"];

/// Words in a name that mark the value as secret. `XDG_ACTIVATION_TOKEN` passes by its beginning nevertheless.
const SECRETIVE: [&str; 7] = ["SECRET", "PASSWORD", "PASSPHRASE", "TOKEN", "CREDENTIAL", "API_KEY", "ACCESS_KEY"];

/// The environment of a program that prints a secret, or of a hook.
pub(crate) fn of_programs(given: impl Iterator<Item = (OsString, OsString)>) -> ChildEnv {
    handed_on(given, is_of_programs)
}

/// The environment of a browser: the user's session, without the variables of this process and those that are marked as
/// secret. A browser is the user's and outlives this process, so an allowlist would break more than it hides.
pub(crate) fn of_browsers(given: impl Iterator<Item = (OsString, OsString)>) -> ChildEnv {
    let ours = |name: &str| OURS.iter().any(|ours| name.starts_with(ours));
    let secretive = |name: &str| SECRETIVE.iter().any(|word| name.to_ascii_uppercase().contains(word));
    handed_on(given, |name| is_of_programs(name) || !(ours(name) || secretive(name)))
}

fn is_of_programs(name: &str) -> bool {
    OF_PROGRAMS.contains(&name) || FAMILIES_OF_PROGRAMS.iter().any(|family| name.starts_with(family))
}

fn handed_on(given: impl Iterator<Item = (OsString, OsString)>, may: impl Fn(&str) -> bool) -> ChildEnv {
    given
        .filter(|(name, _)| may(&name.to_string_lossy()))
        .map(|(name, value)| if name == "PATH" { (name, absolute_only(&value)) } else { (name, value) })
        .collect()
}

/// A search path without relative parts: a program must never be found in the folder in which the daemon happened to be
/// started (CVE-2020-26233).
pub(crate) fn absolute_only(path: &OsStr) -> OsString {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    std::env::join_paths(folders).unwrap_or_default()
}

/// Whether there is such a program: by its path, or in an absolute folder of the search path `path`.
pub(crate) fn finds(program: &str, path: &OsStr) -> bool {
    let runs = |path: &Path| path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok();
    if program.contains('/') {
        return runs(Path::new(program));
    }
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).any(|folder| runs(&folder.join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_child_gets_what_it_needs_and_nothing_of_ours() {
        // Variable, what a program gets of it, what a browser gets.
        for (pair, program, browser) in [
            ("PATH=/a:.::b:/c", "/a:/c", "/a:/c"),
            ("HOME=/h", "/h", "/h"),
            ("XDG_RUNTIME_DIR=/r", "/r", "/r"),
            ("LC_ALL=C", "C", "C"),
            ("DBUS_SESSION_BUS_ADDRESS=unix:path=/b", "unix:path=/b", "unix:path=/b"),
            ("WAYLAND_DISPLAY=w", "w", "w"),
            ("GNUPGHOME=/g", "/g", "/g"),
            ("GPG_TTY=/dev/pts/1", "/dev/pts/1", "/dev/pts/1"),
            ("SSH_AUTH_SOCK=/s", "/s", "/s"),
            ("PASSWORD_STORE_DIR=/p", "/p", "/p"),
            ("MOZ_ENABLE_WAYLAND=1", "", "1"),
            ("BROWSER=firefox", "", "firefox"),
            ("AWS_SECRET_ACCESS_KEY=s", "", ""),
            ("github_token=s", "", ""),
            ("XDG_ACTIVATION_TOKEN=x", "x", "x"),
            ("XDGE=1", "", "1"),
            ("path=/x", "", "/x"),
            ("RINGBACK_KEY_FILE=/k", "", ""),
            ("RINGBACK_LOG=trace", "", ""),
            ("CREDENTIALS_DIRECTORY=/run/c", "", ""),
            ("STATE_DIRECTORY=/s", "", ""),
            ("RUNTIME_DIRECTORY=/s", "", ""),
            ("CACHE_DIRECTORY=/s", "", ""),
            ("NOTIFY_SOCKET=/n", "", ""),
            ("WATCHDOG_USEC=1", "", ""),
            ("WATCHDOG_PID=1", "", ""),
            ("LISTEN_FDS=1", "", ""),
            ("LISTEN_PID=1", "", ""),
            ("INVOCATION_ID=1", "", ""),
            ("JOURNAL_STREAM=1:2", "", ""),
        ] {
            let (name, value) = pair.split_once('=').unwrap();
            let given = || std::iter::once((OsString::from(name), OsString::from(value)));
            let got = |kept: ChildEnv| kept.into_iter().next().map_or(OsString::new(), |(_, value)| value);
            assert_eq!(
                (got(of_programs(given())), got(of_browsers(given()))),
                (program.into(), browser.into()),
                "{pair}"
            );
        }
    }
}
