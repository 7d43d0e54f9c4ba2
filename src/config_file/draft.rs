//! A config file while it is being changed: what it would say, and whether and how it can be written.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::Access;
use zeroize::Zeroizing;

use super::{ConfigEnv, ConfigFileError, FoundConfig, MOST_BYTES, find_or_new};
use crate::config::{ConfigEdit, ConfigFix, EditError, FilePrivacy, Sources, apply_edits};
use crate::os::atomic_file;
use crate::os::private_file::{self, own_uid};
use crate::secret::text::BOM;

/// The file as it was read, and as it is to be.
pub(crate) struct ConfigDraft {
    found: FoundConfig,
    text: Zeroizing<String>,
    /// As it is to be: [`ConfigFix::Close`] changes it.
    privacy: FilePrivacy,
    target: Target,
}

/// What is at the file's place.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// Nothing yet.
    New,
    /// A file of this user, with this mode.
    Ours(u32),
    /// One that is not to be replaced: why.
    Fixed(String),
}

/// Why the file was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DraftError {
    /// Somebody else changed it after it was read.
    #[error("it was changed by another program meanwhile")]
    Changed,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ConfigDraft {
    /// Reads the file; there need not be one.
    pub(crate) fn open(env: &ConfigEnv) -> Result<Self, ConfigFileError> {
        let found = find_or_new(env)?;
        let target = target(&found.path);
        Ok(Self { text: found.text.clone(), privacy: found.privacy, found, target })
    }

    /// Changes what it is to say.
    pub(crate) fn edit(&mut self, edits: &[ConfigEdit]) -> Result<(), EditError> {
        self.text = apply_edits(&self.text, edits)?;
        Ok(())
    }

    /// Puts something right, if what comes of it `is_right`; returns whether it did.
    pub(crate) fn fix(&mut self, fix: &ConfigFix, is_right: impl FnOnce(&Self) -> bool) -> bool {
        let (text, privacy) = (self.text.clone(), self.privacy);
        let is_done = if let Some(edit) = fix.edit() {
            self.edit(&[edit]).is_ok()
        } else {
            self.privacy = FilePrivacy::Private;
            true
        };
        if is_done && is_right(self) {
            return true;
        }
        (self.text, self.privacy) = (text, privacy);
        false
    }

    /// As it was read.
    pub(crate) fn before(&self) -> Sources<'_> {
        self.found.sources()
    }

    /// As it is to be.
    pub(crate) fn after(&self) -> Sources<'_> {
        Sources { text: &self.text, privacy: self.privacy, ..self.before() }
    }

    /// Why the file is not replaced, if it isn't.
    pub(crate) fn fixed(&self) -> Option<&str> {
        if let Target::Fixed(why) = &self.target { Some(why) } else { None }
    }

    /// The mode that others can read the file by, if it is to be closed.
    pub(crate) fn closes(&self) -> Option<u32> {
        match (self.found.privacy, self.privacy) {
            (FilePrivacy::Exposed { mode }, FilePrivacy::Private) => Some(mode),
            _ => None,
        }
    }

    /// Replaces the file, durably and at once, and keeps its mode unless it is to be closed; creates it if there is none.
    pub(crate) fn write(&self) -> Result<(), DraftError> {
        let path = &self.found.path;
        match &self.target {
            Target::New => {
                atomic_file::create_folder(path)?;
                Ok(atomic_file::create(path, self.text.as_bytes())?)
            }
            Target::Ours(mode) => {
                let bytes = self.unchanged(path)?;
                Ok(atomic_file::replace(path, &bytes, if self.closes().is_some() { 0o600 } else { *mode })?)
            }
            Target::Fixed(why) => Err(io::Error::other(why.clone()).into()),
        }
    }

    /// The bytes to write, if the file still has what was read.
    fn unchanged(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, DraftError> {
        let (file, meta) = private_file::open_regular(path)?;
        let [most, length] = [MOST_BYTES, meta.len()].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let now = private_file::read_wiped(file, most, length)?;
        let (mark, rest) = now.strip_prefix(BOM).map_or((&b""[..], now.as_slice()), |rest| (BOM, rest));
        if rest != self.found.text.as_bytes() {
            return Err(DraftError::Changed);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(mark.len() + self.text.len()));
        bytes.extend_from_slice(mark);
        bytes.extend_from_slice(self.text.as_bytes());
        Ok(bytes)
    }
}

/// Whether the file at `path` can be replaced. A link is not followed: whoever made it has the file elsewhere, often made
/// by a program that would overwrite the change.
fn target(path: &Path) -> Target {
    let fixed = |why: &str| Target::Fixed(why.to_owned());
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Target::New,
        Err(error) => return Target::Fixed(error.to_string()),
    };
    let writable = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_ok();
    let folder = path.parent().unwrap_or(Path::new("/"));
    if meta.is_symlink() {
        let to = std::fs::read_link(path).map(|to| to.display().to_string()).unwrap_or_default();
        return Target::Fixed(format!("is a symbolic link to {to}"));
    }
    match () {
        () if meta.uid() != own_uid() => fixed("belongs to another user"),
        () if meta.nlink() > 1 => fixed("has a second name (hard link)"),
        () if meta.mode() & 0o200 == 0 || !writable(path) => fixed("is read-only"),
        () if !writable(folder) => fixed("is in a folder that can't be written to"),
        () => Target::Ours(meta.mode() & 0o7777),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    fn env(path: &Path) -> ConfigEnv {
        ConfigEnv { flag: Some(path.to_owned()), ..ConfigEnv::default() }
    }

    fn put(path: &Path, text: &[u8], mode: u32) {
        let mut file = std::fs::File::create(path).unwrap();
        file.write_all(text).unwrap();
        file.set_permissions(PermissionsExt::from_mode(mode)).unwrap();
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        (folder, path)
    }

    fn edit() -> [ConfigEdit; 1] {
        [ConfigEdit::set(&["serve", "wait"], 7)]
    }

    #[test]
    fn a_new_file_is_private_and_an_old_one_keeps_its_mode_and_mark() {
        let (folder, path) = folder();
        let new = folder.path().join("sub/config.toml");
        let mut draft = ConfigDraft::open(&env(&new)).unwrap();
        draft.edit(&edit()).unwrap();
        assert!(draft.fixed().is_none() && draft.write().is_ok());
        assert_eq!(new.metadata().unwrap().mode() & 0o777, 0o600);
        put(&path, b"\xef\xbb\xbf# a\r\n", 0o640);
        let mut draft = ConfigDraft::open(&env(&path)).unwrap();
        draft.edit(&edit()).unwrap();
        draft.write().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"\xef\xbb\xbf# a\r\n\r\n[serve]\r\nwait = 7\r\n");
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o640);
        assert!(matches!(draft.write(), Err(DraftError::Changed)), "it is no longer what was read");
    }

    #[test]
    fn a_file_that_is_kept_elsewhere_or_closed_is_not_replaced() {
        let (folder, path) = folder();
        let link = folder.path().join("link.toml");
        put(&path, b"", 0o600);
        symlink(&path, &link).unwrap();
        let why = |path: &Path| ConfigDraft::open(&env(path)).unwrap().fixed().map(str::to_owned);
        assert_eq!(why(&path), None);
        assert_eq!(why(&link), Some(format!("is a symbolic link to {}", path.display())));
        put(&path, b"", 0o400);
        assert_eq!(why(&path), Some("is read-only".into()));
        put(&path, b"", 0o600);
        std::fs::hard_link(&path, folder.path().join("second.toml")).unwrap();
        assert_eq!(why(&path), Some("has a second name (hard link)".into()));
        let mut draft = ConfigDraft::open(&env(&link)).unwrap();
        draft.edit(&edit()).unwrap();
        assert!(draft.write().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
