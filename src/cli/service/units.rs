//! The unit files: what is in them, and where they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{Config, SocketChoice};
use crate::os::atomic_file;

pub(super) const SERVICE: &str = "ringback.service";
pub(super) const SOCKET: &str = "ringback.socket";

const SERVICE_TEXT: &str = include_str!("../../../systemd/ringback.service");
const SOCKET_TEXT: &str = include_str!("../../../systemd/ringback.socket");
/// The first line of what `install` writes, by which it knows its own files.
const OURS: &str =
    "# Written by `ringback service install`, which replaces it. Change it with `systemctl --user edit`.";
const COMMAND: &str = "%h/.cargo/bin/ringback serve";

/// A unit as it is to be written.
#[derive(Debug)]
pub(super) struct UnitFile {
    name: &'static str,
    text: String,
}

impl UnitFile {
    /// The service that runs `program`, with this config file if one is named.
    pub(super) fn service(program: &Path, config: Option<&Path>) -> Result<Self, Failure> {
        let word = |path: &Path| quoted(path).ok_or_else(|| message::path_unquotable(path.display()));
        let mut command = format!("{} serve", word(program)?);
        if let Some(config) = config {
            if !config.exists() {
                return Err(message::config_missing(config.display(), "--config or RINGBACK_CONFIG"));
            }
            // Of the arguments, systemd expands variables.
            command.extend([" --config ", &word(config)?.replace('$', "$$")]);
        }
        Ok(Self { name: SERVICE, text: ours(SERVICE_TEXT).replace(COMMAND, &command) })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What it says.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The sockets that the config names, or the usual ones.
    pub(super) fn sockets(config: Option<&Config>) -> Self {
        let Some(config) = config else { return Self { name: SOCKET, text: ours(SOCKET_TEXT) } };
        let socket = match &config.listen.socket {
            SocketChoice::Default => Some("%t/ringback/ringback.sock".to_owned()),
            SocketChoice::At(path) => Some(escaped(&path.to_string_lossy())),
            SocketChoice::Off => None,
        };
        // The daemon itself binds a port that the system chooses.
        let ports = config.listen.tcp.iter().filter(|address| address.port() != 0).map(ToString::to_string);
        Self { name: SOCKET, text: with_sockets(socket.into_iter().chain(ports)) }
    }
}

fn with_sockets(addresses: impl Iterator<Item = String>) -> String {
    let streams: Vec<_> = addresses.map(|address| format!("ListenStream={address}\n")).collect();
    let text = ours(SOCKET_TEXT);
    let (before, after) = text.split_once("ListenStream=").unwrap_or((&text, ""));
    let after: Vec<_> = after.lines().skip(1).skip_while(|line| line.starts_with("ListenStream=")).collect();
    format!("{before}{}{}\n", streams.concat(), after.join("\n"))
}

/// The file of the source tree without its first comment, which says how to install it by hand.
fn ours(text: &str) -> String {
    let body = text.split_once("\n\n").map_or(text, |(_, body)| body);
    format!("{OURS}\n\n{body}")
}

/// A path as the first word of `ExecStart=`, in which no variables are expanded (systemd.service(5)). `None`: no quoting
/// helps.
fn quoted(program: &Path) -> Option<String> {
    let path = program.to_str().filter(|path| !path.contains(char::is_control))?;
    Some(format!("\"{}\"", escaped(path).replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Without specifiers (systemd.unit(5)).
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// Whether a unit is another than before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Changed,
    AsBefore,
}

/// Where systemd looks for units of the user.
pub(super) struct UnitFolder(PathBuf);

impl UnitFolder {
    pub(super) fn of_user() -> Result<Self, Failure> {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        Ok(Self(config.ok_or_else(message::no_unit_folder)?.join("systemd/user")))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// What a unit that `install` wrote says; `None` if there is none, or somebody else wrote it.
    pub(super) fn read_ours(&self, name: &str) -> Option<String> {
        self.check_ours(&[name]).ok()?;
        fs::read_to_string(self.path(name)).ok()
    }

    /// Writes the unit in one step. A file that somebody else wrote is kept, unless `force`d.
    pub(super) fn write(&self, unit: &UnitFile, force: bool) -> Result<Written, Failure> {
        let path = self.path(unit.name);
        if !force && self.has(unit.name) {
            self.check_ours(&[unit.name])?;
        }
        if fs::read_to_string(&path).is_ok_and(|text| text == unit.text) {
            return Ok(Written::AsBefore);
        }
        let write = || {
            atomic_file::create_folder(&path)?;
            atomic_file::replace(&path, unit.text.as_bytes(), 0o644)
        };
        write().map_err(|error| message::unit_unwritable(path.display(), error))?;
        Ok(Written::Changed)
    }

    /// Fails if one of the units was written by somebody else.
    pub(super) fn check_ours(&self, names: &[&str]) -> Result<(), Failure> {
        for path in names.iter().map(|name| self.path(name)) {
            // A link has been made by somebody else, wherever it leads.
            let linked = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            let read = fs::read_to_string(&path);
            match read {
                Err(error) if !linked => return Err(message::unit_unreadable(path.display(), error)),
                Ok(text) if !linked && text.starts_with(OURS) => {}
                _ => return Err(message::unit_of_somebody_else(path.display())),
            }
        }
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(message::unit_unwritable(path.display(), error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_service_runs_the_given_program() {
        for (program, line) in [
            ("/usr/bin/ringback", r#"ExecStart="/usr/bin/ringback" serve --log-format json"#),
            ("/home/a b/100%/$x/ringback", r#"ExecStart="/home/a b/100%%/$x/ringback" serve --log-format json"#),
            (r#"/o/"q"\r"#, r#"ExecStart="/o/\"q\"\\r" serve --log-format json"#),
        ] {
            let unit = UnitFile::service(Path::new(program), None).unwrap();
            let starts: Vec<_> = unit.text.lines().filter(|line| line.starts_with("ExecStart=")).collect();
            assert_eq!(starts, [line]);
            assert!(unit.text.starts_with(OURS) && unit.text.contains("\n[Unit]\n"), "{}", unit.text);
            assert!(!unit.text.contains("install -D"), "the steps by hand are gone");
        }
        UnitFile::service(Path::new("/a\nExecStart=/evil"), None).unwrap_err();
        UnitFile::service(Path::new("/a"), Some(Path::new("/nonexistent/config.toml"))).unwrap_err();
        let config = tempfile::Builder::new().prefix("$a b").tempfile().unwrap();
        let unit = UnitFile::service(Path::new("/a"), Some(config.path())).unwrap();
        let named = config.path().display().to_string().replace('$', "$$");
        assert!(
            unit.text.contains(&format!("\nExecStart=\"/a\" serve --config \"{named}\" --log-format json\n")),
            "{}",
            unit.text
        );
    }

    #[test]
    fn the_sockets_are_those_of_the_config() {
        let addresses = ["/run/user/7/r.sock", "127.0.0.1:7", "[::1]:8"];
        let text = with_sockets(addresses.into_iter().map(str::to_owned));
        let streams: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("ListenStream=")).collect();
        assert_eq!(streams, addresses);
        assert!(
            text.contains("\n[Socket]\n") && text.contains("SocketMode=0600") && text.ends_with("sockets.target\n")
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of the test")]
    fn only_files_of_our_own_are_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let folder = UnitFolder(temp.path().join("systemd/user"));
        let unit = UnitFile::service(Path::new("/usr/bin/ringback"), None).unwrap();
        assert_eq!(folder.write(&unit, false).unwrap(), Written::Changed);
        assert_eq!(folder.write(&unit, false).unwrap(), Written::AsBefore);
        let path = folder.path(SERVICE);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder.0)), (0o644, 0o700));
        fs::write(&path, "[Service]\n").unwrap();
        let refused = folder.write(&unit, false).unwrap_err();
        assert!(refused.reply().error_description.contains("was not written by"), "{refused:?}");
        folder.write(&unit, true).unwrap();
        fs::rename(&path, temp.path().join("mine")).unwrap();
        std::os::unix::fs::symlink(temp.path().join("mine"), &path).unwrap();
        folder.write(&unit, false).unwrap_err();
    }
}
