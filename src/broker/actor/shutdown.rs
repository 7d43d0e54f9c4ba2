//! Graceful shutdown and lock of an account's task: writes tokens that could not be written before, for a while.

use std::time::Duration;

use super::Actor;
use crate::account::state::Event;
use crate::broker::timer::sleep;

/// Between attempts to write what could not be written, when the daemon is told to stop.
const FLUSH_INTERVAL: Duration = Duration::from_millis(200);

/// How many such attempts: half a minute of them, where a removed account has that long.
const FLUSH_ATTEMPTS: u32 = 150;

/// And before the store is locked: a second of them.
const FLUSH_ATTEMPTS_BEFORE_LOCK: u32 = 5;

impl Actor {
    /// Tries to write new tokens that could not be written, for as long as whoever stops this task waits.
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

    /// Forgets all that the store keeps, and the client's secret. The error is one clause: there are new tokens
    /// that could not be written, and those are forgotten on no account.
    pub(super) async fn lock(&mut self) -> Result<(), String> {
        self.try_to_commit(FLUSH_ATTEMPTS_BEFORE_LOCK).await;
        if self.machine.is_uncommitted() {
            let why = self.machine.snapshot(&self.config.name).error(self.world.clock.now());
            return Err(format!("`{}` has new tokens that can't be written: {why}", self.config.name));
        }
        self.credentials = None;
        self.drive(Event::Locked).await;
        Ok(())
    }
}
