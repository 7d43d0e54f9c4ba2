//! Apps, the programs with a key: who they are, what their keys allow, and when they were last used. A key is shown
//! once, when it is created; only its SHA-256 is stored.
//!
//! One of them, `DEFAULT_APP`, has its key in a file that local programs find through `endpoint.json`. It
//! can be rotated, limited and switched off like the others.

mod app;
mod change;
pub mod consent;
mod error;
mod file;
mod handed_out;
pub(crate) mod key;
mod rights;
mod temporary;
pub(crate) mod wording;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::clock::Wall;
use crate::contract::is_name;
use crate::os::folder::Folder;
use crate::secret::AppKey;
use key::Digest;
use temporary::TemporaryApps;

pub(crate) use crate::os::process::{NotWatched, Process};
pub(crate) use app::{App, AppLife, NewApp, Usage};
pub(crate) use error::AppsError;
pub(crate) use rights::Rights;
pub(crate) use temporary::TemporaryApp;

/// The app whose key is in the key file.
pub(crate) const DEFAULT_APP: &str = "default";
/// Its key file in the state folder.
pub(crate) const DEFAULT_KEY_FILE: &str = "app.key";
/// How many keys may end with a process: each takes a file descriptor.
const MOST_WITH_PROCESS: usize = 128;

/// Why a presented key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// No app has it.
    Unknown,
    /// It was valid until it expired.
    Expired,
}

/// All apps. Cheap to clone; looking a key up takes no lock.
#[derive(Debug, Clone)]
pub struct Apps {
    inner: Arc<AppsInner>,
}

#[derive(Debug)]
struct AppsInner {
    folder: Folder,
    by_digest: ArcSwap<HashMap<Digest, Arc<App>>>,
    temporary: TemporaryApps,
    /// Locked for each change, including its write to disk: one at a time.
    changing: Mutex<()>,
    /// Usage that is not on disk yet.
    unsaved: AtomicBool,
    used: Notify,
    wrong_keys: AtomicU64,
    /// Notified when an app is added or removed.
    changed: Notify,
    /// The same, of apps whose keys end with a process.
    watched: Notify,
}

impl Apps {
    /// Reads the apps of the state folder; at the first start there is only the default app, with every right. Blocks
    /// on the disk.
    pub fn open(state: &std::path::Path, now: Wall) -> Result<Self, AppsError> {
        let folder = Folder::open(state)?;
        let apps = Self { inner: Arc::new(AppsInner::new(folder)) };
        let inner = &apps.inner;
        match file::read(&inner.folder)? {
            Some(found) => {
                inner.publish(found.into_iter().map(Arc::new));
                inner.mend_default(now)?;
            }
            None => inner.first_start(now)?,
        }
        Ok(apps)
    }

    /// The app that the key `shown` belongs to. The time it takes does not depend on any key: a hash is looked up.
    pub(crate) fn identify(&self, shown: &str, now: Wall) -> Result<Arc<App>, Stranger> {
        let digest = Digest::of(shown);
        let stored = self.inner.by_digest.load().get(&digest).cloned();
        let Some(app) = stored.or_else(|| self.inner.temporary.get(&digest)) else {
            self.inner.wrong_keys.fetch_add(1, Ordering::Relaxed);
            return Err(Stranger::Unknown);
        };
        if app.works(now) { Ok(app) } else { Err(Stranger::Expired) }
    }

    /// The app of this name, unless it is temporary.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<App>> {
        self.inner.named(name)
    }

    /// How many unknown keys were presented since the start.
    pub(crate) fn wrong_keys(&self) -> u64 {
        self.inner.wrong_keys.load(Ordering::Relaxed)
    }

    /// Counts a request of `app`. `from`: its address, if it came over TCP.
    pub(crate) fn used(&self, app: &App, from: Option<IpAddr>, now: Wall) {
        app.count_use(from, now);
        if !app.is_temporary() && !self.inner.unsaved.swap(true, Ordering::AcqRel) {
            self.inner.used.notify_one();
        }
    }

    /// Every app, by name.
    pub(crate) fn list(&self) -> Vec<Arc<App>> {
        let all = self.inner.stored().into_iter().chain(self.inner.temporary.all());
        let by_name: BTreeMap<String, Arc<App>> = all.map(|app| (app.name.clone(), app)).collect();
        by_name.into_values().collect()
    }

    /// The default app's key file, unless that app is switched off.
    pub fn key_file(&self) -> Option<PathBuf> {
        self.inner.named(DEFAULT_APP).map(|_| self.inner.folder.file(DEFAULT_KEY_FILE))
    }

    /// Creates an app. Its key works once this returns. Blocks on the disk.
    pub(crate) fn add(&self, new: NewApp, now: Wall) -> Result<(Arc<App>, AppKey), AppsError> {
        if !is_name(&new.name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        if self.inner.named(&new.name).is_some() {
            return Err(AppsError::Exists(new.name));
        }
        let with_process = self.inner.stored().iter().filter(|app| app.process.is_some()).count();
        if new.process.is_some() && with_process >= MOST_WITH_PROCESS {
            return Err(AppsError::TooManyProcesses(MOST_WITH_PROCESS));
        }
        let made = self.inner.make(new, Usage::default(), now)?;
        self.inner.changed.notify_one();
        self.inner.watched.notify_one();
        Ok(made)
    }

    /// Creates an app that is in memory only, on behalf of `program`. Its key works until it is dropped.
    pub(crate) fn make_temporary(
        &self,
        rights: Rights,
        program: Option<String>,
        now: Wall,
    ) -> Result<(TemporaryApp, AppKey), AppsError> {
        self.inner.temporary.make(rights, program, now)
    }

    /// Removes an app. Its key stops working at once, even if the change can't be written, which is then the error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), AppsError> {
        if let Some(app) = self.inner.temporary.named(name) {
            self.inner.temporary.remove(&app);
            return Ok(());
        }
        if !is_name(name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        let app = self.inner.named(name).ok_or_else(|| AppsError::Unknown(name.into()))?;
        self.inner.take_out(&app)
    }

    /// Removes an app whose process has ended; false if it is not there any more, whatever has its name by now. As
    /// [`Self::remove`] otherwise.
    pub(crate) fn remove_ended(&self, app: &App) -> Result<bool, AppsError> {
        let _turn = self.inner.turn();
        match self.inner.named(&app.name) {
            Some(found) if found.digest == app.digest => self.inner.take_out(&found).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Waits until the process has ended that an app's key ends with. For one waiter only.
    pub(crate) async fn wait_for_ended_process(&self) -> Arc<App> {
        loop {
            let apps = self.inner.stored();
            if let Some(ended) = apps.iter().find(|app| app.has_lost_its_process()) {
                return Arc::clone(ended);
            }
            let mut ends = JoinSet::new();
            for process in apps.iter().filter_map(|app| app.process.clone()) {
                ends.spawn(async move { process.ended().await });
            }
            tokio::select! {
                Some(_) = ends.join_next() => {}
                () = self.inner.watched.notified() => {}
            }
        }
    }

    /// Rotates an app's key; the old one stops working once the new one works. Blocks on the disk.
    pub(crate) fn rotate(&self, name: &str, now: Wall) -> Result<(Arc<App>, AppKey), AppsError> {
        if self.inner.temporary.named(name).is_some() {
            return Err(AppsError::Temporary(name.into()));
        }
        if !is_name(name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        let old = self.inner.named(name).ok_or_else(|| AppsError::Unknown(name.into()))?;
        // The new key gets the lifetime of the old one.
        let expires_at = old.expires_at.map(|at| now.unix_seconds().saturating_add(at.saturating_sub(old.created_at)));
        let process = old.process.clone();
        let new = NewApp { name: old.name.clone(), rights: old.rights.clone(), expires_at, process };
        let made = self.inner.make(new, old.usage(), now)?;
        old.revoke();
        Ok(made)
    }

    /// Waits until an app was added or removed: [`Self::key_file`] may have changed. For one waiter only.
    pub(crate) async fn wait_for_change(&self) {
        self.inner.changed.notified().await;
    }

    /// Waits until there is usage that is not on disk.
    pub(crate) async fn wait_for_use(&self) {
        self.inner.used.notified().await;
    }

    /// Saves the usage of the apps, if it is not on disk yet. Blocks on the disk.
    pub(crate) fn save_usage(&self) -> Result<(), AppsError> {
        let _turn = self.inner.turn();
        if !self.inner.unsaved.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.inner.save().inspect_err(|_| self.inner.save_later())
    }
}

impl AppsInner {
    fn new(folder: Folder) -> Self {
        Self {
            folder,
            by_digest: ArcSwap::default(),
            temporary: TemporaryApps::default(),
            changing: Mutex::new(()),
            unsaved: AtomicBool::new(false),
            used: Notify::new(),
            wrong_keys: AtomicU64::new(0),
            changed: Notify::new(),
            watched: Notify::new(),
        }
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        // The lock guards no data of its own, so a panic while it was held left nothing inconsistent.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, name: &str) -> Option<Arc<App>> {
        self.by_digest.load().values().find(|app| app.name == name).cloned()
    }

    /// Those that are not temporary.
    fn stored(&self) -> Vec<Arc<App>> {
        self.by_digest.load().values().cloned().collect()
    }

    fn take_out(&self, app: &App) -> Result<(), AppsError> {
        app.revoke();
        self.publish(self.stored().into_iter().filter(|other| other.name != app.name));
        self.changed.notify_one();
        self.watched.notify_one();
        let saved = self.save().inspect_err(|_| self.save_later());
        if app.name == DEFAULT_APP {
            // Even if the list could not be written: the key in the file no longer works.
            self.folder.remove(DEFAULT_KEY_FILE)?;
        }
        saved
    }

    fn publish(&self, apps: impl Iterator<Item = Arc<App>>) {
        self.by_digest.store(Arc::new(apps.map(|app| (app.digest, app)).collect()));
    }

    /// A change that could not be written is written with the next usage.
    fn save_later(&self) {
        self.unsaved.store(true, Ordering::Release);
        self.used.notify_one();
    }

    fn save(&self) -> Result<(), AppsError> {
        self.save_as(&self.by_digest.load())
    }

    fn save_as(&self, apps: &HashMap<Digest, Arc<App>>) -> Result<(), AppsError> {
        let sorted: BTreeMap<&str, &App> = apps.values().map(|app| (app.name.as_str(), app.as_ref())).collect();
        file::write(&self.folder, sorted.into_values())
    }
}

#[cfg(test)]
pub(crate) mod tests;
