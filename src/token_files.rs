//! Token files: files with the current token of an account, for programs that can only read one. They follow what the
//! accounts publish, and are deleted when there is no token to publish, and when the daemon stops.

mod files;
mod ledger;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use self::files::{FileErrors, Files, WantedFile};
use self::ledger::Ledger;
use crate::audit::AuditLog;
use crate::broker::file_tokens::FileAccount;
use crate::broker::handle::Broker;
use crate::clock::Clock;
use crate::contract::{AuditEvent, AuditLine};
use crate::os::folder::error::FolderError;

/// Between attempts to write a file that can't be written: its folder may appear.
const AGAIN: Duration = Duration::from_secs(30);

/// The files of all accounts.
pub(crate) struct TokenFiles {
    broker: Broker,
    audit: AuditLog,
    clock: Clock,
    files: Arc<Mutex<Files>>,
    /// What was logged already.
    errors: FileErrors,
    /// By path, the fingerprint of the token that is in the audit log already, and not in the file.
    noted: BTreeMap<PathBuf, String>,
}

impl TokenFiles {
    /// Reads which files are there from before. Blocks on the disk.
    pub(crate) fn open(state: &Path, broker: Broker, audit: AuditLog, clock: Clock) -> Result<Self, FolderError> {
        let files = Arc::new(Mutex::new(Files::new(Ledger::open(state)?)));
        Ok(Self { broker, audit, clock, files, errors: FileErrors::new(), noted: BTreeMap::new() })
    }

    /// Follows the accounts. `jumps`: notified when the clock was set or the machine woke up. Never returns.
    pub(crate) async fn follow(&mut self, mut jumps: watch::Receiver<()>) {
        let mut changes = self.broker.file_changes();
        loop {
            changes.mark_unchanged();
            let next = self.update().await;
            let expiry = async {
                match next {
                    Some(span) => tokio::time::sleep(span).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = changes.changed() => {}
                Ok(()) = jumps.changed() => {}
                () = expiry => {}
            }
        }
    }

    /// Makes the files what the accounts publish at this moment; returns when to look again, whatever happens.
    pub(crate) async fn update(&mut self) -> Option<Duration> {
        let accounts = self.broker.file_accounts();
        let now = self.clock.now();
        let deadlines = accounts.iter().filter_map(|account| account.token.as_ref()?.deadline);
        let expiry = deadlines.map(|deadline| now.until(deadline)).min();
        let wanted = wanted(&accounts);
        let of_path: BTreeMap<_, _> = wanted.iter().map(|file| (file.path.clone(), file.account.clone())).collect();
        let (stale, mut errors) = self
            .on_disk(move |files| {
                let mut errors = files.remove_others(&wanted);
                let (stale, more) = files.stale(wanted);
                errors.extend(more);
                (stale, errors)
            })
            .await
            .unwrap_or_default();
        for file in &stale {
            // A file that can't be written is tried again and again.
            if self.noted.get(&file.path) == Some(&file.fingerprint) {
                continue;
            }
            let mut line = AuditLine::new(AuditEvent::Token, now.wall.rfc3339());
            line.account = Some(file.account.clone());
            line.reason = Some(format!("for the file {}", file.path.display()));
            // Before the token leaves.
            self.audit.note(&line).await;
            if self.audit.is_on() {
                self.noted.insert(file.path.clone(), file.fingerprint.clone());
            }
        }
        let failed = self.on_disk(move |files| {
            let written = stale.into_iter().map(|file| (files.write(&file), file.path));
            written.filter_map(|(written, path)| Some((path, written.err()?.to_string()))).collect::<FileErrors>()
        });
        errors.extend(failed.await.unwrap_or_default());
        self.noted.retain(|path, _| errors.contains_key(path));
        self.tell(errors, &of_path);
        let again = (!self.errors.is_empty()).then_some(AGAIN);
        expiry.into_iter().chain(again).min()
    }

    /// Deletes all of them, for the end of the process.
    pub(crate) async fn withdraw(&self) {
        let errors = self.on_disk(Files::end).await.unwrap_or_default();
        for (path, why) in errors {
            tracing::error!("the token file {} was not deleted: {why}", path.display());
        }
    }

    /// Logs what is new, and shows the rest in the status of the accounts.
    fn tell(&mut self, errors: FileErrors, of_path: &BTreeMap<PathBuf, String>) {
        for (path, why) in &errors {
            if self.errors.get(path) != Some(why) {
                tracing::error!("a token file can't be kept as it should be: {why}");
            }
        }
        for path in self.errors.keys().filter(|path| !errors.contains_key(*path)) {
            tracing::info!("the token file {} is as it should be again", path.display());
        }
        let by_account = errors.iter().filter_map(|(path, why)| Some((of_path.get(path)?.clone(), why.clone())));
        self.broker.set_file_errors(by_account.collect());
        self.errors = errors;
    }

    /// On a thread for blocking I/O. `None`: it crashed, which is in the log.
    async fn on_disk<T: Send + 'static>(&self, work: impl FnOnce(&mut Files) -> T + Send + 'static) -> Option<T> {
        let files = Arc::clone(&self.files);
        // What a panic left is read from the disk each time.
        let locked = move || work(&mut files.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(locked).await.ok()
    }
}

/// The files of the accounts that have a token.
fn wanted(accounts: &[FileAccount]) -> Vec<WantedFile> {
    let of_account = |account: &FileAccount| {
        let token = account.token.as_ref();
        let files = account.config.keys.file.iter().filter_map(|file| Some((file, file.path.clone()?, token?)));
        let file = files.map(|(file, path, token)| {
            // As the provider said, and always the same: a file is not written again when the clock is set.
            let expires_at = token.deadline.map(|deadline| deadline.wall.unix_seconds());
            let content = file.template.filled(&token.access_token, expires_at);
            let fingerprint = token.access_token.fingerprint();
            WantedFile { account: account.config.name.to_string(), path, fingerprint, content, mode: file.mode }
        });
        file.collect::<Vec<_>>()
    };
    accounts.iter().flat_map(of_account).collect()
}
