//! The broker: one task per account (actor model), and the handle that HTTP, the command line and the desktop use.
//! The only place that knows the order of the commit protocol: store proved writable, intent written, request sent,
//! reply committed, then published.

mod accounts;
mod actor;
mod api_urls;
pub(crate) mod events;
pub(crate) mod file_tokens;
pub mod handle;
mod hooks;
mod lock;
pub mod login;
mod passphrase_backoff;
mod provider_call;
mod provider_metadata;
mod scope_questions;
mod slots;
mod snapshot;
mod step_up;
mod timer;
mod token;
pub mod wakeups;
mod world;

pub use self::world::{CallbackListener, ListenerGuard, World};

#[cfg(test)]
mod tests;
