//! The program that an account's config names is run at its events: one at a time, in their order, and nobody
//! waits for it. It gets the names of event and account in its environment, and nothing secret.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::account::view::{Snapshot, Standing};
use crate::config::AccountConfig;
use crate::credentials::{self, CredentialEnv};

/// Events that wait while the program runs; more are dropped and said so.
const WAITING: usize = 16;

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    LoggedIn,
    Refreshed,
    LoginDue,
    LoginNeeded,
    Failing,
    LoggedOut,
}

impl Happening {
    fn name(self) -> &'static str {
        match self {
            Self::LoggedIn => "logged_in",
            Self::Refreshed => "refreshed",
            Self::LoginDue => "login_due",
            Self::LoginNeeded => "login_needed",
            Self::Failing => "failing",
            Self::LoggedOut => "logged_out",
        }
    }

    /// What lies between two pictures of an account, if anything that matters.
    pub(super) fn between(before: &Snapshot, after: &Snapshot) -> Option<Self> {
        let had = |snapshot: &Snapshot| snapshot.token.as_ref().map(|token| token.access_token.fingerprint());
        let needs = |snapshot: &Snapshot| matches!(snapshot.standing, Standing::NeedsLogin(_));
        match (&before.standing, &after.standing) {
            // What is read at the start or after an unlock is no news.
            (Standing::Unread | Standing::Locked, _) | (_, Standing::Locked) if !needs(after) => None,
            _ if needs(after) && !needs(before) => Some(Self::LoginNeeded),
            (Standing::SignedOut, Standing::SignedOut) => None,
            (_, Standing::SignedOut) => Some(Self::LoggedOut),
            (Standing::Active, Standing::Active) if had(before) != had(after) => Some(Self::Refreshed),
            (Standing::Active, Standing::Active) if after.login_soon && !before.login_soon => Some(Self::LoginDue),
            (Standing::Active | Standing::Starting, _) if before.trouble.is_none() && after.needs_a_hand() => {
                Some(Self::Failing)
            }
            (Standing::Active, _) => None,
            (_, Standing::Active) => Some(Self::LoggedIn),
            _ => None,
        }
    }
}

/// Runs an account's hook.
pub(super) struct Hooks(mpsc::Sender<(Arc<AccountConfig>, Happening)>);

impl Hooks {
    pub(super) fn spawn(env: Arc<CredentialEnv>) -> Self {
        let (inbox, mut happenings) = mpsc::channel::<(Arc<AccountConfig>, Happening)>(WAITING);
        tokio::spawn(async move {
            while let Some((config, happening)) = happenings.recv().await {
                let Some(argv) = &config.hook else { continue };
                let facts = [("RINGBACK_EVENT", happening.name()), ("RINGBACK_ACCOUNT", config.name.as_str())];
                if let Err(error) = credentials::run_hook(argv, &env, &facts).await {
                    tracing::warn!(account = %config.name, event = happening.name(), "the hook failed: {error}");
                }
            }
        });
        Self(inbox)
    }

    pub(super) fn tell(&self, config: &Arc<AccountConfig>, happening: Happening) {
        if config.hook.is_some() && self.0.try_send((Arc::clone(config), happening)).is_err() {
            tracing::warn!(account = %config.name, event = happening.name(), "the hook is too slow: it is not told");
        }
    }
}
