//! Creation and rotation of keys: the list of apps and the key file change together, and after a failure at any point
//! the key file holds a key that works.

use std::collections::HashMap;
use std::sync::Arc;

use super::app::{App, NewApp, Usage};
use super::error::AppsError;
use super::key::{self, Digest};
use super::rights::Rights;
use super::{AppsInner, DEFAULT_APP, DEFAULT_KEY_FILE};
use crate::clock::Wall;
use crate::failpoint;
use crate::secret::AppKey;

/// Largest key file, in bytes; only white space surrounds the key.
const KEY_FILE_LIMIT: usize = 1024;

impl AppsInner {
    /// Creates a key for a new app, or in place of an old one of that name. It is on disk before it is returned.
    pub(super) fn make(&self, new: NewApp, usage: Usage, now: Wall) -> Result<(Arc<App>, AppKey), AppsError> {
        let key = key::generate().map_err(AppsError::Random)?;
        let is_default = new.name == DEFAULT_APP;
        let app = self.enter(new, &key, usage, now, || {
            failpoint::reach("app_listed");
            if is_default {
                // No newline: `curl -H "Authorization: Bearer $(cat ...)"` and a plain read give the same.
                self.folder.write(DEFAULT_KEY_FILE, key.expose().as_bytes())?;
                failpoint::reach("app_key_written");
            }
            Ok(())
        })?;
        Ok((app, key))
    }

    /// The list is written first, then `hand_over` delivers the key, then the old key stops working; in between, both
    /// keys work. If a step fails, the old key is restored. After a crash in between, the next start uses the key in
    /// the key file, which holds a working key at all times.
    fn enter(
        &self,
        new: NewApp,
        key: &AppKey,
        usage: Usage,
        now: Wall,
        hand_over: impl FnOnce() -> Result<(), AppsError>,
    ) -> Result<Arc<App>, AppsError> {
        let times = (now.unix_seconds(), new.expires_at);
        let app = App::new(new.name, new.rights, times, Digest::of(key.expose()), usage);
        let app = Arc::new(app.while_runs(new.process));
        let before = self.by_digest.load_full();
        let mut after = HashMap::clone(&before);
        after.retain(|_, other| other.name != app.name);
        after.insert(app.digest, Arc::clone(&app));
        let written = self.save_as(&after).and_then(|()| {
            self.publish(before.values().chain([&app]).cloned());
            hand_over()
        });
        if let Err(error) = written {
            self.by_digest.store(Arc::clone(&before));
            // The new list may be there already: the error may come from making it durable.
            if let Err(again) = self.save_as(&before) {
                tracing::warn!("the list of apps could not be restored: {again}");
            }
            return Err(error);
        }
        self.by_digest.store(Arc::new(after));
        Ok(app)
    }

    /// The key in the key file, if there is one.
    fn default_key(&self) -> Result<Option<AppKey>, AppsError> {
        let malformed = |why: &str| AppsError::Malformed { path: self.folder.file(DEFAULT_KEY_FILE), why: why.into() };
        let Some(bytes) = self.folder.read(DEFAULT_KEY_FILE, KEY_FILE_LIMIT)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed("it is not text"))?;
        key::parse(text.trim()).map(Some).map_err(malformed)
    }

    /// Creates the default app. A key file may exist from the time before there were apps.
    pub(super) fn first_start(&self, now: Wall) -> Result<(), AppsError> {
        let default = NewApp { name: DEFAULT_APP.into(), rights: Rights::ALL, expires_at: None, process: None };
        match self.default_key()? {
            Some(key) => self.enter(default, &key, Usage::default(), now, || Ok(())).map(drop),
            None => self.make(default, Usage::default(), now).map(drop),
        }
    }

    /// Repairs the key file, which has to hold the default app's key. It may be missing, or hold the older of two keys
    /// after a crash; a well-formed key in it was put there by this user, who owns the folder.
    pub(super) fn mend_default(&self, now: Wall) -> Result<(), AppsError> {
        let Some(default) = self.named(DEFAULT_APP) else {
            // The app is switched off, but a crash or a failing disk left the file.
            return Ok(self.folder.remove(DEFAULT_KEY_FILE)?);
        };
        let new = NewApp {
            name: default.name.clone(),
            rights: default.rights.clone(),
            expires_at: default.expires_at,
            process: default.process.clone(),
        };
        match self.default_key()? {
            Some(key) if Digest::of(key.expose()) == default.digest => Ok(()),
            Some(key) => self.enter(new, &key, default.usage(), now, || Ok(())).map(drop),
            None => self.make(new, default.usage(), now).map(drop),
        }
    }
}
