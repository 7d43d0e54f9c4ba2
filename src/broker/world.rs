//! The broker's dependencies: store, provider, credentials, browser, clock and randomness.

use std::path::PathBuf;
use std::sync::Arc;

use crate::audit::AuditLog;
use crate::clock::Clock;
use crate::credentials::CredentialEnv;
use crate::os::browser::BrowserOpener;
use crate::provider::{Provider, ProviderFuture};
use crate::random::Randomness;
use crate::store::Store;

/// The broker's dependencies.
#[derive(Clone)]
pub struct World {
    /// Where records are kept.
    pub store: Arc<dyn Store>,
    /// The authorization servers.
    pub provider: Arc<dyn Provider>,
    /// Where client secrets come from.
    pub credentials: Arc<CredentialEnv>,
    /// Opens the user's browser, for logins that were started over HTTP.
    pub opener: Arc<dyn BrowserOpener + Send + Sync>,
    /// Listens for the browser's redirect.
    pub callback_listener: Arc<dyn CallbackListener>,
    /// The user's runtime folder (`XDG_RUNTIME_DIR`); without one, no password can be typed.
    pub runtime: Option<PathBuf>,
    /// The clock.
    pub clock: Clock,
    /// Spreads refreshes (jitter).
    pub randomness: Randomness,
    /// Records how a login as another person ended.
    pub audit: AuditLog,
}

/// Makes sure that somebody listens where a redirect URI points (RFC 8252 §8.3).
pub trait CallbackListener: Send + Sync {
    /// Listens there as long as the guard lives, unless one of our listeners does already. The error says who is in
    /// the way.
    fn open<'a>(&'a self, redirect_uri: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>>;
}

/// Keeps a [`CallbackListener`] open until it is dropped.
pub type ListenerGuard = Box<dyn Send + Sync>;
