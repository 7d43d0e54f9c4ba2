//! `POST /v1/temporary-apps`: a key for a program that somebody else started, for as long as the connection of the request
//! is open. Whoever holds the connection may be killed by any signal: the kernel closes it, and the key is gone.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use zeroize::Zeroize as _;

use crate::apps::{Rights, TemporaryApp};
use crate::broker::events::Subscription;
use crate::contract::{AuditEvent, TemporaryAppMade, TemporaryAppRequest, VERSION};
use crate::error::{Error, Obstacle};
use crate::http::app_changes::{own_names, rules, told, view};
use crate::http::audited;
use crate::http::body::JsonBody;
use crate::http::gate::caller::Caller;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::wiped;
use crate::secret::AppKey;

/// The interval of newlines, by which a client is noticed that has gone in an unusual way.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The app, and who has the connection.
struct Held {
    /// The reply, until it is sent.
    first: Option<Bytes>,
    app: TemporaryApp,
    /// Tells when the daemon stops.
    daemon: Subscription,
    /// To write down its end.
    caller: Caller,
    http: Http,
}

pub(in crate::http) async fn make(
    caller: Caller,
    State(http): State<Http>,
    JsonBody(request): JsonBody<TemporaryAppRequest>,
) -> Result<Response, Reject> {
    let made = make_app(&http, &caller, request).and_then(|(app, key)| {
        let first = reply(&http, &app, &key)?;
        let daemon = http.broker.listen();
        // From here on its end is written down, also if the caller leaves while its beginning is.
        Ok(Held { first: Some(first), app, daemon, caller: caller.clone(), http: http.clone() })
    });
    let reason = made.as_ref().ok().map(|held| described(&held.app));
    audited::note(&http, &caller, AuditEvent::AppAdded, None, made.as_ref().err(), |line| {
        line.reason = line.reason.take().or(reason);
    })
    .await;
    let held = made?;
    tracing::info!(app = held.app.app().name, "a temporary app was added");
    let body = stream::unfold(held, |mut held| async move { Some((Ok::<_, Infallible>(held.next().await?), held)) });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn make_app(
    http: &Http,
    caller: &Caller,
    request: Option<TemporaryAppRequest>,
) -> Result<(TemporaryApp, AppKey), Error> {
    let Some(request) = request.filter(|request| !request.accounts.is_empty()) else {
        return Err(Error::Usage { what: "the body has to be `{\"accounts\": [...]}`".into() });
    };
    if http.own_origin.is_none() {
        return Err(Error::Obstacle(Obstacle::NoPort { what: "a temporary key" }));
    }
    let rights = Rights {
        accounts: Some(own_names(http, request.accounts)?),
        scopes: request.scopes.map(|scopes| scopes.into_iter().collect()),
        write: false,
        proxy: request.proxy.map(rules).transpose()?,
    };
    http.apps.make_temporary(rights, caller.program().map(str::to_owned), http.clock.now().wall).map_err(told)
}

/// In a buffer that is wiped after sending, and does not grow.
fn reply(http: &Http, app: &TemporaryApp, key: &AppKey) -> Result<Bytes, Error> {
    let url = http.own_origin.clone().unwrap_or_default();
    let mut made = TemporaryAppMade { version: VERSION, app: view(app.app()), key: key.expose().to_owned(), url };
    let room = 1024 + serde_json::to_string(&made.app).map(|text| text.len()).unwrap_or_default();
    let written = wiped::text(&made, room);
    made.key.zeroize();
    let mut text = written?;
    text.push(b'\n');
    Ok(Bytes::from_owner(text))
}

fn described(app: &TemporaryApp) -> String {
    let accounts = app.app().rights.accounts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    format!("temporary: {} for {accounts}", app.app().name)
}

impl Held {
    /// The reply, then a newline now and then; `None` once the daemon stops. If the connection ends, this is dropped.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let stopped = async { while self.daemon.next().await.is_some() {} };
        tokio::select! {
            () = stopped => None,
            () = tokio::time::sleep(KEEP_ALIVE) => Some(Bytes::from_static(b"\n")),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        tracing::info!(app = self.app.app().name, "a temporary app has ended");
        let noted = audited::try_note(&self.http, &self.caller, AuditEvent::AppRemoved, None, |line| {
            line.reason = Some(described(&self.app));
        });
        // Full only while the disk is stuck: the app ends all the same, and waits for nothing.
        if !noted {
            tracing::warn!(app = self.app.app().name, "the audit log has no line about the end of a temporary app");
        }
    }
}
