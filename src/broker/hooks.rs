//! Event hooks: runs the program that an account's config names, one event at a time and in order, without blocking
//! the account. It gets the names of event and account in its environment, and no secret.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::AccountConfig;
use crate::contract::EventKind;
use crate::credentials::{self, CredentialEnv};

/// Events that may wait while the program runs. More are dropped, with a warning.
const QUEUE: usize = 16;

/// Runs an account's hook.
pub(super) struct Hooks(mpsc::Sender<(Arc<AccountConfig>, EventKind)>);

impl Hooks {
    pub(super) fn spawn(env: Arc<CredentialEnv>) -> Self {
        let (inbox, mut events) = mpsc::channel::<(Arc<AccountConfig>, EventKind)>(QUEUE);
        tokio::spawn(async move {
            while let Some((config, event)) = events.recv().await {
                let Some(argv) = &config.keys.hook else { continue };
                let facts = [("RINGBACK_EVENT", <&str>::from(event)), ("RINGBACK_ACCOUNT", config.name.as_str())];
                if let Err(error) = credentials::run_hook(argv, &env, &facts).await {
                    tracing::warn!(account = %config.name, event = <&str>::from(event), "the hook failed: {error}");
                }
            }
        });
        Self(inbox)
    }

    pub(super) fn run(&self, config: &Arc<AccountConfig>, event: EventKind) {
        if config.keys.hook.is_some() && self.0.try_send((Arc::clone(config), event)).is_err() {
            tracing::warn!(account = %config.name, event = <&str>::from(event), "the hook is too slow: an event was skipped");
        }
    }
}
