//! How many lines of the audit log were written since the daemon started, and how many are missing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Written by the log's thread, once for each batch.
#[derive(Debug, Default)]
pub(super) struct AuditCounts {
    written: AtomicU64,
    missing: AtomicU64,
}

impl AuditCounts {
    /// Counts a batch of so many lines.
    pub(super) fn add(&self, written: bool, lines: u64) {
        let count = if written { &self.written } else { &self.missing };
        count.fetch_add(lines, Ordering::Relaxed);
    }

    /// Lines that are in the files, or were until those were replaced.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Lines that could not be written.
    pub(super) fn missing(&self) -> u64 {
        self.missing.load(Ordering::Relaxed)
    }
}
