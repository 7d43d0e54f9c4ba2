//! Where ringback keeps the master key: the note about it in the state folder.
//!
//! [`KeySource::Auto`] notes what it chose at the first start. `ringback store rekey` notes where it put the new key,
//! and that takes precedence over the config: if `store.key` was not changed, the store still opens, with a warning.

use std::fmt;

use super::TEXT_LIMIT;
use crate::os::folder::Folder;
use crate::secret::source::KeySource;
use crate::store::StoreError;

/// The note in the state folder. Not a secret.
pub(crate) const FILE: &str = "key-source";
/// Follows the place if a rekey put the key there.
const BY_REKEY: &str = " by rekey";

/// Where a master key can be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyLocation {
    /// The key file in the state folder.
    File,
    /// The OS keyring.
    Keyring(Item),
    /// The file in the state folder that a passphrase opens.
    Passphrase,
}

/// Which of two items of the keyring: a new key never overwrites the one that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// Its `username` is the state folder's path, so that two daemons with two folders never overwrite each other's
    /// key.
    First,
    /// The same followed by `//2`, with which no path of a state folder ends.
    Second,
}

impl Item {
    /// The attribute `username`.
    pub(in crate::store) fn user(self, folder: &Folder) -> String {
        let path = folder.path().to_string_lossy();
        match self {
            Self::First => path.into_owned(),
            Self::Second => format!("{path}//2"),
        }
    }

    /// The one that is free while this one is in use.
    pub(in crate::store) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The words of the note.
const WORDS: [(&str, KeyLocation); 4] = [
    ("file", KeyLocation::File),
    ("keyring", KeyLocation::Keyring(Item::First)),
    ("keyring-2", KeyLocation::Keyring(Item::Second)),
    ("passphrase", KeyLocation::Passphrase),
];

/// A parsed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Note {
    pub(in crate::store) place: KeyLocation,
    /// It takes precedence over the config.
    pub(in crate::store) by_rekey: bool,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, place)| *place == self.place).map_or("", |(word, _)| word);
        write!(f, "{word}{}", if self.by_rekey { BY_REKEY } else { "" })
    }
}

impl Note {
    /// `None` if it is not a valid note.
    pub(in crate::store) fn parse(text: &str) -> Option<Self> {
        let (word, by_rekey) = text.strip_suffix(BY_REKEY).map_or((text, false), |word| (word, true));
        let (_, place) = WORDS.into_iter().find(|(known, _)| *known == word)?;
        Some(Self { place, by_rekey })
    }

    /// The note of the state folder, if there is one.
    pub(in crate::store) fn read(folder: &Folder) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = folder.read(FILE, TEXT_LIMIT)? else { return Ok(None) };
        let note = std::str::from_utf8(&bytes).ok().and_then(|text| Self::parse(text.trim()));
        note.map(Some).ok_or_else(|| {
            let why = "it names no known place of a key: write `file`, `keyring` or `passphrase` into it".into();
            StoreError::Unsafe { path: folder.file(FILE), why }
        })
    }

    pub(in crate::store) fn write(self, folder: &Folder) -> Result<(), StoreError> {
        Ok(folder.write(FILE, format!("{self}\n").as_bytes())?)
    }
}

/// The word for the place in the config's `store.key`.
impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Keyring(_) => "keyring",
            Self::Passphrase => "passphrase",
        })
    }
}

impl KeyLocation {
    /// Whether the config names this place, or leaves the choice.
    pub(crate) fn agrees_with(self, source: &KeySource) -> bool {
        *source == KeySource::Auto || *source == self.source()
    }

    pub(super) fn source(self) -> KeySource {
        match self {
            Self::File => KeySource::File,
            Self::Keyring(_) => KeySource::Keyring,
            Self::Passphrase => KeySource::Passphrase,
        }
    }
}

/// Where to get the key: from the config's source, unless a rekey has put it elsewhere.
pub(in crate::store) fn resolved(source: &KeySource, folder: &Folder) -> Result<KeySource, StoreError> {
    let Some(note) = Note::read(folder)?.filter(|note| note.by_rekey) else { return Ok(source.clone()) };
    if !note.place.agrees_with(source) {
        tracing::warn!(
            "`ringback store rekey` moved the store's key to another place than the config says, and that place is \
             used: set `key = \"{}\"` in `[store]`; or delete {} if the key is where the config says",
            note.place,
            folder.file(FILE).display()
        );
    }
    Ok(note.place.source())
}

/// Which item of the keyring holds the key.
pub(in crate::store) fn keyring_item(folder: &Folder) -> Result<Item, StoreError> {
    Ok(match Note::read(folder)?.map(|note| note.place) {
        Some(KeyLocation::Keyring(item)) => item,
        _ => Item::First,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_where_the_key_is_and_nothing_else_is_one() {
        for (word, place) in WORDS {
            for by_rekey in [false, true] {
                let note = Note { place, by_rekey };
                assert_eq!(Note::parse(&note.to_string()), Some(note), "{word}");
            }
        }
        for text in ["", "by rekey", " by rekey", "keyring-3", "file by", "command", "File"] {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
    }
}
