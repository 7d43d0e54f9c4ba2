//! One browser's way through a login, and what the answer to it is known by.

use super::callback::{Callback, Rejected};
use crate::clock::Boot;
use crate::secret::{CodeVerifier, Nonce256};

/// How a flow's browser is held to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BrowserBinding {
    /// By a cookie that the start URL set.
    ByCookie,
    /// Not at all: the browser is on another machine, and a person brings the answer.
    ByHand,
}

/// A browser on its way, until its answer is taken.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) key: FlowKey,
    pub(super) nonce: Nonce256,
    pub(super) verifier: CodeVerifier,
    pub(super) binding: BrowserBinding,
}

/// What the answer to a flow is known by.
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

/// What is remembered of a browser that went to the provider, also when its login is over: an answer that comes late
/// or twice leads to the outcome of its own login.
#[derive(Debug)]
pub(super) struct PastRedirect {
    pub(super) login: String,
    pub(super) key: FlowKey,
    pub(super) redirect_uri: String,
    pub(super) until: Boot,
}

impl Flow {
    /// Whether who brings the answer may. Answers of the other kind were asked for on another way: neither may stand in
    /// for the other, but a person may also bring the answer of a browser on this machine.
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
