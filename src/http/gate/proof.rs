//! Credentials of a request (the peer's user on the socket, a bearer key, an app's own socket), and authorization: whether
//! an app's rights suffice for a route.

use axum::http::{HeaderMap, HeaderName, header};

use super::client::{self, ClientProof};
use super::facts::{RequestFacts, only};
use super::listener::{ExtraGate, ExtraProof};
use super::refusal::GateRefusal;
use crate::apps::Rights;
use crate::http::peer::Peer;
use crate::http::token_request::TokenRequest;
use crate::os::ports::PeerUser;
use crate::os::private_file;
use crate::reverse_proxy::headers::KEY;
use crate::routes::{Access, Route, RouteScope};
use crate::secret::AppKey;

const METADATA_FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const IDENTITY_HEADER: HeaderName = HeaderName::from_static("x-identity-header");

/// What shows who asks: on the socket the peer's credentials as the kernel tells them, on TCP a key and nothing else, on
/// an app's socket that it was reached.
pub(super) enum Proof<'a> {
    /// A process of our own user.
    SameUser,
    /// Whoever's key this is. On the socket it makes the caller that app, with no more than its rights.
    Key(&'a str),
    /// The same, of an OAuth client, which also says whose key it is.
    Client(ClientProof),
    /// The socket of the app of this name.
    SocketOf(&'a str),
}

/// What the sender shows. Whether a key is good is not known yet. `request`: what an OAuth client sent, whose key stands
/// in other places than everybody else's.
pub(super) fn proof<'a>(
    facts: &RequestFacts<'a>,
    access: Access,
    request: Option<&TokenRequest>,
) -> Result<Proof<'a>, GateRefusal> {
    // Whatever key is shown there: it could only make the caller more, or less, than the socket does.
    if let (Peer::AppSocket { .. }, Some(ExtraGate { proof: ExtraProof::SocketOf(app), .. })) =
        (facts.peer, facts.extra)
    {
        return Ok(Proof::SocketOf(app));
    }
    match facts.extra.map(|extra| &extra.proof) {
        Some(ExtraProof::OwnUser { .. }) => return google_client(facts),
        Some(ExtraProof::IdentityHeader { app, .. }) => return identity_header(facts, app),
        _ => {}
    }
    let on_socket = match facts.peer {
        Peer::Unix { uid, .. } if uid != private_file::own_uid() => {
            return Err(GateRefusal::Foreign("this socket serves processes of its own user only"));
        }
        // Only the daemon's own socket serves its owner.
        Peer::Unix { .. } => facts.extra.is_none(),
        Peer::Tcp { .. } | Peer::AppSocket { .. } => false,
    };
    let shown = match request {
        Some(request) => client::shown(facts.headers, request)?.map(Proof::Client),
        // The program needs `Authorization` for something else, or can't set it.
        None if access == Access::Proxy && facts.headers.contains_key(KEY) => {
            Some(Proof::Key(key_line(facts.headers)?))
        }
        None if on_socket && !facts.headers.contains_key(header::AUTHORIZATION) => None,
        None => Some(Proof::Key(shown_key(facts.headers)?)),
    };
    match shown {
        Some(proof) => Ok(proof),
        None if on_socket => Ok(Proof::SameUser),
        None => Err(GateRefusal::NoKey),
    }
}

/// A process of our own user and of nobody else: no key is shown there. The header is one that no page of another site can
/// send unasked, and a request that was passed on has another one (as on Compute Engine).
fn google_client<'a>(facts: &RequestFacts<'_>) -> Result<Proof<'a>, GateRefusal> {
    match facts.peer {
        Peer::Tcp { user: PeerUser::Uid(uid), .. } if uid == private_file::own_uid() => {}
        Peer::Tcp { user, .. } => return Err(GateRefusal::OtherUser(user)),
        Peer::Unix { .. } | Peer::AppSocket { .. } => return Err(GateRefusal::NoKey),
    }
    if !matches!(only(facts.headers, &METADATA_FLAVOR), Ok(Some("Google"))) {
        return Err(GateRefusal::Foreign("a request for metadata has to say `Metadata-Flavor: Google`"));
    }
    if facts.headers.contains_key("x-forwarded-for") {
        return Err(GateRefusal::Foreign("a request for metadata that was passed on is refused"));
    }
    Ok(Proof::SameUser)
}

/// The key of the listener's app in the header `X-IDENTITY-HEADER`.
fn identity_header<'a>(facts: &RequestFacts<'_>, app: &str) -> Result<Proof<'a>, GateRefusal> {
    let twice = |()| GateRefusal::Malformed("there has to be one X-IDENTITY-HEADER line");
    let key = only(facts.headers, &IDENTITY_HEADER).map_err(twice)?.ok_or(GateRefusal::NoKey)?;
    Ok(Proof::Client(ClientProof { name: Some(app.to_owned()), key: AppKey::new(key.to_owned()) }))
}

/// Whether these rights are enough for a route. Whether they cover the one account that a request names is known
/// once that account is: [`super::account`].
pub(super) fn suffices(rights: &Rights, route: &Route) -> Result<(), GateRefusal> {
    match route.access {
        // A token would be good for what the rules forbid.
        _ if rights.proxy.is_some() && route.access != Access::Proxy => {
            Err(GateRefusal::Beyond("this app may use its accounts through the proxy only"))
        }
        Access::Owner if !rights.is_all() => Err(GateRefusal::Beyond("only an app with every right may do this")),
        Access::Write | Access::Socket if !rights.write => Err(GateRefusal::Beyond("this app may read only")),
        _ if route.reach == RouteScope::Every && rights.accounts.is_some() => {
            Err(GateRefusal::Beyond("this concerns more accounts than this app has a right to"))
        }
        _ => Ok(()),
    }
}

fn key_line(headers: &HeaderMap) -> Result<&str, GateRefusal> {
    let line = only(headers, &KEY).map_err(|()| GateRefusal::Malformed("there has to be one x-ringback-key line"))?;
    line.map(|key| key.trim_matches(' ')).ok_or(GateRefusal::NoKey)
}

fn shown_key(headers: &HeaderMap) -> Result<&str, GateRefusal> {
    let twice = |()| GateRefusal::Malformed("there has to be one Authorization line");
    let line = only(headers, &header::AUTHORIZATION).map_err(twice)?.ok_or(GateRefusal::NoKey)?;
    match line.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(key.trim_matches(' ')),
        _ => Err(GateRefusal::NoKey),
    }
}
