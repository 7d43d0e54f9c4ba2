//! The master key while the store is unlocked, and how to get it again after it was dropped.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use super::key::location;
use super::key::passphrase::{self, Cost};
use super::key::source::{self, Obtained, Outside, Start};
use super::{Opening, StoreError};
use crate::contract::StoreState;
use crate::os::folder::Folder;
use crate::secret::source::KeySource;

/// Holds the key. Readers share it without blocking.
pub(super) struct MasterKeyCell {
    key: ArcSwapOption<Obtained>,
    source: KeySource,
    outside: Outside<'static>,
    /// The public properties of the first key: later ones have to be the same.
    known: OnceLock<KnownKey>,
    /// Whether a passphrase is set.
    set: AtomicBool,
    /// Why the key could not be obtained yet when the store was opened.
    not_yet: Option<String>,
}

struct KnownKey {
    id: [u8; 8],
    from: String,
}

impl fmt::Debug for MasterKeyCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl MasterKeyCell {
    /// Gets the key. Stays locked if that needs a passphrase, or if something is sealed already and the key may be
    /// available later. Blocks.
    pub(super) fn open(
        source: &KeySource,
        outside: Outside<'static>,
        folder: &Folder,
        start: Start,
    ) -> Result<Self, StoreError> {
        let source = &location::resolved(source, folder)?;
        let mut key_cell = Self {
            key: ArcSwapOption::empty(),
            source: source.clone(),
            outside,
            known: OnceLock::new(),
            set: AtomicBool::new(passphrase::is_set(folder)?),
            not_yet: None,
        };
        if *source != KeySource::Passphrase {
            match source::obtain(source, folder, start, &outside) {
                Ok(obtained) => key_cell.hold(obtained)?,
                Err(error @ StoreError::KeyNotYet { .. }) if start == Start::Later => {
                    key_cell.not_yet = Some(error.to_string());
                }
                Err(error) => return Err(error),
            }
        } else if start == Start::Later && !key_cell.is_set() {
            return Err(passphrase::lost(folder));
        }
        Ok(key_cell)
    }

    /// Gets the key again. Blocks: a keyring or program may take 10 s, and a passphrase takes a second.
    pub(super) fn unlock(&self, opening: &Opening, folder: &Folder, start: Start) -> Result<(), StoreError> {
        let refused = |why: &str| Err(StoreError::Passphrase { why: why.into() });
        let by_passphrase = self.source == KeySource::Passphrase;
        let obtained = match opening {
            Opening::Source if by_passphrase => {
                return refused("the store needs a passphrase, and none was given");
            }
            // A key that is created now could open none of the files.
            Opening::Source => source::obtain(&self.source, folder, Start::Later, &self.outside)?,
            _ if !by_passphrase => return refused("the store has no passphrase: give none"),
            Opening::Passphrase(passphrase) => passphrase::open(folder, passphrase, Cost::USUAL)?,
            Opening::First(passphrase) => passphrase::set(folder, passphrase, start, Cost::USUAL)?,
        };
        self.set.store(by_passphrase, Ordering::Release);
        self.hold(obtained)
    }

    fn hold(&self, obtained: Obtained) -> Result<(), StoreError> {
        let id = obtained.key.id();
        let known = self.known.get_or_init(|| KnownKey { id, from: obtained.from.clone() });
        if known.id != id {
            let why = "it is not the key from before the store was locked: restore that one".into();
            return Err(StoreError::Key { from: obtained.from, why });
        }
        self.key.store(Some(Arc::new(obtained)));
        Ok(())
    }

    /// Why the key could not be obtained yet when the store was opened, if so.
    pub(super) fn not_yet(&self) -> Option<&str> {
        self.not_yet.as_deref()
    }

    /// Drops the key, which is wiped as soon as nothing uses it any more.
    pub(super) fn lock(&self) {
        self.key.store(None);
    }

    pub(super) fn key(&self) -> Result<Arc<Obtained>, StoreError> {
        self.key.load_full().ok_or(StoreError::Locked)
    }

    pub(super) fn state(&self) -> StoreState {
        match (self.key.load().is_some(), &self.source) {
            (true, _) => StoreState::Unlocked,
            (false, KeySource::Passphrase) if self.is_set() => StoreState::PassphraseNeeded,
            (false, KeySource::Passphrase) => StoreState::PassphraseUnset,
            (false, _) => StoreState::Locked,
        }
    }

    fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Where the key comes from.
    pub(super) fn source(&self) -> &KeySource {
        &self.source
    }

    /// Where the key comes from, in words.
    pub(super) fn from(&self) -> String {
        self.known.get().map_or(passphrase::FROM, |known| &known.from).to_owned()
    }
}
