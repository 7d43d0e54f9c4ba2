//! What the accounts' tasks share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::watch;

use super::shared_policies::SharedPolicies;
use crate::broker::events::EventBus;
use crate::broker::hooks::HookSlots;
use crate::broker::slots::RefreshSlots;
use crate::clock::BootId;

/// What all accounts share.
pub(in crate::broker) struct Common {
    /// Notified when the machine woke up, its clock was set, or its network changed.
    pub(in crate::broker) jumps: watch::Receiver<()>,
    /// Whether the store is locked, or about to be.
    pub(in crate::broker) locked: Arc<AtomicBool>,
    pub(in crate::broker) events: EventBus,
    pub(in crate::broker) hook_slots: HookSlots,
    /// Notified after an account with token files has published a snapshot.
    pub(in crate::broker) file_changes: watch::Sender<()>,
    /// Notified after a question about scope was asked or answered.
    pub(in crate::broker) scope_bell: watch::Sender<()>,
    pub(in crate::broker) slots: Arc<RefreshSlots>,
    pub(in crate::broker) policies: SharedPolicies,
    /// The current boot of the machine.
    pub(in crate::broker) boot: Option<BootId>,
}
