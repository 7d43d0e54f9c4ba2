//! One browser's flow through a login, and the state and cookie that identify its callback.

use super::callback::{Callback, Rejected};
use crate::clock::Boot;
use crate::secret::{CodeVerifier, Nonce256};

/// How the browser of a flow is identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrowserBinding {
    /// By a cookie that the start URL set.
    ByCookie,
    /// Not at all: the browser is on another machine, and a person pastes the redirect URL.
    ByHand,
}

/// A browser at the provider, until its callback is accepted.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) key: FlowKey,
    pub(super) nonce: Nonce256,
    pub(super) verifier: CodeVerifier,
    pub(super) binding: BrowserBinding,
}

/// Identifies the callback of a flow.
#[derive(Debug, Clone)]
pub(super) struct FlowKey {
    pub(super) state: Nonce256,
    pub(super) cookie_name: String,
    pub(super) cookie: Nonce256,
}

impl FlowKey {
    pub(super) fn is_cookie_in(&self, cookies: &[(String, String)]) -> bool {
        cookies.iter().any(|(name, value)| *name == self.cookie_name && self.cookie.matches(value))
    }
}

/// A browser that was sent to the provider. It is remembered after its login has ended: a late or repeated callback
/// leads to the outcome of its own login.
#[derive(Debug)]
pub(super) struct PastRedirect {
    pub(super) login: String,
    pub(super) key: FlowKey,
    pub(super) redirect_uri: String,
    pub(super) until: Boot,
}

impl Flow {
    /// Whether the callback arrived as this flow expects. A pasted flow takes no browser's callback; a person may
    /// also paste that of a browser on this machine.
    pub(super) fn admits(&self, callback: &Callback<'_>, id: &str) -> Result<(), Rejected> {
        match (self.binding, callback.cookies) {
            (BrowserBinding::ByCookie, Some(cookies)) if !self.key.is_cookie_in(cookies) => {
                Err(Rejected::OtherBrowser(id.to_owned()))
            }
            (BrowserBinding::ByHand, Some(_)) => Err(Rejected::NotPasted),
            (BrowserBinding::ByHand | BrowserBinding::ByCookie, None) | (BrowserBinding::ByCookie, Some(_)) => Ok(()),
        }
    }
}
