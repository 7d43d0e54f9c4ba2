//! Requests of the browser as values: the start URL, and the callback (redirect URI).

use std::time::Duration;

use zeroize::Zeroizing;

pub(crate) use crate::oauth::callback::{is_in_query, joined};
use crate::secret::Nonce256;

/// The browser's callback.
///
/// `Debug` is left out on purpose: an answer in the fragment holds a token.
#[derive(Clone)]
pub struct CallbackRequest {
    /// The whole URI without the query: scheme, authority from Host, path.
    pub arrived_on: String,
    /// The parameters in order, percent-decoded once, duplicates kept for the check. Wiped after use.
    pub parameters: Zeroizing<Vec<(String, String)>>,
    /// Whether they came in the fragment, read and posted by our page.
    pub in_fragment: bool,
    /// Every cookie of the request by name and value.
    pub cookies: Vec<(String, String)>,
}

/// The redirect from the one-time start URL.
pub struct BrowserStart {
    /// The provider's authorization URL, for a 303.
    pub authorize_url: String,
    /// Name of the flow cookie, unique per attempt.
    pub cookie_name: String,
    /// Its value.
    pub cookie_value: Nonce256,
    /// The cookie's path: that of the callback.
    pub cookie_path: String,
    /// The cookie's lifetime.
    pub max_age: Duration,
}

/// Where a start ticket leads.
pub enum StartRedirect {
    /// To the provider.
    Leaves(BrowserStart),
    /// To the outcome page of the login with this id: it has just failed, since the provider can't be asked.
    Over(String),
}

/// Why a ticket or callback was rejected. No login has ended by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackRejected {
    /// No pending login has this redirect URI.
    NoLoginPending,
    /// The start ticket is unknown, used or too old.
    BadTicket,
    /// The answer has no `state`, or several.
    NoState,
    /// No pending login has this `state`.
    UnknownState,
    /// The login was begun in another browser, or this one did not send the cookie.
    OtherBrowser,
    /// The login waits for its redirect URL to be pasted.
    NotPasted,
    /// The login with this id took an answer before, or has ended.
    Over(String),
}
