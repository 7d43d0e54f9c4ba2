//! The client secret of an account: typed, read from standard input, or in a file already; and where it is put. It never
//! stands in an argument, and not in the config file.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{CLIENT_SECRET_KEYS, ConfigEdit};
use crate::os::keyring::KeyringError;
use crate::os::{atomic_file, keyring, private_file};
use crate::secret::ClientSecret;
use crate::secret::text::{self, Rule};

/// Longer than any secret.
const LONGEST: usize = 4096;
/// The attribute `service` of items in the keyring.
const SERVICE: &str = "ringback";
/// What becomes of an account's client secret.
pub(in crate::cli) enum SecretPlan {
    /// It has none, or keeps what it has.
    Unchanged,
    /// It has none from now on.
    Removed,
    /// A file that is there.
    Named(PathBuf),
    /// A new private file, beside the config.
    File(ClientSecret, PathBuf),
    /// An item of the desktop's keyring.
    Keyring(ClientSecret, String),
}

/// What was stored, so that it can be taken back.
pub(in crate::cli) enum StoredSecret {
    /// Nothing.
    Nothing,
    /// This file is new.
    File(PathBuf),
    /// The item of this user, and what was in it.
    Keyring(String, Option<Zeroizing<Vec<u8>>>),
}

/// The secret in what was typed or piped.
pub(in crate::cli) fn of_bytes(bytes: &[u8]) -> Result<ClientSecret, Failure> {
    let secret = text::single(bytes, Rule::ClientSecret).map_err(|why| message::secret_unread(format!("it {why}")))?;
    Ok(ClientSecret::new(secret))
}

/// The secret on standard input.
pub(in crate::cli) fn of_stdin() -> Result<ClientSecret, Failure> {
    let bytes = private_file::read_wiped(io::stdin().lock(), LONGEST, LONGEST).map_err(message::secret_unread)?;
    if bytes.len() > LONGEST { Err(message::secret_unread("it is longer than 4 KiB")) } else { of_bytes(&bytes) }
}

impl SecretPlan {
    /// To keep `secret`: in the keyring, or in a file beside the config that is not there yet.
    pub(in crate::cli) fn keep(secret: ClientSecret, account: &str, config: &Path, in_keyring: bool) -> Self {
        if in_keyring {
            return Self::Keyring(secret, account.to_owned());
        }
        let folder = config.parent().unwrap_or(Path::new("."));
        let names = std::iter::once(format!("{account}.secret"));
        let mut names = names.chain((2_u32..).map(|n| format!("{account}.{n}.secret")));
        let free = names.find(|name| folder.join(name).symlink_metadata().is_err()).unwrap_or_default();
        Self::File(secret, folder.join(free))
    }

    /// What the config has to say of it.
    pub(in crate::cli) fn edits(&self, account: &str) -> Vec<ConfigEdit> {
        let (key, value) = match self {
            Self::Unchanged => return Vec::new(),
            Self::Removed => ("", None),
            Self::Named(path) => ("client_secret_file", Some(Value::from(path.to_string_lossy().into_owned()))),
            // Relative to the config's folder, with which it moves.
            Self::File(_, path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                ("client_secret_file", Some(name.into()))
            }
            Self::Keyring(_, user) => {
                let item = [("service".to_owned(), SERVICE.into()), ("user".to_owned(), user.as_str().into())];
                ("client_secret_keyring", Some(item.into_iter().collect::<Table>().into()))
            }
        };
        let others = CLIENT_SECRET_KEYS.iter().filter(|other| **other != key);
        let others = others.map(|other| ConfigEdit::remove(&["accounts", account, other]));
        others.chain(value.map(|value| ConfigEdit::set(&["accounts", account, key], value))).collect()
    }

    /// Puts it there.
    pub(in crate::cli) fn store(&self) -> Result<StoredSecret, Failure> {
        match self {
            Self::Unchanged | Self::Removed | Self::Named(_) => Ok(StoredSecret::Nothing),
            Self::File(secret, path) => {
                let stored = atomic_file::create_folder(path).and_then(|()| {
                    let mut line = Zeroizing::new(Vec::with_capacity(secret.expose().len() + 1));
                    line.extend_from_slice(secret.expose().as_bytes());
                    line.push(b'\n');
                    atomic_file::create(path, &line)
                });
                stored.map_err(|why| message::secret_unwritable(path.display(), why))?;
                Ok(StoredSecret::File(path.clone()))
            }
            Self::Keyring(secret, user) => {
                let before = match keyring::get(SERVICE, user) {
                    Ok(before) => Some(before),
                    Err(KeyringError::NoEntry { .. }) => None,
                    Err(error) => return Err(message::secret_not_in_keyring(error)),
                };
                let stored = keyring::set(SERVICE, user, secret.expose().as_bytes());
                stored.map_err(message::secret_not_in_keyring)?;
                Ok(StoredSecret::Keyring(user.clone(), before))
            }
        }
    }
}

impl StoredSecret {
    /// Takes it back, since the config does not name it after all.
    pub(in crate::cli) fn undo(self) {
        let undone = match self {
            Self::Nothing => Ok(()),
            Self::File(path) => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
                _ => Ok(()),
            },
            Self::Keyring(user, Some(before)) => {
                keyring::set(SERVICE, &user, &before).map_err(|error| error.to_string())
            }
            Self::Keyring(user, None) => keyring::delete(SERVICE, &user).map_err(|error| error.to_string()),
        };
        if let Err(why) = undone {
            crate::cli::report::say(&format!("note: the earlier client secret could not be put back: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn a_secret_gets_a_file_of_its_own_and_is_named_beside_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("new/config.toml");
        let plan = || SecretPlan::keep(of_bytes(b" canary \n").unwrap(), "work", &config, false);
        let stored = plan().store().unwrap();
        let first = folder.path().join("new/work.secret");
        assert_eq!(std::fs::read(&first).unwrap(), b"canary\n");
        assert_eq!(first.metadata().unwrap().mode() & 0o777, 0o600);
        let second = plan();
        assert!(matches!(&second, SecretPlan::File(_, path) if path.ends_with("work.2.secret")));
        let text = "[accounts.work]\nclient_secret = \"old\"\nx = 1\n";
        let edited = crate::config::apply_edits(text, &second.edits("work")).unwrap();
        assert_eq!(*edited, "[accounts.work]\nx = 1\nclient_secret_file = \"work.2.secret\"\n");
        stored.undo();
        assert!(!first.exists());
        let item = SecretPlan::keep(of_bytes(b"s").unwrap(), "work", &config, true).edits("work");
        let edited = crate::config::apply_edits("", &item).unwrap();
        assert_eq!(*edited, "[accounts.work]\nclient_secret_keyring = { service = \"ringback\", user = \"work\" }\n");
        for odd in [&b""[..], b"a\nb", b"\xff\xfe"] {
            assert!(of_bytes(odd).is_err(), "{odd:?}");
        }
    }
}
