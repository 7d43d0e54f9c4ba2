//! A new master key, and a new place or passphrase for it, with no new login. Done by who holds the state folder, while
//! no daemon runs.
//!
//! The order is what makes it safe to kill at every step:
//!
//! 1. the new key is put in its new place, beside the present one; every account is sealed anew into a folder of its own,
//!    and read back;
//! 2. the plan is written, which decides: until then nothing has changed, and the next start deletes what is there;
//! 3. the new files take the place of the old ones, the note says where the key is, and then the old key is overwritten
//!    and deleted, where it was ours to keep. All that takes no key, so the next start, whoever's it is, does what is left of it.

use super::file::FileStore;
use super::key::MasterKey;
use super::key::location::{Item, KeyLocation, Note};
use super::key::passphrase::{self, Cost};
use super::key::source::{self, KEY_FILE, KEYRING_SERVICE, Keyring, Outside, TEXT_LIMIT};
use super::seal;
use super::{Store as _, StoreError};
use crate::failpoint;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::keyring::KeyringError;
use crate::secret::Passphrase;

/// The accounts under the new key, until they take the place of the others.
const ACCOUNTS_NEXT: &str = "accounts.next";
const KEY_NEXT: &str = "master.key.next";
const PASSPHRASE_NEXT: &str = "passphrase.toml.next";
/// The plan: where the new key is, and on a second line, if there is one, which item of the keyring held the old one.
const PLAN: &str = "rekey";

/// Where the new key is to be.
#[derive(Debug)]
pub enum NewPlace {
    /// In the key file.
    File,
    /// In the OS keyring.
    Keyring,
    /// In a file that this passphrase opens.
    Passphrase(Passphrase),
}

/// What a rekey came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    /// The accounts that are sealed with the new key, sorted.
    pub accounts: Vec<String>,
    /// Where that is.
    pub place: KeyLocation,
    /// One sentence: the old key is still in the keyring, and how to find it there.
    pub left: Option<String>,
}

/// What is to be done once all is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RekeyPlan {
    to: KeyLocation,
    /// The keyring's item that holds the old key.
    forget: Option<Item>,
}

impl FileStore {
    /// Seals every account under a new key in this place; this store is locked afterwards, since it has the old one.
    /// After an error [`Self::rekey_is_half_done`] says whether anything was changed. Blocks: a keyring has 10 s, and a
    /// passphrase takes a second.
    pub fn rekey(&self, to: &NewPlace, keyring: &dyn Keyring) -> Result<Rekeyed, StoreError> {
        let folder = self.folder();
        let old = self.key_place()?;
        let plan = RekeyPlan {
            to: match to {
                NewPlace::File => KeyLocation::File,
                NewPlace::Passphrase(_) => KeyLocation::Passphrase,
                NewPlace::Keyring => KeyLocation::Keyring(match old {
                    Some(KeyLocation::Keyring(item)) => item.other(),
                    _ => Item::First,
                }),
            },
            forget: match old {
                Some(KeyLocation::Keyring(item)) => Some(item),
                _ => None,
            },
        };
        let accounts = self.prepare(to, plan.to, keyring).inspect_err(|_| undo_all(folder, plan.to, keyring))?;
        if let Err(error) = folder.write(PLAN, plan.text().as_bytes()) {
            // It may stand there already: the error can be that of making it durable.
            if !self.rekey_is_half_done() {
                undo_all(folder, plan.to, keyring);
            }
            return Err(error.into());
        }
        failpoint::reach("rekey_decided");
        self.lock();
        let left = plan.carry_out(folder, self.account_folder(), keyring)?;
        Ok(Rekeyed { accounts, place: plan.to, left })
    }

    /// Whether a rekey has begun to replace files: the next start ends it.
    pub fn rekey_is_half_done(&self) -> bool {
        !matches!(self.folder().read(PLAN, TEXT_LIMIT), Ok(None))
    }

    /// Step 1: nothing that is in use changes.
    fn prepare(&self, to: &NewPlace, place: KeyLocation, keyring: &dyn Keyring) -> Result<Vec<String>, StoreError> {
        let folder = self.folder();
        for old in [KEY_FILE, passphrase::FILE] {
            folder.check_overwritable(old)?;
        }
        let key = MasterKey::generate()
            .map_err(|error| StoreError::Key { from: "the system".into(), why: error.to_string() })?;
        match (to, place) {
            (NewPlace::File, _) => folder.write(KEY_NEXT, key.to_hex().as_bytes())?,
            (NewPlace::Passphrase(passphrase), _) => {
                passphrase::write(folder, PASSPHRASE_NEXT, &key, passphrase, Cost::USUAL)?;
            }
            (NewPlace::Keyring, KeyLocation::Keyring(item)) => source::put(folder, item, &key, keyring)?,
            (NewPlace::Keyring, _) => {}
        }
        failpoint::reach("rekey_key_placed");
        let next = folder.subfolder(ACCOUNTS_NEXT)?;
        let accounts = self.accounts()?;
        for account in &accounts {
            let Some(opened) = self.opened(account)? else { continue };
            let sealed = seal::seal(&key, account, opened.generation, &opened.payload, &mut rand::rng());
            let file = format!("{account}{}", super::file::SUFFIX);
            let failed = |why: &dyn std::fmt::Display| StoreError::Io { path: next.file(&file), why: why.to_string() };
            next.write(&file, &sealed.map_err(|error| failed(&error))?)?;
            let written = next.read(&file, seal::MAX_FILE)?.unwrap_or_default();
            match seal::open(&key, account, &written) {
                Ok(again) if again.generation == opened.generation && *again.payload == *opened.payload => {}
                _ => return Err(failed(&"what was written can't be read back")),
            }
            failpoint::reach("rekey_account_sealed");
        }
        failpoint::reach("rekey_all_sealed");
        Ok(accounts)
    }
}

impl RekeyPlan {
    fn text(self) -> String {
        let forget = self.forget.map_or_else(String::new, |item| {
            format!("{}\n", Note { place: KeyLocation::Keyring(item), by_rekey: false })
        });
        format!("{}\n{forget}", Note { place: self.to, by_rekey: true })
    }

    fn read(folder: &Folder) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = folder.read(PLAN, TEXT_LIMIT)? else { return Ok(None) };
        let mut lines = std::str::from_utf8(&bytes).unwrap_or_default().lines();
        let to = lines.next().and_then(Note::parse);
        let forget = lines.next().map(|line| Note::parse(line).map(|note| note.place));
        let (Some(to), None | Some(Some(KeyLocation::Keyring(_)))) = (to.filter(|to| to.by_rekey), forget) else {
            let why = "it is not the plan of a rekey that this version knows: use the version that wrote it".into();
            return Err(StoreError::Unsafe { path: folder.file(PLAN), why });
        };
        let forget = forget.flatten().and_then(|place| match place {
            KeyLocation::Keyring(item) => Some(item),
            KeyLocation::File | KeyLocation::Passphrase => None,
        });
        Ok(Some(Self { to: to.place, forget }))
    }

    /// Step 3. Each part of it may have been done already. What is left in the keyring is told as one sentence.
    fn carry_out(
        self,
        folder: &Folder,
        accounts: &Folder,
        keyring: &dyn Keyring,
    ) -> Result<Option<String>, StoreError> {
        let next = folder.subfolder(ACCOUNTS_NEXT)?;
        let mut names = next.names()?;
        names.sort_unstable();
        for name in names {
            next.move_file(&name, accounts, &name)?;
            failpoint::reach("rekey_account_moved");
        }
        accounts.sync()?;
        next.sync()?;
        failpoint::reach("rekey_all_moved");
        // From here on nothing is sealed under the old key.
        match self.to {
            KeyLocation::File if folder.read(KEY_NEXT, TEXT_LIMIT)?.is_some() => {
                folder.overwrite(KEY_FILE)?;
                failpoint::reach("rekey_key_overwritten");
                folder.move_file(KEY_NEXT, folder, KEY_FILE)?;
            }
            KeyLocation::Passphrase if folder.read(PASSPHRASE_NEXT, TEXT_LIMIT)?.is_some() => {
                folder.overwrite(passphrase::FILE)?;
                folder.move_file(PASSPHRASE_NEXT, folder, passphrase::FILE)?;
            }
            KeyLocation::File | KeyLocation::Passphrase | KeyLocation::Keyring(_) => {}
        }
        folder.sync()?;
        failpoint::reach("rekey_key_moved");
        Note { place: self.to, by_rekey: true }.write(folder)?;
        failpoint::reach("rekey_noted");
        if self.to != KeyLocation::File {
            folder.wipe(KEY_FILE)?;
        }
        if self.to != KeyLocation::Passphrase {
            folder.wipe(passphrase::FILE)?;
        }
        failpoint::reach("rekey_old_key_gone");
        let left = self.forget.and_then(|item| forget(folder, item, keyring));
        folder.remove_subfolder(ACCOUNTS_NEXT)?;
        folder.remove(PLAN)?;
        failpoint::reach("rekey_done");
        Ok(left)
    }
}

/// Ends a rekey that was cut off, or takes it back: for who has just taken hold of the folder.
pub(super) fn recover(folder: &Folder, accounts: &Folder, outside: &Outside<'_>) -> Result<(), StoreError> {
    match RekeyPlan::read(folder)? {
        Some(plan) => {
            let left = plan.carry_out(folder, accounts, outside.keyring)?;
            tracing::info!("a change of the store's key that had been cut off was brought to its end");
            if let Some(left) = left {
                tracing::warn!("{left}");
            }
            Ok(())
        }
        None => undo(folder).map_err(StoreError::from),
    }
}

/// Takes step 1 back.
fn undo(folder: &Folder) -> Result<(), FolderError> {
    for key in [KEY_NEXT, PASSPHRASE_NEXT] {
        // Most starts have nothing to delete, and cost no write.
        if folder.read(key, TEXT_LIMIT)?.is_some() {
            folder.wipe(key)?;
        }
    }
    if folder.names()?.iter().any(|name| name == ACCOUNTS_NEXT) {
        let next = folder.subfolder(ACCOUNTS_NEXT)?;
        for name in next.names()? {
            next.remove(&name)?;
        }
        folder.remove_subfolder(ACCOUNTS_NEXT)?;
    }
    Ok(())
}

/// The same, and the new key in the keyring too. What stays opens nothing, and the next start tries again.
fn undo_all(folder: &Folder, to: KeyLocation, keyring: &dyn Keyring) {
    if let KeyLocation::Keyring(item) = to
        && let Some(left) = forget(folder, item, keyring)
    {
        tracing::warn!("{left}");
    }
    if let Err(error) = undo(folder) {
        tracing::warn!("what a rekey that failed has left could not be deleted: {error}");
    }
}

/// Best effort: the key of this item opens nothing that is in use. One sentence if it is still there.
fn forget(folder: &Folder, item: Item, keyring: &dyn Keyring) -> Option<String> {
    let user = item.user(folder);
    match keyring.delete(KEYRING_SERVICE, &user) {
        Ok(()) | Err(KeyringError::NoEntry { .. }) => None,
        Err(error) => Some(format!(
            "a key of the store that is no longer used stays in the keyring ({error}): delete its item, with service \
             `{KEYRING_SERVICE}` and username `{user}`"
        )),
    }
}
