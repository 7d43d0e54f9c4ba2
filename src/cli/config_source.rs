//! Which config file a command reads, and what is said of one that can't be used.

use std::path::{Path, PathBuf};

use clap::Args;

use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{Config as Effective, ConfigErrors};
use crate::config_file::{self, ConfigEnv, ConfigFileError};

/// Which config file.
#[derive(Args, Clone)]
#[group(id = "config-source")]
pub(super) struct ConfigSource {
    /// The config file [default: `RINGBACK_CONFIG`, else ringback/config.toml in the config folder]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl ConfigSource {
    /// Where the file may be named, for [`config_file`].
    pub(super) fn env(&self) -> ConfigEnv {
        ConfigEnv::from_process(self.config.clone())
    }

    /// The file that the command line or `RINGBACK_CONFIG` names, as an absolute path.
    pub(super) fn named(&self) -> Option<PathBuf> {
        let named = self.config.clone().or_else(|| std::env::var_os("RINGBACK_CONFIG").map(PathBuf::from))?;
        (!named.as_os_str().is_empty()).then(|| std::path::absolute(&named).unwrap_or(named))
    }

    /// Which file it is, if there is a place for one.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let file = config_file::default_path(&self.env()).ok()?;
        Some(std::path::absolute(&file).unwrap_or(file))
    }

    /// As [`Self::load_what_works`]; `None` if no file is named, and there is none in the usual place.
    pub(super) fn load_if_there(&self) -> Result<Option<Effective>, Failure> {
        if self.named().is_none() && !self.file().is_some_and(|file| file.exists()) {
            return Ok(None);
        }
        self.load_what_works().map(|(config, _)| Some(config))
    }

    /// The effective config with the accounts that nothing is wrong with, and all mistakes untold.
    pub(super) fn load_what_works(&self) -> Result<(Effective, ConfigErrors), Failure> {
        config_file::load_what_works(&self.env()).map_err(|error| failure(&error))
    }

    /// What can be used of the config, and all mistakes untold; no config if nothing else can be checked.
    pub(super) fn load_with_mistakes(&self) -> Result<(Option<Effective>, ConfigErrors), ConfigFileError> {
        match config_file::load_what_works(&self.env()) {
            Ok((config, mistakes)) => Ok((Some(config), mistakes)),
            Err(ConfigFileError::Mistakes(mistakes)) => Ok((None, mistakes)),
            Err(error) => Err(error),
        }
    }
}

/// What to say of a config that can't be used. Its mistakes are told at once, each on its line.
pub(super) fn failure(error: &ConfigFileError) -> Failure {
    match error {
        ConfigFileError::Mistakes(mistakes) => {
            mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
            message::config_mistakes(count(mistakes.iter().count()))
        }
        ConfigFileError::Nowhere => message::config_nowhere(error),
        ConfigFileError::Missing { path, named_by } => match missing_folder(path) {
            Some(folder) => message::config_folder_missing(path.display(), named_by, folder.display()),
            None => message::config_missing(path.display(), named_by),
        },
        ConfigFileError::Unusable { fix: Some(_), .. } => message::config_open(error),
        ConfigFileError::Unusable { .. } => message::config_unusable(error),
    }
}

/// The folder of `path`, if that has to be made first.
fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
}

/// How many mistakes a config has, in words.
pub(super) fn count(mistakes: usize) -> String {
    match mistakes {
        1 => "the config has a mistake".into(),
        n => format!("the config has {n} mistakes"),
    }
}
