//! Callback: the provider's redirect back to us (authorization response), and why one is rejected.

use crate::oauth::callback::Malformed;

/// Why a callback or ticket was rejected. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// Unknown, used or too old.
    BadTicket,
    /// The callback has no `state`.
    NoState,
    /// No pending login has this state.
    UnknownState,
    /// The state is that of this login, but the browser lacks the flow's cookie.
    OtherBrowser(String),
    /// It came in a browser, but was to be pasted.
    NotPasted,
    /// It can't be used, and may be pasted again.
    Malformed(Malformed),
    /// The login of this browser has ended.
    Over(String),
}

/// A callback. `Debug` is left out on purpose: a fragment holds a token.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The whole URI without its query.
    pub arrived_on: &'a str,
    /// Its parameters.
    pub parameters: &'a [(String, String)],
    /// Whether they came in the fragment (RFC 6749 §4.2.2), and not in the query.
    pub in_fragment: bool,
    /// The browser's cookies; `None`: it was pasted.
    pub cookies: Option<&'a [(String, String)]>,
    /// The only login that it may belong to, if that is known.
    pub only: Option<&'a str>,
}
