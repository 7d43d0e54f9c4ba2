//! The sources of a config: its texts, and what is known about their files.

use std::path::{Path, PathBuf};

use super::value::Base;

/// The sources of a config.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The config file's text.
    pub text: &'a str,
    /// Its absolute path.
    pub path: &'a Path,
    /// Who else can read it.
    pub privacy: FilePrivacy,
    /// What `~/` stands for.
    pub home: Option<&'a Path>,
    /// The user's own presets.
    pub providers: &'a [ProviderFile],
}

impl<'a> Sources<'a> {
    /// What paths in the config file are relative to.
    pub(super) fn base(&self) -> Base<'a> {
        Base { folder: self.path.parent().unwrap_or(Path::new("")), home: self.home }
    }
}

/// A file of the `providers` folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFile {
    /// Its name without `.toml`: what accounts call it.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What is in it, or why it can't be used.
    pub(crate) text: Result<String, String>,
}

/// Who else can read the config file, and so a secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePrivacy {
    /// It is the user's own, and nobody else can read it.
    Private,
    /// Its mode lets others read it.
    Exposed {
        /// The permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    Foreign {
        /// Its owner.
        uid: u32,
    },
}
