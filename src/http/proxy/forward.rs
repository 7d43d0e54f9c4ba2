//! The handler: checks a request, forwards it with the account's token, and passes the reply on as it comes.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use hyper::body::Incoming;
use url::Url;

use super::counts;
use super::refused::{self, Speaks};
use super::relay::{Exchange, RelayedBody};
use super::replay::SentBody;
use super::ruled::{self, Unsent};
use crate::broker::handle::TokenQuery;
use crate::config::AccountConfig;
use crate::contract::AuditEvent;
use crate::error::{Error, Obstacle, UpstreamFailure};
use crate::http::activity::Evictable;
use crate::http::api::token::{serves_cached, token_for};
use crate::http::audited::{self, audited};
use crate::http::body;
use crate::http::gate::account::{NamedAccount, seen_account};
use crate::http::gate::caller::Caller;
use crate::http::gate::guarded::Unrouted;
use crate::http::gate::headers::Forwarded;
use crate::http::peer::Connection;
use crate::http::state::Http;
use crate::provider::upstream::{Credential, Lease, NoReply, RequestBody, UpstreamRequest};
use crate::reverse_proxy::headers::{self as lines, KEY};
use crate::reverse_proxy::rules::ProxyRules;
use crate::reverse_proxy::upstream::{Proxied, TargetRefused};
use crate::routes::Route;
use crate::secret::AccessToken;

/// Any method at `/proxy/{name}` and below.
pub(in crate::http) async fn forward(
    NamedAccount { caller, account }: NamedAccount,
    State(http): State<Http>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let forwarding = Forwarding { http: &http, caller: &caller, account: &account, head: &head };
    match forwarding.checked() {
        Ok((config, outgoing)) => forwarding.exchange(&config, outgoing, body).await,
        // What happens seldom is on the heap, so that no other request carries its size.
        Err(error) => Box::pin(forwarding.refused(error, Unsent::Client(body))).await,
    }
}

/// The reply of [`forward`] without routing, which takes the request; `None`: the caller may not see the account.
pub(in crate::http) fn unrouted(
    http: &Http,
    route: &Route,
    request: &mut Request,
    caller: &Caller,
) -> Option<Unrouted> {
    let account = seen_account(http, route, request.uri().path(), caller)?.into_owned();
    let named = NamedAccount { caller: caller.clone(), account };
    Some(Box::pin(forward(named, State(http.clone()), std::mem::take(request))))
}

/// The longest method or path that is written into the audit log.
const LONGEST: usize = 512;

fn shown(text: &str) -> String {
    if text.len() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).collect() }
}

/// A request, and whose it is.
struct Forwarding<'a> {
    http: &'a Http,
    caller: &'a Caller,
    account: &'a str,
    head: &'a Parts,
}

/// What goes to the upstream, apart from the token and the body.
struct Outgoing {
    url: Url,
    headers: HeaderMap,
}

/// The reply of an upstream, and the token that it was asked with.
struct Answered {
    reply: axum::http::Response<Incoming>,
    lease: Lease,
    token: Credential,
    /// Whether it is a refusal of the nonce in the proof alone.
    wants_nonce: bool,
}

impl Forwarding<'_> {
    /// What follows the account in the path, raw.
    fn path(&self) -> &str {
        let path = self.head.uri.path();
        let rest = path.splitn(4, '/').nth(3).map_or(0, |rest| rest.len() + 1);
        path.get(path.len().saturating_sub(rest)..).unwrap_or_default()
    }

    /// The account's base URL at the proxy, as a path: by the name that the client used.
    fn base(&self) -> &str {
        let path = self.head.uri.path();
        path.get(..path.len() - self.path().len()).unwrap_or(path)
    }

    /// Whether the request may be forwarded, and what of it.
    fn checked(&self) -> Result<(Arc<AccountConfig>, Outgoing), Error> {
        let unfit = |what: &str| Error::Usage { what: what.into() };
        let config = self.http.broker.config_of(self.account)?;
        let Some(Proxied { upstream, .. }) = &config.proxied else {
            return Err(Error::Obstacle(Obstacle::NoProxy { account: self.account.into() }));
        };
        if lines::asks_for_websocket(&self.head.headers) {
            return Err(Error::Obstacle(Obstacle::WebSocket));
        }
        if let Some(rules) = self.rules() {
            ruled::head(rules, self.head, self.path())?;
        }
        let target = upstream.target(self.path(), self.head.uri.query());
        let url = target.map_err(|TargetRefused(why)| unfit(why))?;
        Ok((config, Outgoing { url, headers: self.headers()? }))
    }

    /// The header lines that go to the upstream.
    fn headers(&self) -> Result<HeaderMap, Error> {
        let elsewhere =
            "a key of ringback is in another header line, which would go to the API: take it out, and replace this key";
        lines::outgoing(&self.head.headers).map_err(|_| Error::Usage { what: elsewhere.into() })
    }

    fn rules(&self) -> Option<&ProxyRules> {
        self.caller.app().and_then(|app| app.rights.proxy.as_ref())
    }

    /// Forwards the request, and answers it in any case.
    async fn exchange(&self, config: &AccountConfig, outgoing: Outgoing, body: Body) -> Response {
        let Some(place) = self.http.waiting.proxied_at(self.caller).place() else {
            return Box::pin(self.refused(Error::Busy, Unsent::Client(body))).await;
        };
        let connection = self.head.extensions.get::<Connection>();
        let lent = connection.and_then(|connection| connection.evictable.as_ref()).map(Evictable::lend);
        let body = match ruled::body(self.rules(), self.head, body, &self.http.proxy.budget).await {
            Ok(body) => body,
            Err((error, body)) => return Box::pin(self.refused(error, body)).await,
        };
        // A token first: without one, nothing is sent.
        let token = match self.token().await {
            Ok(token) => token,
            Err(error) => return Box::pin(self.refused(error, body)).await,
        };
        let request = (shown(self.head.method.as_str()), shown(self.path()));
        let mut exchange = Exchange::begin(self.http, self.caller, self.account, request, (place, lent)).await;
        let (body, sent) = body.sending(&self.http.proxy.budget);
        exchange.sends(&sent);
        match self.answered(config, outgoing, (body, &sent), token).await {
            Ok(answered) => {
                sent.forget();
                self.passed_on(config, answered, exchange)
            }
            Err((error, speaks)) => {
                let reply = refused::reply(error, speaks);
                exchange.answered(reply.status().as_u16());
                reply
            }
        }
    }

    /// Answers a request that is not forwarded, and writes it down.
    async fn refused(&self, error: Error, body: Unsent) -> Response {
        self.http.proxy.counts.refused(self.caller, self.account);
        audited::note(self.http, self.caller, AuditEvent::Proxy, Some(self.account), Some(&error), |line| {
            (line.method, line.path) = (Some(shown(self.head.method.as_str())), Some(shown(self.path())));
        })
        .await;
        refused::reply(error, body.speaks(self.head).await)
    }

    /// The upstream's reply: the first, or after a 401 the one to a replay.
    async fn answered(
        &self,
        config: &AccountConfig,
        Outgoing { url, headers }: Outgoing,
        (body, sent): (Option<RequestBody>, &Arc<SentBody>),
        token: Credential,
    ) -> Result<Answered, (Error, Speaks)> {
        let first = self.sent(config, (&url, headers), (body, sent), token).await;
        let answered = match first {
            Ok(answered) if answered.reply.status() == StatusCode::UNAUTHORIZED => {
                Box::pin(self.replayed(config, &url, sent, answered)).await?
            }
            Ok(answered) => answered,
            Err(error) => {
                let kept = sent.take_whole();
                return Err((error, Speaks::of(&self.head.headers, kept.as_deref().map_or(&[], |bytes| bytes))));
            }
        };
        if answered.reply.status() == StatusCode::FORBIDDEN
            && let Some(scope) = lines::missing_scope(answered.reply.headers())
        {
            let kept = sent.take_whole();
            let speaks = Speaks::of(&self.head.headers, kept.as_deref().map_or(&[], |bytes| bytes));
            let app = self.caller.app().map(counts::program);
            let next = self.http.broker.lacks_scope(self.account, &scope, app);
            let needs = next.map(|next| self.failed(config, UpstreamFailure::NeedsScope { scope, next }));
            return Err((needs.unwrap_or_else(|error| error), speaks));
        }
        Ok(answered)
    }

    /// The reply to a replay after a 401: with the nonce that the upstream wants in the proof, and with a newer token if that
    /// was not the reason, or not the only one.
    async fn replayed(
        &self,
        config: &AccountConfig,
        url: &Url,
        sent: &Arc<SentBody>,
        rejected: Answered,
    ) -> Result<Answered, (Error, Speaks)> {
        let limits = body::limits(&self.head.extensions).map_err(|error| (error, Speaks::Http))?;
        let Answered { reply, token: mut old, wants_nonce, .. } = rejected;
        // It may be the answer to the head alone. What has not arrived of the body by then is for the replay.
        drop(reply);
        let kept = sent.arrived(limits.deadline).await.map(Bytes::from_owner);
        let speaks = Speaks::of(&self.head.headers, kept.as_deref().unwrap_or_default());
        let failed = |failure| (self.failed(config, failure), speaks.clone());
        let again = async |token| {
            let body = kept.clone().filter(|bytes| !bytes.is_empty()).map(RequestBody::Whole);
            let headers = self.headers().map_err(|error| (error, speaks.clone()))?;
            self.sent(config, (url, headers), (body, sent), token).await.map_err(|error| (error, speaks.clone()))
        };
        if wants_nonce {
            if kept.is_none() {
                return Err(failed(UpstreamFailure::WantsNonce));
            }
            let answered = again(old).await?;
            if answered.reply.status() != StatusCode::UNAUTHORIZED {
                return Ok(answered);
            }
            old = answered.token;
        }
        let newer = self.newer(&old).await.map_err(|error| (error, speaks.clone()))?;
        let (Some(newer), Some(_)) = (newer, &kept) else { return Err(failed(UpstreamFailure::RejectsToken)) };
        let answered = again(newer).await?;
        match answered.reply.status() {
            StatusCode::UNAUTHORIZED => Err(failed(UpstreamFailure::RejectsToken)),
            _ => Ok(answered),
        }
    }

    /// Sends once.
    async fn sent(
        &self,
        config: &AccountConfig,
        (url, mut headers): (&Url, HeaderMap),
        (body, sent): (Option<RequestBody>, &Arc<SentBody>),
        token: Credential,
    ) -> Result<Answered, Error> {
        let (upstreams, now) = (&self.http.proxy.upstreams, self.http.clock.now().wall);
        let shown = token.show(&mut headers, (&self.head.method, url), upstreams.nonces(), now);
        shown.map_err(|what| Error::Internal { what })?;
        // hyper frames a body, and says nothing of one that is not there.
        if body.is_none() && [Method::POST, Method::PUT, Method::PATCH].contains(&self.head.method) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let request = UpstreamRequest { method: self.head.method.clone(), url, headers, body };
        let timeout = config.proxied.as_ref().map(|proxied| proxied.timeout).unwrap_or_default();
        let sending = upstreams.send(&config.dialect.reach, request, &**sent, timeout);
        let (reply, lease) = sending.await.map_err(|failure| {
            let failure = match failure {
                NoReply::Unreachable(why) => UpstreamFailure::Unreachable { why },
                NoReply::TooLate(why) => UpstreamFailure::TooLate { why },
            };
            self.failed(config, failure)
        })?;
        if reply.status().is_informational() {
            let why = "it switched to another protocol, which nobody asked for".into();
            return Err(self.failed(config, UpstreamFailure::Unreachable { why }));
        }
        let wants_nonce = token.wants_nonce(url, &reply, upstreams.nonces());
        Ok(Answered { reply, lease, token, wants_nonce })
    }

    /// The reply as the client gets it.
    fn passed_on(&self, config: &AccountConfig, answered: Answered, mut exchange: Exchange) -> Response {
        let Answered { reply, lease, token: Credential { token, .. }, .. } = answered;
        let (mut parts, body) = reply.into_parts();
        let location = parts.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let location = location.filter(|location| !location.contains(token.expose()));
        let location = location.and_then(|location| config.proxied.as_ref()?.upstream.location(location, self.base()));
        // Clients that follow it drop `Authorization` at another host, but not a line that only we know.
        let key_is_dropped = !self.head.headers.contains_key(KEY);
        let location = location.filter(|location| key_is_dropped || location.starts_with('/'));
        let location = location.and_then(|location| HeaderValue::from_maybe_shared(location).ok());
        lines::incoming(&mut parts.headers, token.expose().as_bytes());
        let mut reply = Response::new(Body::empty());
        (*reply.status_mut(), *reply.headers_mut()) = (parts.status, parts.headers);
        if let Some(location) = location {
            reply.headers_mut().insert(header::LOCATION, location);
        }
        // Beside chunks a length means nothing (RFC 9112 §6.3), and hyper would send it.
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            reply.headers_mut().remove(header::CONTENT_LENGTH);
        }
        exchange.passed_on(parts.status.as_u16());
        reply.extensions_mut().insert(Forwarded);
        reply.map(|_| Body::new(RelayedBody::new(body, lease, exchange)))
    }

    /// The account's token, if the caller may use it.
    async fn token(&self) -> Result<Credential, Error> {
        if serves_cached(self.http, self.caller, self.account)
            && let Some(credential) = self.http.broker.cached_credential(self.account)
        {
            return Ok(credential);
        }
        let query = TokenQuery { proves_key: true, ..TokenQuery::default() };
        let reply = Box::pin(token_for(self.http, self.caller, self.account, query)).await?;
        let token = AccessToken::taken(reply.access_token);
        let key = self.http.broker.dpop_key(self.account, &token);
        Ok(Credential { token, key })
    }

    /// A newer token than the one that was rejected: somebody else's refresh has brought it, or one that is made now, for
    /// all callers together.
    async fn newer(&self, old: &Credential) -> Result<Option<Credential>, Error> {
        let is_old = |token: &Credential| token.token.matches(old.token.expose());
        let present = self.token().await?;
        if !is_old(&present) {
            return Ok(Some(present));
        }
        let work = self.http.waiting.at(self.caller).during(self.http.broker.rejected(self.account));
        match audited(self.http, self.caller, AuditEvent::Refresh, Some(self.account), work).await {
            // There is no refresh token, and the token has not expired: only a login would help.
            Err(Error::NotRefreshable { .. }) => return Ok(None),
            renewed => renewed?,
        };
        let present = self.token().await?;
        Ok((!is_old(&present)).then_some(present))
    }

    fn failed(&self, config: &AccountConfig, failure: UpstreamFailure) -> Error {
        let host = config.proxied.as_ref().map(|proxied| proxied.upstream.host().to_owned());
        Error::Upstream { account: self.account.into(), host: host.unwrap_or_default(), failure }
    }
}
