//! Event hooks: runs the program that an account's config names, one event at a time and in order, without blocking
//! the account. It gets the names of event and account in its environment, and no secret.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::AccountConfig;
use crate::contract::EventKind;
use crate::credentials::{self, CredentialEnv};

/// Events that may wait while the program runs. More are dropped, with a warning.
const QUEUE: usize = 16;

/// An event, and the config of its account.
type HookEvent = (Arc<AccountConfig>, EventKind);

/// Runs an account's hook. Queue and task are created for the first event: most accounts have no hook.
#[derive(Default)]
pub(super) struct Hooks(Option<mpsc::Sender<HookEvent>>);

impl Hooks {
    pub(super) fn run(&mut self, config: &Arc<AccountConfig>, event: EventKind, env: &Arc<CredentialEnv>) {
        if config.keys.hook.is_none() {
            return;
        }
        let queue = self.0.get_or_insert_with(|| spawn(Arc::clone(env)));
        if queue.try_send((Arc::clone(config), event)).is_err() {
            tracing::warn!(account = %config.name, event = <&str>::from(event), "the hook is too slow: an event was skipped");
        }
    }
}

fn spawn(env: Arc<CredentialEnv>) -> mpsc::Sender<HookEvent> {
    let (inbox, mut events) = mpsc::channel::<HookEvent>(QUEUE);
    tokio::spawn(async move {
        while let Some((config, event)) = events.recv().await {
            let Some(argv) = &config.keys.hook else { continue };
            let facts = [("RINGBACK_EVENT", <&str>::from(event)), ("RINGBACK_ACCOUNT", &*config.name)];
            if let Err(error) = credentials::run_hook(argv, &env, &facts).await {
                tracing::warn!(account = %config.name, event = <&str>::from(event), "the hook failed: {error}");
            }
        }
    });
    inbox
}
