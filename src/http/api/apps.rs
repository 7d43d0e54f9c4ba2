//! Apps and their keys, for the owner: `docs/api.md`, "Apps".

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use zeroize::Zeroize as _;

use crate::apps::{App, DEFAULT_APP, NewApp, Rights};
use crate::contract::{AppMade, AppRequest, AppsReply, AuditEvent, VERSION};
use crate::error::Error;
use crate::http::app_changes::{on_disk, own_names, process, remove_with_answers, rules, view};
use crate::http::audited::audited;
use crate::http::body::JsonBody;
use crate::http::gate::caller::Caller;
use crate::http::query::Segment;
use crate::http::reply::{ApiReply, Reject};
use crate::http::state::Http;
use crate::http::wiped;
use crate::secret::AppKey;

/// `GET /v1/apps`.
pub(in crate::http) async fn list(_: Caller, State(http): State<Http>) -> Json<AppsReply> {
    let apps = http.apps.list().iter().map(|app| view(app)).collect();
    Json(AppsReply { version: VERSION, apps, wrong_keys: http.apps.wrong_keys() })
}

/// `POST /v1/apps`.
pub(in crate::http) async fn add(
    caller: Caller,
    State(http): State<Http>,
    JsonBody(request): JsonBody<AppRequest>,
) -> Result<Response, Reject> {
    let Some(request) = request else {
        return Err(Reject(Error::Usage { what: "the body has to be `{\"name\": ...}`".into() }));
    };
    let now = http.clock.now().wall;
    let new = NewApp {
        rights: Rights {
            accounts: request.accounts.map(|names| own_names(&http, names)).transpose()?,
            scopes: request.scopes.map(|scopes| scopes.into_iter().collect()),
            write: request.write,
            proxy: request.proxy.map(rules).transpose()?,
        },
        expires_at: request.expires_in.map(|seconds| now.unix_seconds().saturating_add_unsigned(seconds)),
        process: process(request.while_pid)?,
        name: request.name,
    };
    let apps = http.apps.clone();
    let (app, key) = audited(&http, &caller, AuditEvent::AppAdded, None, on_disk(move || apps.add(new, now))).await?;
    tracing::info!(app = app.name, "an app was added");
    made(&http, &app, &key)
}

/// `DELETE /v1/apps/{name}`.
pub(in crate::http) async fn remove(
    caller: Caller,
    State(http): State<Http>,
    Segment(name): Segment,
) -> ApiReply<AppsReply> {
    let apps = http.apps.clone();
    audited(&http, &caller, AuditEvent::AppRemoved, None, remove_with_answers(&http, apps, name)).await?;
    tracing::info!("an app was removed");
    let apps = http.apps.list().iter().map(|app| view(app)).collect();
    Ok(Json(AppsReply { version: VERSION, apps, wrong_keys: http.apps.wrong_keys() }))
}

/// `POST /v1/apps/{name}/rotate`.
pub(in crate::http) async fn rotate(
    caller: Caller,
    State(http): State<Http>,
    Segment(name): Segment,
) -> Result<Response, Reject> {
    let (apps, now) = (http.apps.clone(), http.clock.now().wall);
    let work = on_disk(move || apps.rotate(&name, now));
    let (app, key) = audited(&http, &caller, AuditEvent::AppRotated, None, work).await?;
    tracing::info!(app = app.name, "an app has another key");
    made(&http, &app, &key)
}

/// The default app's key is where programs look for it; every other is shown this once.
fn made(http: &Http, app: &App, key: &AppKey) -> Result<Response, Reject> {
    let default = app.name == DEFAULT_APP;
    let mut reply = AppMade {
        version: VERSION,
        app: view(app),
        key: (!default).then(|| key.expose().to_owned()),
        key_file: http.apps.key_file().filter(|_| default).map(|path| path.to_string_lossy().into_owned()),
    };
    let sent = wiped::json(&reply, 512);
    reply.key.zeroize();
    sent
}
