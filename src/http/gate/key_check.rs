//! Whose key a shown key is, and the delay after wrong ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::refusal::GateRefusal;
use crate::apps::{App, Apps, Stranger};
use crate::clock::Wall;
use crate::http::activity::Evictable;
use crate::http::peer::Connection;

/// The delay after the first wrong key; it doubles with each.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest delay: a key has 256 bits, so this is about noise in the log, not about guessing.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Knows the apps by their keys.
pub(super) struct KeyCheck {
    apps: Apps,
    /// Wrong keys since the last right one.
    pub(super) wrong: AtomicU32,
}

impl KeyCheck {
    pub(super) fn new(apps: Apps) -> Self {
        Self { apps, wrong: AtomicU32::new(0) }
    }

    /// The app of this name, whose socket the caller came by.
    pub(super) fn app_named(&self, name: &str, now: Wall) -> Result<Arc<App>, GateRefusal> {
        let app = self.apps.named(name).filter(|app| app.works(now)).ok_or(GateRefusal::NoAppOfSocket)?;
        self.apps.used(&app, None, now);
        Ok(app)
    }

    /// The app that `key` belongs to, which has to have this name where the caller says one. A wrong key is answered after
    /// a delay, which grows with each.
    pub(super) async fn app_of(
        &self,
        key: &str,
        name: Option<&str>,
        connection: &Connection,
        now: Wall,
    ) -> Result<Arc<App>, GateRefusal> {
        match self.apps.identify(key, now) {
            Ok(app) if name.is_none_or(|name| name == app.name) => {
                self.wrong.store(0, Ordering::Relaxed);
                self.apps.used(&app, connection.peer.ip(), now);
                Ok(app)
            }
            Err(Stranger::Expired) => Err(GateRefusal::ExpiredKey),
            Ok(_) | Err(Stranger::Unknown) => {
                let before = self.wrong.fetch_add(1, Ordering::Relaxed);
                // Every user of the machine can show a wrong key, and would hold a connection by it.
                let _evictable = connection.evictable.as_ref().map(Evictable::now);
                tokio::time::sleep(delay_after(before)).await;
                Err(GateRefusal::WrongKey)
            }
        }
    }
}

/// The delay for a wrong key that comes after `before` others.
pub(super) fn delay_after(before: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << before.min(5)).min(LONGEST_DELAY)
}
