//! How a table of attacks is run: to its end, whatever a row shows, and then told in one piece.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a siege that takes all of the machine: two at once would only measure each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the rows showed so far.
#[derive(Default)]
pub(crate) struct Siege {
    rows: usize,
    wrong: Vec<String>,
}

impl Siege {
    /// A row begins.
    pub(crate) fn row(&mut self) {
        self.rows += 1;
    }

    /// What has to hold in the row `name`; otherwise `seen` is told.
    pub(crate) fn expect(&mut self, name: &str, holds: bool, seen: impl Debug) {
        if !holds {
            self.wrong.push(format!("{name}: {seen:.400?}"));
        }
    }

    /// Fails if a row did.
    pub(crate) fn end(self) {
        assert!(self.wrong.is_empty(), "{} of {}:\n{}", self.wrong.len(), self.rows, self.wrong.join("\n"));
        println!("{} attacks, all refused", self.rows);
    }
}
