//! Graceful shutdown and lock of an account's task: retries to write tokens that could not be written, for a while.

use std::time::Duration;

use super::Actor;
use crate::account::state::Event;
use crate::broker::timer::sleep;

/// Pause between these attempts.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

/// Attempts before a stop: for half a minute, since a removed account has that long.
const FLUSH_ATTEMPTS: u32 = 150;

/// Attempts before the store is locked: for a second.
const FLUSH_ATTEMPTS_BEFORE_LOCK: u32 = 5;

impl Actor {
    /// Tries to write uncommitted tokens for as long as a stop waits.
    pub(super) async fn flush_uncommitted(&mut self) {
        self.try_to_commit(FLUSH_ATTEMPTS).await;
        self.release_written();
        if self.machine.is_uncommitted() {
            tracing::error!(account = %self.config.name, "new tokens could not be written and are lost");
        }
    }

    async fn try_to_commit(&mut self, attempts: u32) {
        for attempt in 0..attempts {
            if !self.machine.is_uncommitted() {
                return;
            }
            if attempt > 0 {
                sleep(Some(FLUSH_INTERVAL)).await;
            }
            self.drive(Event::Stopping).await;
        }
    }

    /// Drops all that the store keeps, and the client's secret. The error is one clause: there are uncommitted
    /// tokens, and those are never dropped.
    pub(super) async fn lock(&mut self) -> Result<(), String> {
        self.try_to_commit(FLUSH_ATTEMPTS_BEFORE_LOCK).await;
        if self.machine.is_uncommitted() {
            let why = self.machine.snapshot(&self.config.name).error(self.world.clock.now());
            return Err(format!("the new tokens of `{}` can't be written: {why}", self.config.name));
        }
        self.credentials = None;
        self.stored = None;
        self.drive(Event::Locked).await;
        Ok(())
    }
}
