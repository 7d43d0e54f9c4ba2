//! Key sources: where the master key comes from. A key is created at the first start only: while sealed files exist, a
//! missing key is an error, since a new one could open none of them.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::location::{self, Item, KeyLocation, Note};
use super::{MasterKey, TEXT_LIMIT};
use crate::os::child_env;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::keyring::KeyringError;
use crate::os::private_file::{self, EVERYBODY, Owners};
use crate::os::program::{self, ProgramError, ProgramLimits};
use crate::secret::source::KeySource;
use crate::store::StoreError;

/// The key file in the state folder.
pub(crate) const KEY_FILE: &str = "master.key";
/// Attribute `service` in the keyring; [`Item`] gives `username`.
pub(crate) const KEYRING_SERVICE: &str = "ringback master key";

/// Timeout of the program.
const PROGRAM: Duration = Duration::from_secs(10);
/// How long to read output after the program has ended: a grandchild may still hold the pipe open.
const OPEN_OUTPUT: Duration = Duration::from_millis(100);

/// What key sources use outside the state folder.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Reads an environment variable.
    pub env: &'a (dyn Fn(&str) -> Option<OsString> + Send + Sync),
    /// The OS keyring.
    pub keyring: &'a (dyn Keyring + Send + Sync),
}

/// Access to a keyring; the real one is [`OsKeyring`].
pub trait Keyring {
    /// The secret stored under these attributes; [`KeyringError::NoEntry`] if there is none.
    fn get(&self, service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError>;
    /// Stores a secret under these attributes.
    fn set(&self, service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError>;
    /// Deletes the secret under these attributes; [`KeyringError::NoEntry`] if there is none.
    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError>;
}

/// The keyring of the user's session.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsKeyring;

impl Keyring for OsKeyring {
    fn get(&self, service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        crate::os::keyring::get(service, user)
    }

    fn set(&self, service: &str, user: &str, secret: &[u8]) -> Result<(), KeyringError> {
        crate::os::keyring::set(service, user, secret)
    }

    fn delete(&self, service: &str, user: &str) -> Result<(), KeyringError> {
        crate::os::keyring::delete(service, user)
    }
}

/// A key and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Obtained {
    /// The key.
    pub(crate) key: MasterKey,
    /// Its source in words, for people.
    pub(crate) from: String,
}

/// Whether a key may be created: only while nothing is sealed with an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Start {
    First,
    Later,
}

/// Gets the key from `source`, or creates it there if that is allowed. Blocks: a program may take 10 s.
pub(in crate::store) fn obtain(
    source: &KeySource,
    folder: &Folder,
    start: Start,
    outside: &Outside<'_>,
) -> Result<Obtained, StoreError> {
    match source {
        KeySource::Auto => auto(folder, start, outside),
        KeySource::File => from_file(folder, start),
        KeySource::Keyring => from_keyring(folder, start, outside.keyring),
        KeySource::Credential(name) => from_credential(name, outside.env),
        KeySource::Command(argv) => from_command(argv),
        // The user has to enter it.
        KeySource::Passphrase => Err(StoreError::Locked),
    }
}

fn auto(folder: &Folder, start: Start, outside: &Outside<'_>) -> Result<Obtained, StoreError> {
    match Note::read(folder)?.map(|note| note.place) {
        Some(KeyLocation::Keyring(_)) => return from_keyring(folder, start, outside.keyring),
        Some(KeyLocation::File) => return from_file(folder, start),
        // The user has to enter it.
        Some(KeyLocation::Passphrase) => return Err(StoreError::Locked),
        None => {}
    }
    // The key comes before the note: after a crash in between, the next start finds the same key.
    let (place, obtained) = choose(folder, start, outside.keyring)?;
    Note { place, by_rekey: false }.write(folder)?;
    Ok(obtained)
}

/// The first start with [`KeySource::Auto`], or one whose note was lost.
fn choose(folder: &Folder, start: Start, keyring: &dyn Keyring) -> Result<(KeyLocation, Obtained), StoreError> {
    if folder.read(KEY_FILE, TEXT_LIMIT)?.is_some() {
        return Ok((KeyLocation::File, from_file(folder, start)?));
    }
    match (from_keyring(folder, start, keyring), start) {
        (Ok(obtained), _) => Ok((KeyLocation::Keyring(Item::First), obtained)),
        (Err(why), Start::Later) => Err(why),
        (Err(why), Start::First) => {
            tracing::info!(%why, "the keyring is not used");
            Ok((KeyLocation::File, from_file(folder, start)?))
        }
    }
}

fn from_file(folder: &Folder, start: Start) -> Result<Obtained, StoreError> {
    let from = format!("file {}", folder.file(KEY_FILE).display());
    if let Some(text) = folder.read(KEY_FILE, TEXT_LIMIT)? {
        return parsed(&text, from);
    }
    let key = make(&from, start, "the file is gone")?;
    folder.create(KEY_FILE, key.to_hex().as_bytes())?;
    Ok(Obtained { key, from })
}

fn from_keyring(folder: &Folder, start: Start, keyring: &dyn Keyring) -> Result<Obtained, StoreError> {
    let from = KEYRING.to_owned();
    let item = location::keyring_item(folder)?;
    let user = item.user(folder);
    match keyring.get(KEYRING_SERVICE, &user) {
        Ok(text) => return parsed(&text, from),
        Err(KeyringError::NoEntry { .. }) => {}
        Err(error) => return Err(unhad(&error)),
    }
    let absent = format!("it has no item with service `{KEYRING_SERVICE}` and username `{user}`");
    let key = make(&from, start, &absent)?;
    put(folder, item, &key, keyring)?;
    Ok(Obtained { key, from })
}

/// Puts the key into the keyring, and verifies that it stays there.
pub(in crate::store) fn put(
    folder: &Folder,
    item: Item,
    key: &MasterKey,
    keyring: &dyn Keyring,
) -> Result<(), StoreError> {
    let user = item.user(folder);
    // KWallet stores only text.
    keyring.set(KEYRING_SERVICE, &user, key.to_hex().as_bytes()).map_err(|error| unhad(&error))?;
    // Read back: a keyring that loses the key would cost every login at the next start.
    let kept = keyring.get(KEYRING_SERVICE, &user).map_err(|error| unhad(&error))?;
    match MasterKey::parse(&kept) {
        Ok(kept) if kept.id() == key.id() => Ok(()),
        _ => Err(StoreError::Key { from: KEYRING.into(), why: "it did not store the key".into() }),
    }
}

/// The source, in words.
const KEYRING: &str = "the OS keyring";

fn unhad(error: &KeyringError) -> StoreError {
    let (from, why) = (KEYRING.to_owned(), error.to_string());
    match error {
        KeyringError::NoEntry { .. } | KeyringError::Ambiguous { .. } => StoreError::Key { from, why },
        // The keyring appears with the user's session, or is unlocked later.
        KeyringError::NoService { .. }
        | KeyringError::Locked { .. }
        | KeyringError::TimedOut
        | KeyringError::Failed { .. } => StoreError::KeyNotYet { from, why },
    }
}

fn from_credential(name: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Obtained, StoreError> {
    let from = format!("systemd credential {name}");
    let fail = |why: String| Err(StoreError::Key { from: from.clone(), why });
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return fail("the name of a credential must be a plain file name".into());
    }
    let Some(folder) = env("CREDENTIALS_DIRECTORY") else {
        return fail("CREDENTIALS_DIRECTORY is not set: add LoadCredential= to the unit".into());
    };
    match read_credential(&Path::new(&folder).join(name)) {
        Ok(text) => parsed(&text, from),
        Err(e) => fail(e.to_string()),
    }
}

/// systemd owns these files and their folder, so owner and group are not checked; a world-readable credential is
/// refused.
fn read_credential(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let refused = || std::io::Error::other("it is not a regular file, or everybody can read it");
    let (file, meta) = private_file::open_regular(path)?;
    private_file::check(meta.uid(), meta.mode(), Owners::Any, EVERYBODY).map_err(|_| refused())?;
    private_file::read_wiped(file, TEXT_LIMIT, TEXT_LIMIT)
}

fn from_command(argv: &[String]) -> Result<Obtained, StoreError> {
    // Arguments may hold more than `status` should show.
    let from = argv.first().map_or_else(|| "command".to_owned(), |program| format!("command {program}"));
    let limits = ProgramLimits { output: TEXT_LIMIT, time: PROGRAM, open_output: Some(OPEN_OUTPUT) };
    let fail = |why: String| StoreError::Key { from: from.clone(), why };
    // The program's own source may be locked, or out of reach.
    let not_yet = |why: String| StoreError::KeyNotYet { from: from.clone(), why };
    match program::output_blocking(argv, &child_env::of_programs(std::env::vars_os()), limits) {
        Ok(text) => parsed(&text, from),
        Err(ProgramError::Empty) => Err(fail("it names no program".into())),
        Err(ProgramError::NotStarted(error)) => Err(fail(format!("it did not start: {error}"))),
        Err(ProgramError::OutputHeld) => Err(fail("it ended without closing its output".into())),
        Err(ProgramError::Unread(error)) => Err(fail(error.to_string())),
        Err(ProgramError::TooLong) => Err(not_yet(format!("it failed: it printed more than {TEXT_LIMIT} bytes"))),
        Err(ProgramError::Failed(status)) => Err(not_yet(format!("it failed ({status}); run it by hand to see more"))),
        Err(ProgramError::Late) => Err(not_yet(format!("it was still running after {} s", PROGRAM.as_secs()))),
    }
}

fn parsed(text: &[u8], from: String) -> Result<Obtained, StoreError> {
    match MasterKey::parse(text) {
        Ok(key) => Ok(Obtained { key, from }),
        Err(why) => Err(StoreError::Key { from, why: why.into() }),
    }
}

pub(super) fn make(from: &str, start: Start, absent: &str) -> Result<MasterKey, StoreError> {
    if start == Start::Later {
        let why = format!(
            "{absent}, but the stored accounts are encrypted with that key: restore it, or move the folder \
             `accounts` away and log in again"
        );
        return Err(StoreError::Key { from: from.into(), why });
    }
    MasterKey::generate().map_err(|e| StoreError::Key { from: from.into(), why: e.to_string() })
}

impl From<FolderError> for StoreError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Unsafe { path, why, .. } => Self::Unsafe { path, why },
            FolderError::Io { path, why } => Self::Io { path, why },
            FolderError::FileSystem { path, name, asked, why } => Self::FileSystem { path, name, asked, why },
        }
    }
}
