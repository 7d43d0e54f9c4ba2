//! Units that an earlier `install` wrote, and that are no longer what it writes.

use std::fmt;
use std::path::{Path, PathBuf};

use super::units::{SERVICE, SOCKET, UnitFile, UnitFolder};
use crate::cli::config_source::ConfigSource;
use crate::config::Config;

/// Units that certainly have to be written again.
pub(in crate::cli) struct OutdatedUnits {
    units: Vec<Outdated>,
    paths: Vec<PathBuf>,
    source: ConfigSource,
}

/// Why a unit has to be written again.
pub(in crate::cli) struct Outdated {
    /// One clause.
    pub(in crate::cli) why: String,
    /// Whether it can't start the daemon.
    pub(in crate::cli) is_broken: bool,
}

impl OutdatedUnits {
    /// `None` if the units are up to date, or if that is not certain: somebody else wrote them, or the service starts
    /// another program, or with another config.
    pub(super) fn find(program: &Path, source: &ConfigSource, config: &Config) -> Option<Self> {
        let folder = UnitFolder::of_user().ok()?;
        let is_there = folder.read_ours(SERVICE)?;
        let service = UnitFile::service(program, source.named().as_deref()).ok()?;
        let (old, new) = (StartLine::of(&is_there)?, StartLine::of(service.text())?);
        let (is_same, old_program) = (old.program == new.program, unquoted(old.program));
        if old.arguments != new.arguments || !is_same && old_program.exists() {
            return None;
        }
        let of_service = if is_same {
            (is_there != service.text()).then(|| of_another_version(SERVICE))
        } else {
            let why = format!("{SERVICE} starts {}, which is not there", old_program.display());
            Some(Outdated { why, is_broken: true })
        };
        let mut found = Self { units: Vec::new(), paths: Vec::new(), source: source.clone() };
        found.note(&folder, SERVICE, of_service);
        let sockets = UnitFile::sockets(Some(config));
        let of_sockets = folder.read_ours(SOCKET).filter(|is_there| is_there != sockets.text());
        found.note(&folder, SOCKET, of_sockets.map(|_| of_another_version(SOCKET)));
        (!found.units.is_empty()).then_some(found)
    }

    fn note(&mut self, folder: &UnitFolder, name: &str, outdated: Option<Outdated>) {
        if let Some(outdated) = outdated {
            self.units.push(outdated);
            self.paths.push(folder.path(name));
        }
    }

    /// What is wrong with each.
    pub(in crate::cli) fn units(&self) -> &[Outdated] {
        &self.units
    }

    /// The config that the service reads.
    pub(super) fn source(&self) -> &ConfigSource {
        &self.source
    }
}

impl fmt::Display for OutdatedUnits {
    /// What installing them again does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        write!(f, "write {} again and restart the daemon, as `ringback service install` does", paths.join(" and "))
    }
}

fn of_another_version(name: &str) -> Outdated {
    Outdated { why: format!("{name} is not what this version would write"), is_broken: false }
}

/// How a service starts the daemon.
struct StartLine<'a> {
    /// As it is written between its quotes.
    program: &'a str,
    arguments: &'a str,
}

impl<'a> StartLine<'a> {
    fn of(unit: &'a str) -> Option<Self> {
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=\""))?;
        let (program, arguments) = line.split_once("\" serve")?;
        Some(Self { program, arguments })
    }
}

/// The path that is written like this.
fn unquoted(word: &str) -> PathBuf {
    let (mut path, mut rest) = (String::new(), word.chars());
    while let Some(c) = rest.next() {
        // A backslash is before what is meant, and a percent sign is doubled.
        path.extend(if matches!(c, '\\' | '%') { rest.next() } else { Some(c) });
    }
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_unit_is_the_one_that_was_written() {
        for program in ["/usr/bin/ringback", "/home/a b/100%/$x/ringback", r#"/o/"q"\r"#, "/%%/\\\\"] {
            let unit = UnitFile::service(Path::new(program), None).unwrap();
            let line = StartLine::of(unit.text()).unwrap();
            assert_eq!((unquoted(line.program), line.arguments), (program.into(), " --log-format json"));
        }
    }
}
