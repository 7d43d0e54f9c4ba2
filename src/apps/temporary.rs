//! Temporary apps: programs whose key is in memory only, and stops working when whoever asked for it lets go of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::app::App;
use super::error::AppsError;
use super::key::{self, Digest};
use super::rights::Rights;
use crate::clock::Wall;
use crate::secret::AppKey;

/// How many there may be at once: each takes a connection for as long as it lives.
const MOST_TEMPORARY: usize = 64;
/// The beginning of their names. No other app has a `:` in its name.
const PREFIX: &str = "exec:";

/// The temporary apps. Cheap to clone; looking one up takes no lock.
#[derive(Debug, Clone, Default)]
pub(super) struct TemporaryApps {
    inner: Arc<TemporaryInner>,
}

#[derive(Debug, Default)]
struct TemporaryInner {
    by_digest: ArcSwap<HashMap<Digest, Arc<App>>>,
    made: AtomicU64,
}

/// A temporary app, which is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryApp {
    app: Arc<App>,
    among: TemporaryApps,
}

impl TemporaryApps {
    /// Makes one with `rights`, on behalf of `program`.
    pub(super) fn make(
        &self,
        rights: Rights,
        program: Option<String>,
        now: Wall,
    ) -> Result<(TemporaryApp, AppKey), AppsError> {
        let key = key::generate().map_err(AppsError::Random)?;
        let number = self.inner.made.fetch_add(1, Ordering::Relaxed) + 1;
        let app =
            App::temporary(format!("{PREFIX}{number}"), rights, now.unix_seconds(), Digest::of(key.expose()), program);
        let app = Arc::new(app);
        self.change(|apps| {
            if apps.len() < MOST_TEMPORARY {
                apps.insert(app.digest, Arc::clone(&app));
            }
        });
        if self.get(&app.digest).is_none() {
            return Err(AppsError::TooManyTemporary(MOST_TEMPORARY));
        }
        Ok((TemporaryApp { app, among: self.clone() }, key))
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<App>> {
        self.inner.by_digest.load().get(digest).cloned()
    }

    pub(super) fn named(&self, name: &str) -> Option<Arc<App>> {
        self.inner.by_digest.load().values().find(|app| app.name == name).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<App>> {
        self.inner.by_digest.load().values().cloned().collect()
    }

    /// Its key stops working at once, also for requests that wait.
    pub(super) fn remove(&self, app: &App) {
        app.revoke();
        self.change(|apps| _ = apps.remove(&app.digest));
    }

    fn change(&self, change: impl Fn(&mut HashMap<Digest, Arc<App>>)) {
        self.inner.by_digest.rcu(|apps| {
            let mut apps = HashMap::clone(apps);
            change(&mut apps);
            apps
        });
    }
}

impl TemporaryApp {
    /// The app.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }
}

impl Drop for TemporaryApp {
    fn drop(&mut self) {
        self.among.remove(&self.app);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Wall = Wall(1_000);

    #[test]
    fn a_temporary_app_lives_as_long_as_it_is_held_and_there_is_a_limit() {
        let apps = TemporaryApps::default();
        let make = || apps.make(Rights::ALL, None, NOW);
        let mut held: Vec<_> = (0..MOST_TEMPORARY).map(|_| make().unwrap()).collect();
        assert!(matches!(make(), Err(AppsError::TooManyTemporary(_))));
        let (first, key) = held.remove(0);
        let found = apps.get(&Digest::of(key.expose())).unwrap();
        assert!(found.works(NOW) && found.name == "exec:1" && apps.named("exec:1").is_some());
        drop(first);
        assert!(!found.works(NOW), "a request that waits with it gets nothing more");
        assert!(apps.get(&Digest::of(key.expose())).is_none() && apps.all().len() == MOST_TEMPORARY - 1);
        assert_eq!(make().unwrap().0.app().name, format!("exec:{}", MOST_TEMPORARY + 2), "no name comes back");
        drop(held);
        assert!(apps.all().is_empty());
    }
}
