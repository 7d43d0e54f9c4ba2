//! Whether the rules of an app allow a request: its head at once, and its body once that is there as a whole. Without rules
//! for tools nobody looks at a body.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::http::Method;
use axum::http::request::Parts;

use super::refused::{self, Speaks};
use super::replay::{self, KeptBody, NotKept, ReplayBudget, SentBody};
use crate::error::Error;
use crate::http::body;
use crate::http::peer::BodyLimits;
use crate::provider::upstream::RequestBody;
use crate::reverse_proxy::headers as lines;
use crate::reverse_proxy::rules::ProxyRules;
use crate::reverse_proxy::tools::{self, Refused};

/// The largest body that is read to find out how its sender wants to be told what is wrong, in bytes.
const LARGEST_READ: usize = 64 * 1024;

/// The body of a request, none of which was sent.
pub(super) enum Unsent {
    /// Not read yet.
    Client(Body),
    /// Kept as a whole.
    Kept(Arc<SentBody>),
}

/// Whether the head is allowed, as every server reads it. `path`: raw, below the account's base URL.
pub(super) fn head(rules: &ProxyRules, head: &Parts, path: &str) -> Result<(), Error> {
    let beyond = |why: String| Error::Beyond { why };
    let query = head.uri.query().unwrap_or_default();
    if rules.are_any() && (lines::overrides_method(&head.headers) || overrides_method(query)) {
        return Err(beyond("this app has rules for methods, and the request would override its own".into()));
    }
    rules.refuse(head.method.as_str(), path).map_err(beyond)
}

/// The body, once rules for tools allow what is in it.
pub(super) async fn body(
    rules: Option<&ProxyRules>,
    head: &Parts,
    body: Body,
    budget: &ReplayBudget,
) -> Result<Unsent, (Error, Unsent)> {
    let rules = rules.filter(|rules| !rules.tools.is_empty());
    let Some(rules) = rules.filter(|_| head.method == Method::POST || !body.is_end_stream()) else {
        return Ok(Unsent::Client(body));
    };
    let limits = match body::limits(&head.extensions) {
        Ok(limits) => limits,
        Err(error) => return Err((error, Unsent::Client(body))),
    };
    let kept = replay::keep(body, budget, limits.deadline).await;
    let kept = kept.map_err(|why| (not_kept(why), Unsent::Client(Body::empty())))?;
    match kept.look(|bytes| tools::judge(&rules.tools, &head.headers, bytes)) {
        Ok(()) => Ok(Unsent::Kept(kept)),
        Err(Refused::Beyond(why)) => Err((Error::Beyond { why }, Unsent::Kept(kept))),
        Err(Refused::Unreadable(what)) => Err((Error::Usage { what }, Unsent::Kept(kept))),
    }
}

fn not_kept(why: NotKept) -> Error {
    let usage = |what: &str| Error::Usage { what: what.into() };
    match why {
        NotKept::NoRoom => Error::Busy,
        NotKept::TooLarge => usage(
            "this app has rules for tools, by which a body of more than 1 MiB is not judged; an app without `--tool` may \
             send it",
        ),
        NotKept::TooSlow => usage(body::Unread::TooSlow.what()),
        NotKept::BrokenOff => usage(body::Unread::BrokenOff.what()),
    }
}

/// Whether a query parameter names another method, as some frameworks take it.
fn overrides_method(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| ["_method", "x-http-method-override"].iter().any(|known| name.eq_ignore_ascii_case(known)))
}

impl Unsent {
    /// What goes to the upstream, `None` if that is nothing, and what is known of it.
    pub(super) fn sending(self, budget: &ReplayBudget) -> (Option<RequestBody>, Arc<SentBody>) {
        match self {
            Self::Client(body) if body.is_end_stream() => (None, SentBody::none(budget)),
            Self::Client(body) => {
                let (body, sent) = KeptBody::new(body, budget);
                (Some(RequestBody::streamed(body)), sent)
            }
            Self::Kept(sent) => (sent.copy().map(RequestBody::Whole), sent),
        }
    }

    /// How the sender of a body that is not forwarded wants to be told.
    pub(super) async fn speaks(self, head: &Parts) -> Speaks {
        match self {
            Self::Kept(sent) => sent.look(|bytes| Speaks::of(&head.headers, bytes)),
            Self::Client(body) => read_to_tell(head, body).await,
        }
    }
}

async fn read_to_tell(head: &Parts, sent: Body) -> Speaks {
    if head.method != Method::POST || !refused::may_be_rpc(&head.headers) || sent.is_end_stream() {
        return Speaks::Http;
    }
    let Ok(limits) = body::limits(&head.extensions) else { return Speaks::Http };
    let read = body::whole(sent, BodyLimits { size: LARGEST_READ, ..limits }, LARGEST_READ).await;
    read.map_or(Speaks::Http, |bytes| Speaks::of(&head.headers, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_names_a_method_is_known_however_it_is_written() {
        for (query, overrides) in [
            ("_method=DELETE", true),
            ("a=b&%5fMETHOD=x", true),
            ("X-HTTP-Method-Override=x", true),
            ("method=x", false),
            ("", false),
        ] {
            assert_eq!(overrides_method(query), overrides, "{query}");
        }
    }
}
