//! The audit log, as the config wants it.

use crate::audit::{AuditLimits, AuditLog};
use crate::clock::Clock;
use crate::config::{AuditConfig, Config};
use crate::os::folder::error::FolderError;
use crate::os::paths::Paths;

/// The audit log, if it is kept.
pub(super) fn open_audit(config: &Config, paths: &Paths) -> Result<AuditLog, FolderError> {
    AuditLog::open(&paths.state, audit_limits(config), Clock::System)
}

/// What it may take of the disk; `None`: it is not kept.
pub(super) fn audit_limits(config: &Config) -> Option<AuditLimits> {
    let AuditConfig { enabled, max_mib, keep } = config.audit;
    enabled.then_some(AuditLimits { file: (max_mib as u64) << 20, keep })
}
