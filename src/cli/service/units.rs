//! The unit files: what is in them, and where they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::config_source::ConfigSource;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::SocketChoice;

pub(super) const SERVICE: &str = "ringback.service";
pub(super) const SOCKET: &str = "ringback.socket";

const SERVICE_TEXT: &str = include_str!("../../../systemd/ringback.service");
const SOCKET_TEXT: &str = include_str!("../../../systemd/ringback.socket");
/// The first line of what `install` writes, by which it knows its own files.
const OURS: &str =
    "# Written by `ringback service install`, which replaces it. Change it with `systemctl --user edit`.";
const PROGRAM: &str = "%h/.cargo/bin/ringback";

/// A unit as it is to be written.
#[derive(Debug)]
pub(super) struct UnitFile {
    name: &'static str,
    text: String,
}

impl UnitFile {
    /// The service that runs `program`.
    pub(super) fn service(program: &Path) -> Result<Self, Failure> {
        let quoted = quoted(program).ok_or_else(|| message::program_unquotable(program.display()))?;
        Ok(Self { name: SERVICE, text: ours(SERVICE_TEXT).replace(PROGRAM, &quoted) })
    }

    /// The sockets that the config names, or the usual ones.
    pub(super) fn sockets(source: &ConfigSource) -> Result<Self, Failure> {
        let exists = source.file().is_some_and(|file| file.exists());
        if !exists {
            return Ok(Self { name: SOCKET, text: ours(SOCKET_TEXT) });
        }
        let (config, _) = source.load_what_works()?;
        let socket = match &config.listen.socket {
            SocketChoice::Default => Some("%t/ringback/ringback.sock".to_owned()),
            SocketChoice::At(path) => Some(escaped(&path.to_string_lossy())),
            SocketChoice::Off => None,
        };
        let ports = config.listen.tcp.iter().map(ToString::to_string);
        Ok(Self { name: SOCKET, text: with_sockets(socket.into_iter().chain(ports)) })
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

/// A path as a word of `ExecStart=` (systemd.service(5)). `None`: no quoting helps.
fn quoted(program: &Path) -> Option<String> {
    let path = program.to_str().filter(|path| !path.contains(char::is_control))?;
    Some(format!("\"{}\"", escaped(path).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$")))
}

/// Without specifiers (systemd.unit(5)).
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// Where systemd looks for units of the user.
pub(super) struct UnitFolder(PathBuf);

impl UnitFolder {
    pub(super) fn of_user() -> Result<Self, Failure> {
        let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
        Ok(Self(config.ok_or_else(message::no_unit_folder)?.join("systemd/user")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// Writes the unit in one step, and returns its path. A file that somebody else wrote is kept, unless `force`d.
    #[expect(clippy::disallowed_methods, reason = "a unit is no secret, and if it is lost it is written again")]
    pub(super) fn write(&self, unit: &UnitFile, force: bool) -> Result<PathBuf, Failure> {
        let path = self.path(unit.name);
        if !force && self.has(unit.name) {
            self.check_ours(&[unit.name])?;
        }
        let temporary = self.path(&format!(".{}.new", unit.name));
        let write = || {
            fs::create_dir_all(&self.0)?;
            fs::write(&temporary, &unit.text)?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|error| message::unit_unwritable(path.display(), error))?;
        Ok(path)
    }

    /// Fails if one of the units was written by somebody else.
    pub(super) fn check_ours(&self, names: &[&str]) -> Result<(), Failure> {
        for path in names.iter().map(|name| self.path(name)) {
            // A link has been made by somebody else, wherever it leads.
            let linked = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
            let text = fs::read_to_string(&path).map_err(|error| message::unit_unreadable(path.display(), error))?;
            if linked || !text.starts_with(OURS) {
                return Err(message::unit_of_somebody_else(path.display()));
            }
        }
        Ok(())
    }

    pub(super) fn remove(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(message::unit_unwritable(path.display(), error))
            }
            _ => Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_runs_the_given_program() {
        for (program, line) in [
            ("/usr/bin/ringback", r#"ExecStart="/usr/bin/ringback" serve --log-format json"#),
            ("/home/a b/100%/$x/ringback", r#"ExecStart="/home/a b/100%%/$$x/ringback" serve --log-format json"#),
            (r#"/o/"q"\r"#, r#"ExecStart="/o/\"q\"\\r" serve --log-format json"#),
        ] {
            let unit = UnitFile::service(Path::new(program)).unwrap();
            let starts: Vec<_> = unit.text.lines().filter(|line| line.starts_with("ExecStart=")).collect();
            assert_eq!(starts, [line]);
            assert!(unit.text.starts_with(OURS) && unit.text.contains("\n[Unit]\n"), "{}", unit.text);
            assert!(!unit.text.contains("install -D"), "the steps by hand are gone");
        }
        UnitFile::service(Path::new("/a\nExecStart=/evil")).unwrap_err();
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
        let unit = UnitFile::service(Path::new("/usr/bin/ringback")).unwrap();
        let path = folder.write(&unit, false).unwrap();
        folder.write(&unit, false).unwrap();
        fs::write(&path, "[Service]\n").unwrap();
        let refused = folder.write(&unit, false).unwrap_err();
        assert!(refused.reply().error_description.contains("was not written by"), "{refused:?}");
        folder.write(&unit, true).unwrap();
        fs::rename(&path, temp.path().join("mine")).unwrap();
        std::os::unix::fs::symlink(temp.path().join("mine"), &path).unwrap();
        folder.write(&unit, false).unwrap_err();
    }
}
