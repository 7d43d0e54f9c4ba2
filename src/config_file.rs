//! Finds and reads the config file and the presets beside it, and writes it after an edit; `config` parses them.

pub(crate) mod draft;

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigErrors, FilePrivacy, Parsed, ProviderFile, Sources};
use crate::os::folder::trust::{self, Changer};
use crate::os::mode_fix::ModeFix;
use crate::os::private_file::{self, NotPrivate, OTHERS, Owners};
use crate::secret::text;

/// Largest config file, in bytes: a larger one was named by mistake.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The settings that may name the config file. Empty values count as unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfigEnv {
    /// `--config`.
    pub(crate) flag: Option<PathBuf>,
    /// `RINGBACK_CONFIG`.
    pub(crate) ringback_config: Option<OsString>,
    /// `XDG_CONFIG_HOME`; ignored unless absolute, as the XDG base directory specification says.
    pub(crate) xdg_config_home: Option<OsString>,
    /// `HOME`.
    pub(crate) home: Option<OsString>,
}

/// Why there is no config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigFileError {
    /// No setting says where it could be.
    #[error("no config file: neither --config nor RINGBACK_CONFIG, XDG_CONFIG_HOME or HOME is set")]
    Nowhere,
    /// There is no such file.
    #[error("there is no config file {} (named by {named_by})", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// Which setting led there.
        named_by: &'static str,
    },
    /// It can't be read or must not be used.
    #[error("the config file {} can't be used: {why}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
        /// What certainly puts it right.
        fix: Option<Box<ModeFix>>,
    },
    /// It has mistakes, all of which are listed.
    #[error(transparent)]
    Mistakes(#[from] ConfigErrors),
}

impl ConfigEnv {
    /// What the process was started with; `flag` is the command line's.
    pub(crate) fn from_process(flag: Option<PathBuf>) -> Self {
        Self {
            flag,
            ringback_config: std::env::var_os("RINGBACK_CONFIG"),
            xdg_config_home: std::env::var_os("XDG_CONFIG_HOME"),
            home: std::env::var_os("HOME"),
        }
    }

    /// Whether no setting names the config file.
    fn names_none(&self) -> bool {
        self.flag.is_none() && set(self.ringback_config.as_ref()).is_none()
    }

    fn home(&self) -> Option<PathBuf> {
        set(self.home.as_ref()).map(PathBuf::from).filter(|home| home.is_absolute())
    }

    /// The path and which setting it comes from.
    fn locate(&self) -> Result<(PathBuf, &'static str), ConfigFileError> {
        const FILE: &str = "ringback/config.toml";
        if let Some(flag) = &self.flag {
            return Ok((flag.clone(), "--config"));
        }
        if let Some(path) = set(self.ringback_config.as_ref()) {
            return Ok((path.into(), "RINGBACK_CONFIG"));
        }
        let xdg = set(self.xdg_config_home.as_ref()).map(PathBuf::from).filter(|folder| folder.is_absolute());
        match (xdg, self.home()) {
            (Some(folder), _) => Ok((folder.join(FILE), "XDG_CONFIG_HOME")),
            (None, Some(home)) => Ok((home.join(".config").join(FILE), "the default")),
            (None, None) => Err(ConfigFileError::Nowhere),
        }
    }
}

fn set(value: Option<&OsString>) -> Option<&OsString> {
    value.filter(|value| !value.is_empty())
}

/// Where the config file is: `--config`, else `RINGBACK_CONFIG`, else
/// `$XDG_CONFIG_HOME/ringback/config.toml`, else `~/.config/ringback/config.toml`.
pub(crate) fn default_path(env: &ConfigEnv) -> Result<PathBuf, ConfigFileError> {
    env.locate().map(|(path, _)| path)
}

/// The sources of a config, as they were read.
pub(crate) struct FoundConfig {
    text: Zeroizing<String>,
    path: PathBuf,
    privacy: FilePrivacy,
    home: Option<PathBuf>,
    providers: Vec<ProviderFile>,
}

impl FoundConfig {
    /// The same for [`config`].
    pub(crate) fn sources(&self) -> Sources<'_> {
        Sources {
            text: &self.text,
            path: &self.path,
            privacy: self.privacy,
            home: self.home.as_deref(),
            providers: &self.providers,
        }
    }
}

/// Finds, reads and parses the config; any mistake is an error. Blocks while it reads some small files.
pub(crate) fn load(env: &ConfigEnv) -> Result<Config, ConfigFileError> {
    Ok(config::assemble(&find(env)?.sources()).strictly()?)
}

/// As [`load`], but with the accounts that have no mistake, and with all mistakes.
pub(crate) fn load_what_works(env: &ConfigEnv) -> Result<(Config, ConfigErrors), ConfigFileError> {
    let Parsed { config, mistakes } = config::assemble(&find(env)?.sources());
    match config {
        Some(config) => Ok((config, mistakes)),
        None => Err(mistakes.into()),
    }
}

/// Finds and reads the config file, and the presets in the folder `providers` beside it.
pub(crate) fn find(env: &ConfigEnv) -> Result<FoundConfig, ConfigFileError> {
    let (path, named_by) = env.locate()?;
    // Relative paths in the file are relative to its folder, not to where the daemon was started.
    let path = std::path::absolute(&path).map_err(|error| unusable(&path, error))?;
    let (text, privacy) = read(&path).map_err(|error| match error {
        ConfigFileError::Missing { path, .. } => ConfigFileError::Missing { path, named_by },
        other => other,
    })?;
    // Nor may others be able to replace it, or the file that it is a link to.
    for place in [&path, &path.canonicalize().map_err(|error| unusable(&path, error))?] {
        trust::check_parents(place).map_err(|error| unusable(&path, error))?;
    }
    let providers = provider_files(&path)?;
    Ok(FoundConfig { text, path, privacy, home: env.home(), providers })
}

/// As [`find`]; a config file that nobody named may be missing.
pub(crate) fn find_if_there(env: &ConfigEnv) -> Result<FoundConfig, ConfigFileError> {
    let path = match find(env) {
        Err(ConfigFileError::Missing { path, .. }) if env.names_none() => path,
        Err(ConfigFileError::Nowhere) => PathBuf::new(),
        found => return found,
    };
    let providers = provider_files(&path)?;
    Ok(FoundConfig { text: Zeroizing::default(), path, privacy: FilePrivacy::Private, home: env.home(), providers })
}

/// As [`find`]; the config file may be missing, whoever named it.
fn find_or_new(env: &ConfigEnv) -> Result<FoundConfig, ConfigFileError> {
    let path = match find(env) {
        Err(ConfigFileError::Missing { path, .. }) => path,
        found => return found,
    };
    // Of the folders above it, those that are there count.
    if let Some(there) = path.ancestors().skip(1).find(|folder| folder.exists()) {
        trust::check_parents(&there.join("new")).map_err(|error| unusable(&path, error))?;
    }
    let providers = provider_files(&path)?;
    Ok(FoundConfig { text: Zeroizing::default(), path, privacy: FilePrivacy::Private, home: env.home(), providers })
}

/// The files `providers/*.toml` beside the config file, by name. One that can't be used has the reason: it disables the
/// accounts that use it, and no others.
fn provider_files(config: &Path) -> Result<Vec<ProviderFile>, ConfigFileError> {
    let Some(folder) = config.parent().map(|folder| folder.join(PROVIDERS)) else { return Ok(Vec::new()) };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unusable(&folder, error)),
    };
    // Whoever can add a file there can say where secrets are sent.
    let meta = folder.metadata().map_err(|error| unusable(&folder, error))?;
    let exposed = changeable(&meta, &format!("the folder {}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unusable(&folder, error))?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Editors create files of their own beside the one that is open.
        if path.extension().is_none_or(|extension| extension != "toml") || name.starts_with('.') {
            continue;
        }
        let text = match (&exposed, read(&path)) {
            (Some(why), _) => Err(why.clone()),
            (None, Ok((text, _))) => Ok(text.to_string()),
            (None, Err(ConfigFileError::Unusable { why, .. })) => Err(why),
            (None, Err(other)) => Err(other.to_string()),
        };
        files.push(ProviderFile { name, path, text });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// The folder of the user's own presets, beside the config file.
const PROVIDERS: &str = "providers";

/// The file's text, wiped after use because it may hold a secret, and who else can read it.
pub(crate) fn read(path: &Path) -> Result<(Zeroizing<String>, FilePrivacy), ConfigFileError> {
    let (file, meta) = match private_file::open_regular(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ConfigFileError::Missing { path: path.to_owned(), named_by: "the command" });
        }
        Err(error) => return Err(unusable(path, error)),
    };
    // It can name programs to run, so whoever can write it can act as the user.
    if let Some(why) = changeable(&meta, "it") {
        let fix = ModeFix::new(path, &file).map(Box::new);
        return Err(ConfigFileError::Unusable { path: path.to_owned(), why, fix });
    }
    let text = contents(file, meta.len()).map_err(|why| unusable(path, why))?;
    let privacy = match private_file::check(meta.uid(), meta.mode(), Owners::User, OTHERS) {
        Ok(()) => FilePrivacy::Private,
        Err(NotPrivate::Foreign { uid }) => FilePrivacy::Foreign { uid },
        Err(NotPrivate::Open { mode }) => FilePrivacy::Exposed { mode },
    };
    Ok((text, privacy))
}

/// Who else could change `what`, and what to do; `None`: nobody.
fn changeable(meta: &Metadata, what: &str) -> Option<String> {
    let mode = meta.mode() & 0o7777;
    trust::changer(meta.uid(), meta.gid(), mode).map(|changer| match changer {
        Changer::User(uid) => format!("{what} belongs to uid {uid}, who can change it; chown it, or copy it"),
        Changer::Group(gid) => format!("the group {gid} can change {what} (mode {mode:04o}); chmod g-w it"),
        Changer::Everybody => format!("everybody can change {what} (mode {mode:04o}); chmod o-w it"),
    })
}

fn contents(file: File, length: u64) -> Result<Zeroizing<String>, String> {
    let too_big = || format!("it is larger than {MOST_BYTES} bytes");
    if length > MOST_BYTES {
        return Err(too_big());
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let most = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
    let mut bytes = private_file::read_wiped(file, most, length).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_big());
    }
    if text::is_utf16(&bytes) {
        return Err(text::Unfit::Utf16.to_string());
    }
    if bytes.starts_with(text::BOM) {
        bytes.drain(..text::BOM.len());
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            drop(Zeroizing::new(error.into_bytes()));
            Err(format!("it is not UTF-8 (byte {at})"))
        }
    }
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> ConfigFileError {
    ConfigFileError::Unusable { path: path.to_owned(), why: why.to_string(), fix: None }
}

#[cfg(test)]
mod tests;
