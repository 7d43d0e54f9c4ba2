//! Runs a table of attacks to its end and reports all failed rows together.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test that uses all of the machine's resources: two at once would distort each other's measurements.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The results so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: usize,
    wrong: Vec<String>,
}

impl Report {
    /// Starts a row.
    pub(crate) fn row(&mut self) {
        self.rows += 1;
    }

    /// Records a failure of row `name`, with `seen`, unless `holds`.
    pub(crate) fn expect(&mut self, name: &str, holds: bool, seen: impl Debug) {
        if !holds {
            self.wrong.push(format!("{name}: {seen:.400?}"));
        }
    }

    /// Panics if a row failed.
    pub(crate) fn end(self) {
        assert!(self.wrong.is_empty(), "{} of {}:\n{}", self.wrong.len(), self.rows, self.wrong.join("\n"));
        println!("{} attacks, all refused", self.rows);
    }
}
