//! The provider's redirect back to us (the authorization response), and why one is rejected.

use crate::oauth::callback::Malformed;

/// Why an answer or ticket is turned away; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// Unknown, used or too old.
    BadTicket,
    /// The answer does not say which login it is for.
    NoState,
    /// No pending login has this state.
    UnknownState,
    /// The state is that of this login, and the browser that brought it has not the flow's cookie.
    OtherBrowser(String),
    /// A browser brought what a person was to paste.
    NotPasted,
    /// A person pasted something else, and can paste again.
    Malformed(Malformed),
    /// The login that it belonged to, in this browser, takes no answer any more.
    Over(String),
}

/// An answer as it arrived. `Debug` is left out on purpose: in a fragment there is a token.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The whole URI without its query.
    pub arrived_on: &'a str,
    /// Its parameters.
    pub parameters: &'a [(String, String)],
    /// Whether they came in the fragment (RFC 6749 §4.2.2), and not in the query.
    pub in_fragment: bool,
    /// The browser's cookies; `None`: a person brought the answer.
    pub cookies: Option<&'a [(String, String)]>,
    /// The only login that it may belong to, if that is known.
    pub only: Option<&'a str>,
}
