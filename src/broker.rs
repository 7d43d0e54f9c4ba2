//! One task per account, and the handle that the doors ask. The only place that knows the order of
//! commit: store proved writable, intent written, request sent, reply committed, then published.

mod actor;
mod answers;
pub mod browser_login;
mod device;
mod errand;
mod fresh_grant;
mod guesses;
pub mod handle;
pub mod happenings;
mod hooks;
mod locking;
pub mod login;
pub mod logins;
mod narrowed;
mod provenance;
mod published;
mod renewal;
mod roster;
mod stale_logins;
mod turns;
mod unaided;
pub mod wakeups;
mod within;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use crate::audit::Audit;
use crate::browser::Opener;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::credentials::CredentialEnv;
use crate::provider::{Pending, Provider};
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
    pub opener: Arc<dyn Opener + Send + Sync>,
    /// Lets the browser's answer in.
    pub door: Arc<dyn CallbackDoor>,
    /// The user's own folder for what lives as long as the session; none: no password can be typed.
    pub runtime: Option<PathBuf>,
    /// What time it is.
    pub clock: Clock,
    /// What spreads refreshes apart.
    pub chance: Chance,
    /// Where it is written down how a login as another person ended.
    pub audit: Audit,
}

/// Makes sure that somebody listens where a redirect URI points (RFC 8252 §8.3).
pub trait CallbackDoor: Send + Sync {
    /// Listens there for as long as the guard lives, if nobody of ours does already. The error says who
    /// is in the way.
    fn open<'a>(&'a self, redirect_uri: &'a str) -> Pending<'a, Result<Guard, String>>;
}

/// Keeps a [`CallbackDoor`] open until it is dropped.
pub type Guard = Box<dyn Send + Sync>;
