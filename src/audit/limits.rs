//! How much of the audit log is kept.

/// The limits of a series of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    /// Bytes of one file; what is written together with the line that crosses it is the last.
    pub file: u64,
    /// Older files that are kept.
    pub keep: usize,
}

impl AuditLimits {
    /// The smaller limits of the two.
    pub(super) fn within(self, other: Self) -> Self {
        Self { file: self.file.min(other.file), keep: self.keep.min(other.keep) }
    }
}
