//! What concerns the whole daemon: locking the store, and accepting changed metadata of a provider.

use axum::Json;
use axum::extract::State;

use crate::contract::{AcceptReply, AuditEvent, LockReply, UnlockRequest};
use crate::error::Error;
use crate::http::audited::audited;
use crate::http::body::JsonBody;
use crate::http::gate::caller::Caller;
use crate::http::query::Segment;
use crate::http::reply::ApiReply;
use crate::http::state::Http;

/// Locks even if no place is left to wait in.
pub(in crate::http) async fn lock(caller: Caller, State(http): State<Http>) -> ApiReply<LockReply> {
    let broker = http.broker.clone();
    let locking = tokio::spawn(async move { broker.lock().await });
    let ended = async { locking.await.unwrap_or_else(|_| Err(Error::Internal { what: "locking crashed".into() })) };
    let work = http.waiting.at(&caller).during(ended);
    Ok(Json(audited(&http, &caller, AuditEvent::Lock, None, work).await?))
}

pub(in crate::http) async fn unlock(
    caller: Caller,
    State(http): State<Http>,
    JsonBody(request): JsonBody<UnlockRequest>,
) -> ApiReply<LockReply> {
    let work = http.waiting.at(&caller).during(http.broker.unlock(request.unwrap_or_default()));
    Ok(Json(audited(&http, &caller, AuditEvent::Unlock, None, work).await?))
}

pub(in crate::http) async fn accept(
    caller: Caller,
    State(http): State<Http>,
    Segment(name): Segment,
) -> ApiReply<AcceptReply> {
    let work = http.waiting.at(&caller).during(http.broker.accept_provider(&name));
    Ok(Json(audited(&http, &caller, AuditEvent::Accept, None, work).await?))
}
