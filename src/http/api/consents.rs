//! Consents: questions to the user, and the answers (`docs/api.md`, "Asking the user").

use axum::Json;
use axum::extract::State;

use crate::apps::consent::Consents;
use crate::contract::{AuditEvent, ConsentAsked, ConsentKnown, ConsentRequest, ConsentsReply, VERSION};
use crate::error::{Error, Missing};
use crate::http::app_changes::on_disk;
use crate::http::audited::audited;
use crate::http::body::JsonBody;
use crate::http::consent::give;
use crate::http::gate::caller::Caller;
use crate::http::query::Segment;
use crate::http::reply::{ApiReply, Reject};
use crate::http::state::Http;
use crate::os::notify;

/// `GET /v1/consents`.
pub(in crate::http) async fn list(_: Caller, State(http): State<Http>) -> Json<ConsentsReply> {
    Json(view(&http.consents))
}

/// `POST /v1/consents/{id}`.
pub(in crate::http) async fn answer(
    caller: Caller,
    State(http): State<Http>,
    Segment(id): Segment,
    JsonBody(request): JsonBody<ConsentRequest>,
) -> ApiReply<ConsentsReply> {
    let Some(ConsentRequest { answer }) = request else {
        return Err(Reject(Error::Usage { what: "the body has to be `{\"answer\": ...}`".into() }));
    };
    give(&http, &caller, id, answer).await?;
    Ok(Json(view(&http.consents)))
}

/// `DELETE /v1/consents/{id}`.
pub(in crate::http) async fn forget(
    caller: Caller,
    State(http): State<Http>,
    Segment(id): Segment,
) -> ApiReply<ConsentsReply> {
    let consents = http.consents.clone();
    let work = async {
        let unknown = Error::Missing(Missing::Answer(notify::plain(&id)));
        let known = on_disk(move || consents.forget(&id)).await?;
        if known { Ok(()) } else { Err(unknown) }
    };
    audited(&http, &caller, AuditEvent::Consent, None, work).await?;
    Ok(Json(view(&http.consents)))
}

fn view(consents: &Consents) -> ConsentsReply {
    let pending = consents.pending().into_iter().map(|question| ConsentAsked {
        id: question.id,
        who: question.asker.to_string(),
        account: question.account,
    });
    let remembered = consents.remembered().into_iter().map(|known| ConsentKnown {
        id: known.id,
        who: known.asker.to_string(),
        account: known.account,
        allowed: known.allowed,
    });
    ConsentsReply { version: VERSION, pending: pending.collect(), remembered: remembered.collect() }
}
