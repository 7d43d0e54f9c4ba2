//! The gate's rules: pure functions of a request's head and of who sent it.
//!
//! The order is cheap and general before dear and particular: protocol, host, path, browser, route,
//! query, key. Messages are fixed texts: nothing of the request is repeated.

use axum::http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use crate::apps::Rights;
use crate::error::Error;
use crate::http::head::Excess;
use crate::http::listen::Peer;
use crate::http::pages;
use crate::http::reject::{Reason, Reject, head_too_large};
use crate::ports::PeerUser;
use crate::routes::{Access, Route, RouteMatch, RouteScope};

/// All that the rules look at.
pub(super) struct RequestFacts<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) version: Version,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: Peer,
    /// Whether programs of other users may ask over TCP, with a key.
    pub(super) other_users: bool,
}

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
    /// 401.
    NoKey,
    /// 401, with a page that says how to get one.
    NoSession,
    /// 401, after a delay.
    WrongKey,
    /// 401: it was right until it expired.
    ExpiredKey,
    /// 403: the app is known, and this is more than it was given.
    Beyond(&'static str),
}

impl GateRefusal {
    /// Why, for the log. Nothing of the request is in it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Malformed(why) | Self::Foreign(why) | Self::Beyond(why) => why,
            Self::TooLarge(excess) => excess.what(),
            Self::OtherUser(_) => "a connection of another user",
            Self::NoRoute => "no such route",
            Self::Method(_) => "the route takes other methods",
            Self::NoKey => "no key",
            Self::WrongKey => "a wrong key",
            Self::ExpiredKey => "an expired key",
            Self::NoSession => "no session of the status page",
        }
    }

    /// The same, where what the sender showed or is was not enough.
    pub(super) fn denies(self) -> Option<&'static str> {
        match self {
            Self::NoKey
            | Self::WrongKey
            | Self::ExpiredKey
            | Self::OtherUser(_)
            | Self::Foreign(_)
            | Self::Beyond(_) => Some(self.reason()),
            Self::Malformed(_) | Self::TooLarge(_) | Self::NoRoute | Self::Method(_) | Self::NoSession => None,
        }
    }
}

/// The longest query of a route in the table; the callback's own limit is in `pages`.
const LONGEST_QUERY: usize = 8 * 1024;
/// The most parameters of one: each is compared with all before it, and that before anybody showed a key. No route
/// takes half as many.
const MOST_PARAMETERS: usize = 64;
/// Where a key in a URL is looked for: to refuse it, since URLs end up in logs and histories.
const KEY_PARAMETERS: [&str; 2] = ["access_token", "key"];

/// Who may use what this request asks for; whether the sender is such a one is [`authenticate`]'s.
pub(super) fn decide(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<Access, GateRefusal> {
    let stranger = stranger(facts.peer);
    if let Some(user) = stranger.filter(|_| !facts.other_users) {
        return Err(GateRefusal::OtherUser(user));
    }
    if facts.version != Version::HTTP_11 {
        return Err(GateRefusal::Malformed("this server speaks HTTP/1.1"));
    }
    head(facts, found)?;
    let host = host(facts)?;
    target(facts.uri, host)?;
    path(facts.uri.path())?;
    origin(facts, host, found)?;
    let access = access(facts, found)?;
    if let Some(user) = stranger.filter(|_| !access.is_open_to_other_users()) {
        return Err(GateRefusal::OtherUser(user));
    }
    from_elsewhere(facts, access)?;
    if access.on_socket_only() && matches!(facts.peer, Peer::Tcp { .. }) {
        return Err(GateRefusal::Foreign("this is taken over the unix socket only, whatever key there is"));
    }
    // What an unknown path's query may be is the callback's to say, once a login is known to be pending.
    if let RouteMatch::Row(_) = found {
        query(facts.uri.query().unwrap_or_default())?;
    }
    if access.needs_proof() {
        referer(facts, host)?;
    }
    content_type(facts, access)?;
    Ok(access)
}

/// Not more header lines than are taken. On an unknown path that is the callback's to say, so that who waits for the login
/// hears of it; and the page that says it needs its style sheet.
fn head(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<(), GateRefusal> {
    let exempt = match found {
        RouteMatch::Row(route) => route.access == Access::Public,
        RouteMatch::OtherMethods(_) => false,
        RouteMatch::Nothing => true,
    };
    Excess::of(facts.headers).filter(|_| !exempt).map_or(Ok(()), |excess| Err(GateRefusal::TooLarge(excess)))
}

/// The user of a TCP connection that is neither the daemon's own nor root, who may do anything anyway. A ticket, a
/// cookie or a code that such a user has read somewhere is of no use to them. Where the system tells of nobody, key,
/// ticket and cookie have to do.
fn stranger(peer: Peer) -> Option<PeerUser> {
    let Peer::Tcp { user, .. } = peer else { return None };
    let ours = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
    match user {
        PeerUser::Uid(uid) => (!ours(uid)).then_some(user),
        PeerUser::Unmapped | PeerUser::NotFound => Some(user),
        PeerUser::Unsupported => None,
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

/// The one Host line (RFC 9112 §3.2), which has to be a name of ours: a page that made its own name
/// point to 127.0.0.1 sends its own name.
fn host<'a>(facts: &RequestFacts<'a>) -> Result<&'a str, GateRefusal> {
    let host =
        only(facts.headers, &header::HOST).map_err(|()| GateRefusal::Malformed("there has to be one Host line"))?;
    match host {
        None | Some("") => Err(GateRefusal::Malformed("there has to be a Host line")),
        Some(host) if is_ours(host, facts.peer) => Ok(host),
        Some(_) => Err(GateRefusal::Foreign("Host is not a name of this server")),
    }
}

/// `0.0.0.0` is not among the names: it is something to listen on, not somewhere to go.
fn is_ours(host: &str, peer: Peer) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port: Option<Option<u16>> = port.map(|digits| {
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse().ok()).flatten()
    });
    match peer {
        Peer::Tcp { port: ours, .. } => {
            let named = name == "127.0.0.1" || name == "[::1]" || name.eq_ignore_ascii_case("localhost");
            named && port.unwrap_or(Some(80)) == Some(ours)
        }
        Peer::Unix { .. } => {
            let named = ["127.0.0.1", "localhost", "ringback"].iter().any(|ours| name.eq_ignore_ascii_case(ours));
            named && port != Some(None)
        }
    }
}

/// A target in absolute form has to agree with Host; `*` and authority form have no use here.
fn target(uri: &Uri, host: &str) -> Result<(), GateRefusal> {
    if !uri.path().starts_with('/') {
        return Err(GateRefusal::Malformed("the target has to be a path"));
    }
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => Ok(()),
        (Some("http"), Some(authority)) if authority.as_str().eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(GateRefusal::Malformed("target and Host disagree")),
    }
}

/// What two readers of a path could understand differently (`security.md` §0, 3).
fn path(path: &str) -> Result<(), GateRefusal> {
    let odd_segment = path.split('/').skip(1).any(|segment| matches!(segment, "." | ".."));
    let clean = !odd_segment && !path.contains("//") && !path.contains('\\') && escapes_are_harmless(path.as_bytes());
    if clean { Ok(()) } else { Err(GateRefusal::Malformed("the path is ambiguous")) }
}

/// Each `%` with two digits, and none of them a separator, a dot, a percent sign or a control character.
fn escapes_are_harmless(path: &[u8]) -> bool {
    let value = |digit: u8| char::from(digit).to_digit(16);
    path.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let digits = (path.get(at + 1).copied().and_then(value), path.get(at + 2).copied().and_then(value));
        match digits {
            (Some(high), Some(low)) => {
                let byte = high * 16 + low;
                byte >= 0x20 && byte != 0x7f && !"/\\.%".chars().any(|c| u32::from(c) == byte)
            }
            _ => false,
        }
    })
}

/// Browsers put Origin on every cross-site request that is not a plain GET; ours is the only one. A form of a
/// page with the policy `no-referrer` has the Origin `null` (Fetch, "append a request Origin header"): one of
/// ours is known by the fetch metadata, which no page can make up.
fn origin(facts: &RequestFacts<'_>, host: &str, found: RouteMatch) -> Result<(), GateRefusal> {
    let foreign = Err(GateRefusal::Foreign("requests of other web sites are refused"));
    match only(facts.headers, &header::ORIGIN) {
        Ok(None) if is_form(facts, found) => foreign,
        Ok(None) => Ok(()),
        Ok(Some("null"))
            if is_form(facts, found)
                && facts.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") =>
        {
            Ok(())
        }
        Ok(Some(origin)) => match (facts.peer, origin.strip_prefix("http://")) {
            (Peer::Tcp { .. }, Some(origin)) if origin.eq_ignore_ascii_case(host) => Ok(()),
            _ => foreign,
        },
        Err(()) => foreign,
    }
}

fn is_form(facts: &RequestFacts<'_>, found: RouteMatch) -> bool {
    matches!(found, RouteMatch::Row(route) if matches!(route.access, Access::Session | Access::Form))
        && facts.method == Method::POST
}

/// A page of another site that links to the API would only give a Referer.
fn referer(facts: &RequestFacts<'_>, host: &str) -> Result<(), GateRefusal> {
    let Some(referer) = facts.headers.get(header::REFERER) else { return Ok(()) };
    let ours =
        referer.to_str().ok().and_then(|text| text.strip_prefix("http://")).and_then(|rest| rest.split('/').next());
    if ours.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(GateRefusal::Foreign("requests of other web sites are refused"))
}

/// A path that is in no row may be a callback's: it is treated as a browser's stop, or as what a page of
/// ours posts there, which browsers mark with our own Origin ([`origin`] has seen to that it is ours).
fn access(facts: &RequestFacts<'_>, found: RouteMatch) -> Result<Access, GateRefusal> {
    match (found, facts.method) {
        (RouteMatch::Row(route), _) => Ok(route.access),
        // A HEAD that ran a callback would burn its code, so no HEAD runs anything.
        (RouteMatch::OtherMethods(allowed), _) => Err(GateRefusal::Method(allowed)),
        (RouteMatch::Nothing, &Method::GET) => Ok(Access::Browser),
        (RouteMatch::Nothing, &Method::POST) if facts.headers.contains_key(header::ORIGIN) => Ok(Access::OwnPage),
        (RouteMatch::Nothing, &Method::HEAD) => Err(GateRefusal::Method("GET")),
        (RouteMatch::Nothing, _) => Err(GateRefusal::NoRoute),
    }
}

/// Fetch metadata (<https://www.w3.org/TR/fetch-metadata/>): absent outside browsers. A browser's stop
/// may be reached from elsewhere, the provider's page, but only as a page of its own; and a browser
/// that fetches in advance would spend what is good for one visit.
fn from_elsewhere(facts: &RequestFacts<'_>, access: Access) -> Result<(), GateRefusal> {
    let is = |name: &str, wanted: &[&str]| {
        let mut values = facts.headers.get_all(name).iter();
        values.all(|value| wanted.iter().any(|wanted| value.as_bytes() == wanted.as_bytes()))
    };
    let as_page = is("sec-fetch-mode", &["navigate"]) && is("sec-fetch-dest", &["document"]);
    let in_advance = facts.headers.contains_key("sec-purpose") || facts.headers.contains_key("purpose");
    let admitted = match access {
        Access::Browser => as_page && !in_advance,
        Access::OwnPage | Access::Form => is("sec-fetch-site", &["same-origin"]),
        _ => is("sec-fetch-site", &["same-origin", "none"]),
    };
    if admitted { Ok(()) } else { Err(GateRefusal::Foreign("requests of other web sites are refused")) }
}

/// Of two values of one parameter every reader takes another one, so there may be only one.
fn query(query: &str) -> Result<(), GateRefusal> {
    if query.len() > LONGEST_QUERY {
        return Err(GateRefusal::Malformed("the query is too long"));
    }
    let mut seen = Vec::with_capacity(MOST_PARAMETERS);
    for (name, _) in form_urlencoded::parse(query.as_bytes()) {
        if KEY_PARAMETERS.iter().any(|key| name.eq_ignore_ascii_case(key)) {
            return Err(GateRefusal::Malformed(
                "a key belongs into the Authorization line, never into a URL: replace this one",
            ));
        }
        if seen.contains(&name) {
            return Err(GateRefusal::Malformed("a query parameter is repeated"));
        }
        if seen.len() == MOST_PARAMETERS {
            return Err(GateRefusal::Malformed("there are too many query parameters"));
        }
        seen.push(name);
    }
    Ok(())
}

/// A web form can't send JSON without asking first, and nobody would answer that. Only our own page sends
/// a form.
fn content_type(facts: &RequestFacts<'_>, access: Access) -> Result<(), GateRefusal> {
    let empty = facts.headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
        && !facts.headers.contains_key(header::TRANSFER_ENCODING);
    let (wanted, refused) = match access {
        access if access.needs_proof() && !empty => ("application/json", "a body has to be application/json"),
        Access::OwnPage | Access::Form => ("application/x-www-form-urlencoded", "the body has to be a form"),
        Access::Session if facts.method == Method::POST => {
            ("application/x-www-form-urlencoded", "the body has to be a form")
        }
        _ => return Ok(()),
    };
    let fits = |value: &str| value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted));
    match only(facts.headers, &header::CONTENT_TYPE) {
        Ok(Some(value)) if fits(value) => Ok(()),
        _ => Err(GateRefusal::Malformed(refused)),
    }
}

/// What shows who asks: on the socket the kernel's word, on TCP a key and nothing else.
#[derive(Debug)]
pub(super) enum Proof<'a> {
    /// A process of our own user.
    SameUser,
    /// Whoever's key this is. On the socket it makes the caller that app, with no more than its rights.
    Key(&'a str),
}

/// What the sender shows, and nothing yet of whether it is good.
pub(super) fn proof<'a>(facts: &RequestFacts<'a>) -> Result<Proof<'a>, GateRefusal> {
    match facts.peer {
        Peer::Unix { uid, .. } if uid != rustix::process::geteuid().as_raw() => {
            Err(GateRefusal::Foreign("this socket serves processes of its own user only"))
        }
        Peer::Unix { .. } if !facts.headers.contains_key(header::AUTHORIZATION) => Ok(Proof::SameUser),
        Peer::Unix { .. } | Peer::Tcp { .. } => shown_key(facts.headers).map(Proof::Key),
    }
}

/// Whether these rights are enough for a route. Whether they cover the one account that a request names is known
/// once that account is: [`super::Named`], [`super::OfLogin`].
pub(super) fn suffices(rights: &Rights, route: &Route) -> Result<(), GateRefusal> {
    match route.access {
        Access::Owner if !rights.is_all() => Err(GateRefusal::Beyond("only an app with every right may do this")),
        Access::Write | Access::Socket if !rights.write => Err(GateRefusal::Beyond("this app may read only")),
        _ if route.reach == RouteScope::Every && rights.accounts.is_some() => {
            Err(GateRefusal::Beyond("this concerns more than the accounts that this app was given"))
        }
        _ => Ok(()),
    }
}

fn shown_key(headers: &HeaderMap) -> Result<&str, GateRefusal> {
    let twice = |()| GateRefusal::Malformed("there has to be one Authorization line");
    let line = only(headers, &header::AUTHORIZATION).map_err(twice)?.ok_or(GateRefusal::NoKey)?;
    match line.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(key.trim_matches(' ')),
        _ => Err(GateRefusal::NoKey),
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
pub(super) fn refusal(refused: GateRefusal) -> Response {
    let with = |error, name: header::HeaderName, value| {
        let mut reply = Reject(error).into_response();
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
        reply
    };
    let reply = match refused {
        GateRefusal::TooLarge(excess) => head_too_large(excess),
        GateRefusal::Malformed(why) => Reject(Error::Usage { what: why.into() }).into_response(),
        GateRefusal::Foreign(why) => Reject(Error::Forbidden { why }).into_response(),
        // Its place is for others.
        GateRefusal::OtherUser(user) => with(other_user(user), header::CONNECTION, "close"),
        GateRefusal::NoSession => pages::no_session(),
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
        GateRefusal::Beyond(why) => {
            with(Error::Beyond { why: why.into() }, header::WWW_AUTHENTICATE, INSUFFICIENT_SCOPE)
        }
    };
    Reason::given(reply, refused.reason())
}
