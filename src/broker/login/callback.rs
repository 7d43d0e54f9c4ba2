//! The browser's two stops here as values: the start URL, and the callback (redirect URI).

use std::time::Duration;

use zeroize::Zeroizing;

pub use crate::oauth::callback::{is_in_query, joined};
use crate::secret::Nonce256;

/// The browser's answer, as it arrived.
///
/// `Debug` is left out on purpose: an answer in the fragment holds a token.
#[derive(Clone)]
pub struct CallbackRequest {
    /// The whole URI that the answer arrived on, without query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// Parameters in their order, percent-decoded once; duplicates kept, for the check. Wiped after use.
    pub parameters: Zeroizing<Vec<(String, String)>>,
    /// Whether they came in the fragment: a page of ours read it and posted it.
    pub in_fragment: bool,
    /// Every cookie of the request by name and value.
    pub cookies: Vec<(String, String)>,
}

/// Where to send the browser from the one-time start URL.
pub struct BrowserStart {
    /// The provider's authorization URL, for a 303.
    pub authorize_url: String,
    /// Name of the flow cookie, unique per attempt.
    pub cookie_name: String,
    /// Its value.
    pub cookie_value: Nonce256,
    /// The path that the cookie is for: the callback's.
    pub cookie_path: String,
    /// How long the cookie is good for.
    pub max_age: Duration,
}

/// Where a spent start ticket leads.
pub enum StartRedirect {
    /// To the provider.
    Leaves(BrowserStart),
    /// To the outcome page of the login with this id: it has just ended, since its provider can't be asked.
    Over(String),
}

/// Why a request to the browser's two stops leads nowhere. No login has ended by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackRejected {
    /// No login is pending that this path belongs to.
    NoLoginPending,
    /// The start ticket is unknown, used or too old.
    BadTicket,
    /// The answer has no `state`, or several.
    NoState,
    /// The answer has the `state` of no pending login.
    UnknownState,
    /// The login that the answer belongs to was begun in another browser, or this one did not send the cookie.
    OtherBrowser,
    /// The login waits for a person to paste the answer's address.
    NotPasted,
    /// The login with this id took an answer before, or is over.
    Over(String),
}
