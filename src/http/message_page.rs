//! Message pages: where a browser ends up without a login's outcome or the status page.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};

use super::head::Excess;
use super::reply::Reason;
use crate::broker::login::callback::CallbackRejected;
use crate::contract::ErrorCode;
use crate::error::Error;

/// A page with nothing of the request on it. Names of commands stand between backticks.
#[derive(Template)]
#[template(path = "message.html", config = "static/askama.toml")]
pub(super) struct MessagePage<'a> {
    pub(super) title: &'a str,
    pub(super) text: Cow<'a, str>,
    pub(super) advice: Cow<'a, str>,
}

const fn message(title: &'static str, text: &'static str, advice: &'static str) -> MessagePage<'static> {
    MessagePage { title, text: Cow::Borrowed(text), advice: Cow::Borrowed(advice) }
}

impl MessagePage<'_> {
    fn with_status(&self, status: StatusCode) -> Response {
        let page = self.render().unwrap_or_else(|_| self.title.to_owned());
        (status, Html(page)).into_response()
    }

    /// For a request that leads nowhere, and why, for the log.
    fn refused(&self, status: StatusCode, reason: &'static str) -> Response {
        Reason::given(self.with_status(status), reason)
    }
}

const USED_TICKET: MessagePage<'_> = message(
    "This link has been used or is too old",
    "A login link works once, for a minute. If a login is open in another tab or window, continue there.",
    "Otherwise start again: run `ringback login`, or ask the program that sent you here.",
);
const USED_OPEN_LINK: MessagePage<'_> = message(
    "This link has been used or is too old",
    "A link to the status page works once, for a minute.",
    "Run `ringback open` for another.",
);
const BUSY: MessagePage<'_> = message(
    "Too many logins are being started",
    "Nothing was changed, and this link still works.",
    "Reload this page in a moment.",
);
const GONE: MessagePage<'_> = message(
    "The outcome of this login is no longer shown",
    "It is shown for ten minutes after the login, or until ringback is restarted.",
    "To see the state of every account, run `ringback status`.",
);
const NO_LOGIN: MessagePage<'_> = message(
    "No login is waiting for this answer",
    "The login has finished already, was cancelled, or ran out of time, or ringback was restarted meanwhile. This answer changed nothing.",
    "Run `ringback status` to see whether the account is logged in. To log in, run `ringback login`, or ask the program that sent you here.",
);
const NO_STATE: MessagePage<'_> = message(
    "This answer does not say which login it is for",
    "The address has no `state`, or more than one. It was ignored, and the pending login is still open.",
    "If you are logging in, finish the login in the tab where it started. If the provider sent you here, it does not return `state` as RFC 6749 requires. If you did not expect this page, close it.",
);
const UNKNOWN_STATE: MessagePage<'_> = message(
    "This answer belongs to another login",
    "Its `state` is not that of the pending login. It was ignored, and the pending login is still open.",
    "If you are logging in, finish the login in the newest tab. If you did not expect this page, close it.",
);
const OTHER_BROWSER: MessagePage<'_> = message(
    "This login was started in another browser",
    "This browser did not send the cookie of the login: it is another browser or profile, or it does not keep cookies. The answer was ignored, and the login is still open.",
    "Finish the login in the browser where it started, and allow cookies for this address. For a browser on another machine, run `ringback login --paste`. If you did not expect this page, close it.",
);
const NOT_PASTED: MessagePage<'_> = message(
    "The terminal is waiting for this address",
    "This login was started with `ringback login --paste`, so its answer must be pasted at the terminal.",
    "Copy the whole address of this page and paste it there. If you did not start such a login, close this page.",
);
const NO_SESSION: MessagePage<'_> = message(
    "This page needs a session",
    "It shows your accounts, so it can be opened from the command line only.",
    "Run `ringback open`.",
);
const SESSION_OVER: MessagePage<'_> =
    message("The session is over", "You can close this page.", "Run `ringback open` to start another.");
const COOKIES: MessagePage<'_> = message(
    "Your browser sends too many cookies to this address",
    "It sent more than 32 KiB with this request, which was not read. Other programs that serve pages on this machine have set them: a browser keeps cookies by host name, whatever the port.",
    "Delete the cookies of this site: click the icon to the left of the address, and there the entry for cookies and site data. Then run `ringback login` or `ringback open` again.",
);
const HEADERS: MessagePage<'_> = message(
    "This request is too large",
    "Its header lines have more than 32 KiB, so it was not read.",
    "An extension of the browser, or a proxy, may add them: try a private window. Then run `ringback login` or `ringback open` again.",
);

/// For who has no session, or one that is over.
pub(super) fn no_session() -> Response {
    NO_SESSION.refused(StatusCode::UNAUTHORIZED, "no session of the status page")
}

/// After a session was ended.
pub(super) fn session_over() -> Response {
    SESSION_OVER.with_status(StatusCode::OK)
}

/// For a ticket of the status page that is no good any more.
pub(super) fn used_open_link() -> Response {
    USED_OPEN_LINK.refused(StatusCode::GONE, "a link to the status page that was used or is too old")
}

/// While as many logins begin as may.
pub(super) fn busy() -> Response {
    BUSY.refused(StatusCode::SERVICE_UNAVAILABLE, "too many logins are being started")
}

/// For the outcome of a login that nobody remembers.
pub(super) fn gone() -> Response {
    GONE.refused(StatusCode::NOT_FOUND, "no login of that id")
}

/// For an answer that no login takes. Which login it could be is on no page.
pub(super) fn stray(stray: &CallbackRejected) -> Response {
    let (page, status, reason) = of_stray(stray);
    page.refused(status, reason)
}

/// The page, its status, and the reason for the log.
pub(super) fn of_stray(stray: &CallbackRejected) -> (MessagePage<'static>, StatusCode, &'static str) {
    let bad = StatusCode::BAD_REQUEST;
    match stray {
        CallbackRejected::NoLoginPending | CallbackRejected::Over(_) => {
            (NO_LOGIN, StatusCode::NOT_FOUND, "no login is waiting for an answer there")
        }
        CallbackRejected::BadTicket => (USED_TICKET, StatusCode::GONE, "a login link that was used or is too old"),
        CallbackRejected::NoState => (NO_STATE, bad, "an answer without `state`"),
        CallbackRejected::UnknownState => (UNKNOWN_STATE, bad, "an answer with the `state` of no pending login"),
        CallbackRejected::OtherBrowser => (OTHER_BROWSER, bad, "an answer without the cookie of the login"),
        CallbackRejected::NotPasted => (NOT_PASTED, bad, "an answer in a browser that should have been pasted"),
    }
}

/// For a head that is not read.
pub(super) fn too_large(excess: Excess) -> Response {
    let page = if excess == Excess::Cookies { COOKIES } else { HEADERS };
    page.refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, excess.what())
}

/// An error that a browser came upon by going to an address, or by sending a form.
pub(super) fn of_error(error: &Error, status: StatusCode) -> Response {
    let (title, advice): (&str, Cow<'_, str>) = match error.code() {
        ErrorCode::NotFound => ("There is no such page", OPEN.into()),
        ErrorCode::MethodNotAllowed => ("This address does not support such a request", OPEN.into()),
        ErrorCode::Unauthorized => ("This address is for programs with a key", OPEN.into()),
        ErrorCode::Forbidden if matches!(error, Error::Forbidden { .. }) => {
            ("This request was refused", FORBIDDEN.into())
        }
        ErrorCode::Forbidden => ("This request was refused", error.hint().into()),
        ErrorCode::Usage => ("This request can't be answered", OPEN.into()),
        _ => ("That did not work", error.hint().into()),
    };
    let text = match error {
        // What went wrong inside is for the log; it may name files and peers.
        Error::Internal { .. } => "There was an error inside ringback.".into(),
        Error::NotFound { .. } => "ringback has no page at this address.".into(),
        error => sentence(&error.to_string()).into_owned(),
    };
    MessagePage { title, text: text.into(), advice }.with_status(status)
}

const OPEN: &str = "To see your accounts in the browser, run `ringback open`. To log in, run `ringback login`.";
const FORBIDDEN: &str =
    "Open ringback from the command line, not from another page: run `ringback open` or `ringback login`.";

/// With a full stop: an error's text has none behind `error:`, but on a page it needs one.
pub(super) fn sentence(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { text.into() } else { format!("{text}.").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    async fn text(reply: Response) -> String {
        let body = axum::body::to_bytes(reply.into_body(), 100_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn sentences_of_the_page_end_with_one_full_stop() {
        for (text, shown) in [
            ("access was denied at the provider", "access was denied at the provider."),
            ("access was denied (Not today)", "access was denied (Not today)."),
            ("Start it again.", "Start it again."),
            ("", ""),
        ] {
            assert_eq!(sentence(text), shown);
        }
    }

    /// Sentences that mean a command have it as code, and no backtick is left.
    fn is_prose(page: &str) {
        assert!(!page.contains('`') && !page.contains("&#96;"), "{page}");
    }

    #[tokio::test]
    async fn fixed_pages_have_their_status_and_no_script_and_no_backticks() {
        let stray = |stray: &CallbackRejected| super::stray(stray);
        for (reply, status) in [
            (used_open_link(), 410),
            (gone(), 404),
            (busy(), 503),
            (stray(&CallbackRejected::NoLoginPending), 404),
            (stray(&CallbackRejected::BadTicket), 410),
            (stray(&CallbackRejected::NoState), 400),
            (stray(&CallbackRejected::UnknownState), 400),
            (stray(&CallbackRejected::OtherBrowser), 400),
            (stray(&CallbackRejected::NotPasted), 400),
            (too_large(Excess::Cookies), 431),
            (too_large(Excess::Other), 431),
            (no_session(), 401),
            (session_over(), 200),
        ] {
            assert_eq!(
                (reply.status().as_u16(), &reply.headers()["content-type"]),
                (status, &HeaderValue::from_static("text/html; charset=utf-8"))
            );
            let page = text(reply).await;
            assert!(!page.contains("script"), "{page}");
            is_prose(&page);
        }
    }

    #[tokio::test]
    async fn an_error_in_a_browser_is_a_page_with_its_words_and_what_to_do() {
        for (error, wanted) in [
            (Error::NotFound { what: "this route".into() }, "There is no such page"),
            (Error::MethodNotAllowed, "does not support that method."),
            (
                Error::Forbidden { why: "requests of other web sites are refused" },
                ">requests of other web sites are refused.</p>",
            ),
            (Error::OtherUser { uid: Some(7) }, "<code>other_users = true</code>"),
            (Error::Unauthorized { why: "a key is needed" }, "<code>ringback open</code>"),
            (Error::Usage { what: "the query is too long <b>".into() }, "too long &#60;b&#62;."),
            (Error::StoreLocked, "<code>ringback unlock</code>"),
            (Error::Internal { what: "/home/canary".into() }, "error inside ringback"),
        ] {
            let page = text(of_error(&error, StatusCode::BAD_REQUEST)).await;
            assert!(page.contains(wanted) && !page.contains("canary"), "{wanted}: {page}");
            is_prose(&page);
        }
    }
}
