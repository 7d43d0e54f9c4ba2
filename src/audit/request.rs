//! What the writer of the audit log is asked besides lines, and what it answers.

use tokio::sync::oneshot;

use super::limits::AuditLimits;

/// A request to the writer.
#[derive(Debug)]
pub(super) enum WriterRequest {
    /// Answered when everything before it is written, or is missing.
    Flush(oneshot::Sender<Result<(), AuditGap>>),
    /// New limits; `None`: nothing more is written.
    Change(Option<AuditLimits>, oneshot::Sender<Result<(), AuditGap>>),
}

/// Lines could not be written, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log can't be written: {0}")]
pub struct AuditGap(String);

impl AuditGap {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
