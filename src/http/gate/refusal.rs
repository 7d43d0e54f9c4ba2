//! Why a request is refused, and the reply to it.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::Error;
use crate::http::body::Unread;
use crate::http::head::Excess;
use crate::http::message_page::no_session;
use crate::http::reply::{Reason, Reject, head_too_large};
use crate::os::ports::PeerUser;

/// Why a request does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GateRefusal {
    /// 400: malformed, or ambiguous.
    Malformed(&'static str),
    /// 431: more header lines than are taken.
    TooLarge(Excess),
    /// 403: another site, or another name for us.
    Foreign(&'static str),
    /// 403: a connection of another user, or nobody knows whose.
    OtherUser(PeerUser),
    /// 404.
    NoRoute,
    /// 405, with the methods that the path has.
    Method(&'static str),
    /// 413, 408 or 400: the body could not be read.
    Unread(Unread),
    /// 401.
    NoKey,
    /// 401, with a page that says how to get one.
    NoSession,
    /// 401, after a delay.
    WrongKey,
    /// 401: it was right until it expired.
    ExpiredKey,
    /// 401: the socket's app does not exist, or no longer.
    NoAppOfSocket,
    /// 403: the app is known, and this is more than it was given.
    Beyond(&'static str),
}

impl GateRefusal {
    /// Why, for the log. Nothing of the request is in it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Malformed(why) | Self::Foreign(why) | Self::Beyond(why) => why,
            Self::TooLarge(excess) => excess.what(),
            Self::Unread(unread) => unread.what(),
            Self::OtherUser(_) => "a connection of another user",
            Self::NoRoute => "no such route",
            Self::Method(_) => "the route takes other methods",
            Self::NoKey => "no key",
            Self::WrongKey => "a wrong key",
            Self::ExpiredKey => "an expired key",
            Self::NoSession => "no session of the status page",
            Self::NoAppOfSocket => "the app of the socket does not exist",
        }
    }

    /// The same, if the sender was refused for what it showed or is.
    pub(super) fn denies(self) -> Option<&'static str> {
        match self {
            Self::NoKey
            | Self::WrongKey
            | Self::ExpiredKey
            | Self::NoAppOfSocket
            | Self::OtherUser(_)
            | Self::Foreign(_)
            | Self::Beyond(_) => Some(self.reason()),
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::Unread(_)
            | Self::NoRoute
            | Self::Method(_)
            | Self::NoSession => None,
        }
    }
}

const INVALID_TOKEN: &str = r#"Bearer realm="ringback", error="invalid_token""#;
const INSUFFICIENT_SCOPE: &str = r#"Bearer realm="ringback", error="insufficient_scope""#;

fn other_user(user: PeerUser) -> Error {
    match user {
        PeerUser::Uid(uid) => Error::OtherUser { uid: Some(uid) },
        PeerUser::Unmapped => Error::OtherUser { uid: None },
        PeerUser::NotFound | PeerUser::Unsupported => Error::PeerNotFound,
    }
}

/// The reply to a refused request.
pub(super) fn reply(refused: GateRefusal) -> Response {
    let with = |error, name: header::HeaderName, value| {
        let mut reply = Reject(error).into_response();
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
        reply
    };
    let reply = match refused {
        GateRefusal::TooLarge(excess) => head_too_large(excess),
        GateRefusal::Unread(unread) => unread.into_response(),
        GateRefusal::Malformed(why) => Reject(Error::Usage { what: why.into() }).into_response(),
        GateRefusal::Foreign(why) => Reject(Error::Forbidden { why }).into_response(),
        // Frees its place for others.
        GateRefusal::OtherUser(user) => with(other_user(user), header::CONNECTION, "close"),
        GateRefusal::NoSession => no_session(),
        GateRefusal::NoRoute => Reject(Error::NotFound { what: "this route".into() }).into_response(),
        GateRefusal::Method(allowed) => with(Error::MethodNotAllowed, header::ALLOW, allowed),
        // RFC 6750 §3: no error code where there was no key at all.
        GateRefusal::NoKey => {
            with(Error::Unauthorized { why: "a key is needed" }, header::WWW_AUTHENTICATE, r#"Bearer realm="ringback""#)
        }
        GateRefusal::WrongKey => {
            with(Error::Unauthorized { why: "the key is not the right one" }, header::WWW_AUTHENTICATE, INVALID_TOKEN)
        }
        GateRefusal::ExpiredKey => {
            with(Error::Unauthorized { why: "the key has expired" }, header::WWW_AUTHENTICATE, INVALID_TOKEN)
        }
        GateRefusal::NoAppOfSocket => Reject(Error::NoAppOfSocket).into_response(),
        GateRefusal::Beyond(why) => {
            with(Error::Beyond { why: why.into() }, header::WWW_AUTHENTICATE, INSUFFICIENT_SCOPE)
        }
    };
    Reason::given(reply, refused.reason())
}
