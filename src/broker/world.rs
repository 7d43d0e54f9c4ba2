//! The broker's dependencies: store, provider, credentials, browser, clock and randomness.

use std::path::PathBuf;
use std::sync::Arc;

use crate::audit::AuditLog;
use crate::browser::BrowserOpener;
use crate::clock::Clock;
use crate::credentials::CredentialEnv;
use crate::provider::{Provider, ProviderFuture};
use crate::random::Randomness;
use crate::store::Store;

/// The pieces of the outside world that the broker works with.
#[derive(Clone)]
pub struct World {
    /// Where records are kept.
    pub store: Arc<dyn Store>,
    /// The authorization servers.
    pub provider: Arc<dyn Provider>,
    /// Where client secrets come from.
    pub credentials: Arc<CredentialEnv>,
    /// Opens the user's browser, for logins begun over HTTP.
    pub opener: Arc<dyn BrowserOpener + Send + Sync>,
    /// Lets the browser's answer in.
    pub callback_listener: Arc<dyn CallbackListener>,
    /// The user's own folder for what lives as long as the session; none: no password can be typed.
    pub runtime: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// What spreads refreshes apart.
    pub randomness: Randomness,
    /// Where it is written down how a login as another person ended.
    pub audit: AuditLog,
}

/// Makes sure that somebody listens where a redirect URI points (RFC 8252 §8.3).
pub trait CallbackListener: Send + Sync {
    /// Listens there for as long as the guard lives, if nobody of ours does already. The error says who
    /// is in the way.
    fn open<'a>(&'a self, redirect_uri: &'a str) -> ProviderFuture<'a, Result<ListenerGuard, String>>;
}

/// Keeps a [`CallbackListener`] open until it is dropped.
pub type ListenerGuard = Box<dyn Send + Sync>;
