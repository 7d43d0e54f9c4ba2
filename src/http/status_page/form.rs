//! A form of the status page, and what came of it.

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use zeroize::Zeroizing;

use crate::contract::AuditEvent;
use crate::error::Error;
use crate::http::gate::caller::Session;
use crate::http::reply::Reject;
use crate::http::session::Told;
use crate::http::state::Http;
use crate::http::{audited, form};

/// Forms of ours have a few short fields.
const LONGEST_FORM: usize = 4096;

/// A form of a session, with its token looked at: no action can do without. Fields that the form does not
/// have are empty.
pub(in crate::http) struct SessionForm {
    pub(super) http: Http,
    pub(super) session: Session,
    fields: Zeroizing<Vec<(String, String)>>,
}

impl FromRequest<Http> for SessionForm {
    type Rejection = Response;

    async fn from_request(request: Request, http: &Http) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, http).await.map_err(IntoResponse::into_response)?;
        let fields = form::own_form(Request::from_parts(parts, body), LONGEST_FORM).await?;
        let form = Self { http: http.clone(), session, fields };
        if http.sessions.acts(form.session.number, form.field("form_token"), http.clock.now()) {
            return Ok(form);
        }
        Err(Reject(Error::Forbidden { why: "this form belongs to another session, or to no session" }).into_response())
    }
}

impl SessionForm {
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(super) fn form_token(&self) -> &str {
        self.field("form_token")
    }

    /// Writes down what was done, keeps a sentence about it for the page, and goes there.
    pub(super) async fn done<T>(
        &self,
        event: AuditEvent,
        account: Option<&str>,
        good: &str,
        result: Result<T, Error>,
    ) -> Response {
        let failure = result.err();
        audited::note(&self.http, self.session.caller(), event, account, failure.as_ref(), |_| {}).await;
        self.tell(failure.map_or_else(|| worked(good), |error| failed(&error)))
    }

    /// Keeps it for the page, and goes there.
    pub(super) fn tell(&self, told: Told) -> Response {
        self.http.sessions.tell(self.session.number, told);
        back()
    }

    /// Ends the session that it belongs to.
    pub(super) fn end_session(&self) {
        self.http.sessions.end(self.session.number);
    }
}

pub(super) fn worked(sentence: &str) -> Told {
    Told { good: true, sentence: sentence.to_owned() }
}

pub(super) fn failed(error: &Error) -> Told {
    Told { good: false, sentence: format!("That did not work: {error}. {}", error.hint()) }
}

fn back() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, HeaderValue::from_static("/"))]).into_response()
}

pub(super) fn rendered(page: &impl Template, headers: &[(&'static str, &str)]) -> Response {
    let Ok(text) = page.render() else {
        return Reject(Error::Internal { what: "a page could not be rendered".into() }).into_response();
    };
    let mut reply = Html(text).into_response();
    for (name, value) in headers {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            reply.headers_mut().insert(*name, value);
        }
    }
    reply
}
