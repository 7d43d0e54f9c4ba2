//! The key by which local programs show on TCP that they may ask. One key for all of them, in a file
//! that only this user can read; named apps with keys of their own come later.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::paths::folder::{Folder, FolderError};
use crate::secret::AppKey;

/// Begins every key, so that people and scanners for leaked secrets know one when they see it.
const PREFIX: &str = "rbk_";
/// 256 bits as base64url.
const RANDOM_CHARS: usize = 43;
/// 36 bits: enough to tell a key that was cut or mistyped.
const CHECKSUM_CHARS: usize = 6;
/// No key file is longer; what surrounds the key is white space.
const FILE_LIMIT: usize = 1024;

/// Why there is no app key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppKeyError {
    /// Its file or folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system has no randomness to give.
    #[error("no key could be made: {0}")]
    Random(String),
    /// The file holds something else.
    #[error("{}: {why}; delete it, and the next start makes a new key", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Reads the key at `path`, or makes one there (0600) if there is no file.
pub fn load_or_create(path: &Path) -> Result<AppKey, AppKeyError> {
    let malformed = |why| AppKeyError::Malformed { path: path.to_owned(), why };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(malformed("this is not the path of a file"));
    };
    let folder = Folder::open(folder)?;
    if let Some(bytes) = folder.read(name, FILE_LIMIT)? {
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed("it is not text"))?;
        return parse(text.trim()).map_err(malformed);
    }
    let text = generate()?;
    // No newline: `curl -H "Authorization: Bearer $(cat …)"` and a plain read give the same.
    folder.create(name, text.as_bytes())?;
    Ok(AppKey::new(text.as_str()))
}

/// Takes a key as it stands in its file; says what is wrong with one that can't be right.
pub fn parse(text: &str) -> Result<AppKey, &'static str> {
    let random = text.strip_prefix(PREFIX).ok_or("an app key begins with `rbk_`")?;
    if random.len() != RANDOM_CHARS + CHECKSUM_CHARS {
        return Err("an app key has 53 characters");
    }
    let (random, sum) = random.split_at_checked(RANDOM_CHARS).ok_or("an app key is ASCII")?;
    if checksum(random) != sum {
        return Err("the checksum of the app key is wrong: it was cut or changed");
    }
    Ok(AppKey::new(text))
}

fn generate() -> Result<Zeroizing<String>, AppKeyError> {
    use rand::TryRng as _;
    let mut bytes = Zeroizing::new([0u8; 32]);
    rand::rngs::SysRng.try_fill_bytes(bytes.as_mut()).map_err(|e| AppKeyError::Random(e.to_string()))?;
    let random = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS));
    text.push_str(PREFIX);
    text.push_str(&random);
    text.push_str(&checksum(&random));
    Ok(text)
}

/// Not a secret's protection but a spelling check, so plain SHA-256 and `==` will do.
fn checksum(random: &str) -> String {
    let digest = Sha256::digest(random.as_bytes());
    URL_SAFE_NO_PAD.encode(digest).chars().take(CHECKSUM_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once_private_and_well_formed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/app.key");
        let key = load_or_create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(key.matches(&text) && text.len() == 53 && text.starts_with("rbk_"), "{}", text.len());
        assert!(load_or_create(&path).unwrap().matches(&text), "the second start finds it");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_key_that_was_cut_changed_or_opened_to_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/app.key");
        load_or_create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let other = if text.ends_with('A') { "B" } else { "A" };
        let changed = format!("{}{other}", &text[..52]);
        for bad in [&text[..52], &changed, "", "rbk_", &text[4..], "rbk_ä"] {
            assert!(parse(bad).is_err());
            std::fs::File::create(&path).unwrap().write_all(bad.as_bytes()).unwrap();
            assert!(matches!(load_or_create(&path), Err(AppKeyError::Malformed { .. })));
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
