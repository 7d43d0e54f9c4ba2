//! Rekey: rotates the master key, and may change its place or passphrase, with no new login. Done by the process that
//! holds the state folder, while no daemon runs.
//!
//! The order makes it safe to be killed at every step:
//!
//! 1. the new key is put in its new place, beside the current one; every account is sealed again into a separate
//!    folder, and read back;
//! 2. the plan is written, which is the commit point: until then nothing has changed, and the next start deletes what
//!    was prepared;
//! 3. the new files replace the old ones, the note says where the key is, and then the old key is overwritten and
//!    deleted, if ringback kept it. None of this needs a key, so the next start, of whichever process, completes it.

use super::file::FileStore;
use super::file_name::file_name;
use super::key::location::{Item, KeyLocation};
use super::key::passphrase::{self, Cost};
use super::key::source::{self, KEY_FILE, Keyring};
use super::key::{MasterKey, TEXT_LIMIT};
use super::rekey_plan::{ACCOUNTS_NEXT, KEY_NEXT, PASSPHRASE_NEXT, PLAN, RekeyPlan, undo_all};
use super::seal;
use super::{Store as _, StoreError};
use crate::failpoint;
use crate::secret::Passphrase;

/// Where to put the new key.
#[derive(Debug)]
pub(crate) enum NewPlace {
    /// In the key file.
    File,
    /// In the OS keyring.
    Keyring,
    /// In a file that this passphrase opens.
    Passphrase(Passphrase),
}

/// The result of a rekey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rekeyed {
    /// The accounts that are sealed with the new key, sorted.
    pub(crate) accounts: Vec<String>,
    /// Where the new key is.
    pub(crate) place: KeyLocation,
    /// If the old key is still in the keyring: one sentence that says so, and how to find it there.
    pub(crate) left: Option<String>,
}

impl FileStore {
    /// Seals every account with a new key in this place; the store is locked afterwards, since it has the old one.
    /// After an error, [`Self::rekey_is_half_done`] says whether anything was changed. Blocks: a keyring may take 10 s,
    /// and a passphrase takes a second.
    pub(crate) fn rekey(&self, to: &NewPlace, keyring: &dyn Keyring) -> Result<Rekeyed, StoreError> {
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
            // The plan may be there already: the error may come from making it durable.
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

    /// Whether a rekey has begun to replace files: the next start completes it.
    pub(crate) fn rekey_is_half_done(&self) -> bool {
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
            let file = file_name(account);
            let failed = |why: &dyn std::fmt::Display| StoreError::Io { path: next.file(&file), why: why.to_string() };
            next.write(&file, &sealed.map_err(|error| failed(&error))?)?;
            let written = next.read(&file, seal::MAX_FILE)?.unwrap_or_default();
            match seal::open(&key, account, &written) {
                Ok(again) if again.generation == opened.generation && *again.payload == *opened.payload => {}
                _ => return Err(failed(&"the written data can't be read back")),
            }
            failpoint::reach("rekey_account_sealed");
        }
        failpoint::reach("rekey_all_sealed");
        Ok(accounts)
    }
}
