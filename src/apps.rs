//! The programs that may ask with a key: who they are, what their keys are good for, and when they last
//! came. A key is shown once, when it is made; what is kept of it is its SHA-256.
//!
//! One of them, [`DEFAULT_APP`], has its key in a file that local programs find through `endpoint.json`. It
//! can be rotated, limited and switched off like the others.

mod change;
pub mod consent;
mod file;
pub mod key;
mod rights;
pub mod wording;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::clock::Wall;
use crate::contract::is_name;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::secret::AppKey;
use key::Digest;

pub use rights::Rights;

/// The app whose key is in the key file.
pub const DEFAULT_APP: &str = "default";
/// Its key file in the state folder.
pub const DEFAULT_KEY_FILE: &str = "app.key";

/// Why apps can't be read, made or changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppsError {
    /// A file or folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The system has no randomness to give.
    #[error("no key could be made: {0}")]
    Random(String),
    /// A file holds something else.
    #[error("{}: {why}; it was not touched: put it right, or move it away", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is one of that name.
    #[error("there is an app `{0}` already: `ringback app rotate {0}` gives it a new key")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no app `{0}`: `ringback app list` shows those there are")]
    Unknown(String),
    /// The name can't be one.
    #[error("a name has 1 to 64 of the characters a-z, 0-9, `-`, `_` and `.`, and begins with a letter or digit")]
    Name,
}

/// Why a shown key opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// No app has it.
    Unknown,
    /// It was right until it expired.
    Expired,
}

/// One program.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: String,
    /// What its key is good for.
    pub rights: Rights,
    /// When the key was made, Unix seconds.
    pub created_at: i64,
    /// When it stops working, Unix seconds.
    pub expires_at: Option<i64>,
    /// How many of its requests wait for something at this moment.
    pub waiting: Arc<AtomicUsize>,
    /// How many streams of events it holds at this moment.
    pub listening: Arc<AtomicUsize>,
    digest: Digest,
    /// Removed, or given another key: whoever still holds this has to be told no.
    revoked: AtomicBool,
    uses: AtomicU64,
    last_used_at: AtomicI64,
    last_address: ArcSwapOption<IpAddr>,
}

/// How an app was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How many requests it made.
    #[serde(default)]
    pub uses: u64,
    /// When the last one was, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_at: Option<i64>,
    /// Where it came from; absent: over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_address: Option<IpAddr>,
}

impl App {
    fn new(
        name: String,
        rights: Rights,
        (created_at, expires_at): (i64, Option<i64>),
        digest: Digest,
        usage: Usage,
    ) -> Self {
        Self {
            name,
            rights,
            created_at,
            expires_at,
            waiting: Arc::default(),
            listening: Arc::default(),
            digest,
            revoked: AtomicBool::new(false),
            uses: AtomicU64::new(usage.uses),
            last_used_at: AtomicI64::new(usage.last_used_at.unwrap_or_default()),
            last_address: ArcSwapOption::from(usage.last_address.map(Arc::new)),
        }
    }

    /// How it was used so far.
    pub fn usage(&self) -> Usage {
        let uses = self.uses.load(Ordering::Relaxed);
        let last_used_at = (uses > 0).then(|| self.last_used_at.load(Ordering::Relaxed));
        Usage { uses, last_used_at, last_address: self.last_address.load().as_deref().copied() }
    }

    /// Whether its key works at `now`.
    pub fn works(&self, now: Wall) -> bool {
        !self.revoked.load(Ordering::Acquire) && self.expires_at.is_none_or(|at| now.unix_seconds() < at)
    }
}

/// What an app is to be.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Its name.
    pub name: String,
    /// What its key is to be good for.
    pub rights: Rights,
    /// When the key is to stop working, Unix seconds.
    pub expires_at: Option<i64>,
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
    /// Held by who changes something, disk included: one at a time.
    changing: Mutex<()>,
    /// Usage that is not on disk yet.
    unsaved: AtomicBool,
    used: Notify,
    wrong_keys: AtomicU64,
    /// Rung when an app is added or removed.
    changed: Notify,
}

impl Apps {
    /// Reads the apps of the state folder; at the first start there is the default app alone, with every
    /// right and a new key. Blocks on the disk.
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

    /// Whose key `shown` is. The time it takes depends on no key: what is looked up is a hash.
    pub fn identify(&self, shown: &str, now: Wall) -> Result<Arc<App>, Stranger> {
        let apps = self.inner.by_digest.load();
        let Some(app) = apps.get(&Digest::of(shown)) else {
            self.inner.wrong_keys.fetch_add(1, Ordering::Relaxed);
            return Err(Stranger::Unknown);
        };
        if app.works(now) { Ok(Arc::clone(app)) } else { Err(Stranger::Expired) }
    }

    /// How many keys were shown since the start that are nobody's.
    pub fn wrong_keys(&self) -> u64 {
        self.inner.wrong_keys.load(Ordering::Relaxed)
    }

    /// Counts a request of `app`. `from`: its address, if it came over TCP.
    pub fn used(&self, app: &App, from: Option<IpAddr>, now: Wall) {
        app.uses.fetch_add(1, Ordering::Relaxed);
        app.last_used_at.store(now.unix_seconds(), Ordering::Relaxed);
        if app.last_address.load().as_deref().copied() != from {
            app.last_address.store(from.map(Arc::new));
        }
        if !self.inner.unsaved.swap(true, Ordering::AcqRel) {
            self.inner.used.notify_one();
        }
    }

    /// Every app, by name.
    pub fn list(&self) -> Vec<Arc<App>> {
        let by_name: BTreeMap<String, Arc<App>> =
            self.inner.by_digest.load().values().map(|app| (app.name.clone(), Arc::clone(app))).collect();
        by_name.into_values().collect()
    }

    /// The default app's key file, unless that app is switched off.
    pub fn key_file(&self) -> Option<PathBuf> {
        self.inner.named(DEFAULT_APP).map(|_| self.inner.folder.file(DEFAULT_KEY_FILE))
    }

    /// Makes an app. Its key works once this returns. Blocks on the disk.
    pub fn add(&self, new: NewApp, now: Wall) -> Result<(Arc<App>, AppKey), AppsError> {
        if !is_name(&new.name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        if self.inner.named(&new.name).is_some() {
            return Err(AppsError::Exists(new.name));
        }
        let made = self.inner.make(new, Usage::default(), now)?;
        self.inner.changed.notify_one();
        Ok(made)
    }

    /// Takes an app's key away, at once; also if that can't be written down, which is then the error.
    pub fn remove(&self, name: &str) -> Result<(), AppsError> {
        if !is_name(name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        let app = self.inner.named(name).ok_or_else(|| AppsError::Unknown(name.into()))?;
        app.revoked.store(true, Ordering::Release);
        self.inner.publish(self.list().into_iter().filter(|other| other.name != name));
        self.inner.changed.notify_one();
        let saved = self.inner.save().inspect_err(|_| self.inner.save_later());
        if name == DEFAULT_APP {
            // Also where the list could not be written: what is in the file works no longer.
            self.inner.folder.remove(DEFAULT_KEY_FILE)?;
        }
        saved
    }

    /// Gives an app another key; the old one stops working once the new one does. Blocks on the disk.
    pub fn rotate(&self, name: &str, now: Wall) -> Result<(Arc<App>, AppKey), AppsError> {
        if !is_name(name) {
            return Err(AppsError::Name);
        }
        let _turn = self.inner.turn();
        let old = self.inner.named(name).ok_or_else(|| AppsError::Unknown(name.into()))?;
        // A key that was to live for ninety days is followed by one that does.
        let expires_at = old.expires_at.map(|at| now.unix_seconds().saturating_add(at.saturating_sub(old.created_at)));
        let new = NewApp { name: old.name.clone(), rights: old.rights.clone(), expires_at };
        let made = self.inner.make(new, old.usage(), now)?;
        old.revoked.store(true, Ordering::Release);
        Ok(made)
    }

    /// Waits until an app was added or removed: [`Self::key_file`] may be another. For one who waits.
    pub async fn wait_for_change(&self) {
        self.inner.changed.notified().await;
    }

    /// Waits until there is usage that is not on disk.
    pub async fn wait_for_use(&self) {
        self.inner.used.notified().await;
    }

    /// Writes down how the apps were used, if that is not on disk yet. Blocks on the disk.
    pub fn save_usage(&self) -> Result<(), AppsError> {
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
            changing: Mutex::new(()),
            unsaved: AtomicBool::new(false),
            used: Notify::new(),
            wrong_keys: AtomicU64::new(0),
            changed: Notify::new(),
        }
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        // It guards no data of its own: a panic while it was held left none half done.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named(&self, name: &str) -> Option<Arc<App>> {
        self.by_digest.load().values().find(|app| app.name == name).cloned()
    }

    fn publish(&self, apps: impl Iterator<Item = Arc<App>>) {
        self.by_digest.store(Arc::new(apps.map(|app| (app.digest, app)).collect()));
    }

    /// What could not be written is written with the use of the keys.
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
