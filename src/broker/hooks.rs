//! The program that an account's config names is run at its events: one at a time, in their order, and nobody
//! waits for it. It gets the names of event and account in its environment, and nothing secret.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::AccountConfig;
use crate::contract::EventKind;
use crate::credentials::{self, CredentialEnv};

/// Events that wait while the program runs; more are dropped and said so.
const WAITING: usize = 16;

/// Runs an account's hook.
pub(super) struct Hooks(mpsc::Sender<(Arc<AccountConfig>, EventKind)>);

impl Hooks {
    pub(super) fn spawn(env: Arc<CredentialEnv>) -> Self {
        let (inbox, mut events) = mpsc::channel::<(Arc<AccountConfig>, EventKind)>(WAITING);
        tokio::spawn(async move {
            while let Some((config, happening)) = events.recv().await {
                let Some(argv) = &config.keys.hook else { continue };
                let facts = [("RINGBACK_EVENT", <&str>::from(happening)), ("RINGBACK_ACCOUNT", config.name.as_str())];
                if let Err(error) = credentials::run_hook(argv, &env, &facts).await {
                    tracing::warn!(account = %config.name, event = <&str>::from(happening), "the hook failed: {error}");
                }
            }
        });
        Self(inbox)
    }

    pub(super) fn tell(&self, config: &Arc<AccountConfig>, happening: EventKind) {
        if config.keys.hook.is_some() && self.0.try_send((Arc::clone(config), happening)).is_err() {
            tracing::warn!(account = %config.name, event = <&str>::from(happening), "the hook is too slow: it is not told");
        }
    }
}
