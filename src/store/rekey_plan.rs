//! The plan of a rekey, and the remaining steps, which need no key (`rekey` describes their order).

use super::StoreError;
use super::key::TEXT_LIMIT;
use super::key::location::{Item, KeyLocation, Note};
use super::key::passphrase;
use super::key::source::{KEY_FILE, KEYRING_SERVICE, Keyring, Outside};
use crate::failpoint;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::os::keyring::KeyringError;

/// The accounts sealed with the new key, until they replace the old ones.
pub(super) const ACCOUNTS_NEXT: &str = "accounts.next";
pub(super) const KEY_NEXT: &str = "master.key.next";
pub(super) const PASSPHRASE_NEXT: &str = "passphrase.toml.next";
/// The plan: where the new key is, and on an optional second line, which item of the keyring held the old one.
pub(super) const PLAN: &str = "rekey";

/// What remains to be done once everything is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RekeyPlan {
    pub(super) to: KeyLocation,
    /// The keyring's item that holds the old key.
    pub(super) forget: Option<Item>,
}

impl RekeyPlan {
    pub(super) fn text(self) -> String {
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
            let why = "its rekey plan is not known to this version: use the version that wrote it".into();
            return Err(StoreError::Unsafe { path: folder.file(PLAN), why });
        };
        let forget = forget.flatten().and_then(|place| match place {
            KeyLocation::Keyring(item) => Some(item),
            KeyLocation::File | KeyLocation::Passphrase => None,
        });
        Ok(Some(Self { to: to.place, forget }))
    }

    /// Step 3. Each part may have been done already. Returns one sentence if a key is left in the keyring.
    pub(super) fn carry_out(
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
        // From here on, nothing is sealed with the old key.
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

/// Completes a rekey that was interrupted, or undoes it. For the process that has just taken hold of the folder.
pub(super) fn recover(folder: &Folder, accounts: &Folder, outside: &Outside<'_>) -> Result<(), StoreError> {
    match RekeyPlan::read(folder)? {
        Some(plan) => {
            let left = plan.carry_out(folder, accounts, outside.keyring)?;
            tracing::info!("completed an interrupted change of the store's key");
            if let Some(left) = left {
                tracing::warn!("{left}");
            }
            Ok(())
        }
        None => undo(folder).map_err(StoreError::from),
    }
}

/// Undoes step 1.
fn undo(folder: &Folder) -> Result<(), FolderError> {
    for key in [KEY_NEXT, PASSPHRASE_NEXT] {
        // Most starts have nothing to delete, and should write nothing.
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

/// The same, including the new key in the keyring. A key that remains opens nothing, and the next start tries again.
pub(super) fn undo_all(folder: &Folder, to: KeyLocation, keyring: &dyn Keyring) {
    if let KeyLocation::Keyring(item) = to
        && let Some(left) = forget(folder, item, keyring)
    {
        tracing::warn!("{left}");
    }
    if let Err(error) = undo(folder) {
        tracing::warn!("the leftovers of a failed rekey could not be deleted: {error}");
    }
}

/// Deletes an item whose key opens nothing that is in use. Best effort: returns one sentence if it is still there.
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
