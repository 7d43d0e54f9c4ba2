//! Hands the provider's answer to the broker, whether it came in the query or in the fragment.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use url::Url;

use super::question;
use super::redirect::outcome_path;
use crate::broker::login::callback::{CallbackRejected, CallbackRequest};
use crate::http::completion::run_to_completion;
use crate::http::cookies::cookies;
use crate::http::peer::Connection;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::routes::has_tls;

/// In the query of the outcome page: it is not the first answer that led there.
pub(super) const AGAIN: &str = "again";

/// Why an answer has no outcome.
pub(super) enum NoOutcome {
    /// It belongs to no login that waits for it.
    Away(CallbackRejected),
    /// A fault of ours.
    Unfinished(Reject),
}

/// An answer that the broker has taken.
pub(super) struct Handed {
    /// The path of the page that tells the outcome.
    pub(super) outcome: String,
    /// Binds this browser to the question on that page, if there is one.
    cookie: Option<HeaderValue>,
}

impl Handed {
    pub(super) fn with_cookie(&self, mut reply: Response) -> Response {
        if let Some(cookie) = &self.cookie {
            reply.headers_mut().insert(header::SET_COOKIE, cookie.clone());
        }
        reply
    }
}

/// Has the broker take the answer. Needs no place to wait in: a login takes one answer, and only so many logins are
/// pending. An answer to a login that took one before leads to what came of that.
pub(super) async fn hand_in(http: &Http, request: CallbackRequest) -> Result<Handed, NoOutcome> {
    let (broker, is_secure) = (http.broker.clone(), has_tls(&request.arrived_on));
    let pending = Url::parse(&request.arrived_on).is_ok_and(|uri| broker.expects_callback(uri.path()));
    let answered = run_to_completion(async move { broker.callback(request).await }).await;
    match answered.map_err(NoOutcome::Unfinished)? {
        Ok(id) => {
            let cookie = http.broker.page_cookie(&id).await;
            let cookie = cookie.and_then(|cookie| question::set_cookie(&id, &cookie, is_secure));
            Ok(Handed { outcome: outcome_path(&id), cookie })
        }
        Err(CallbackRejected::Over(id)) => {
            Ok(Handed { outcome: format!("{}?{AGAIN}", outcome_path(&id)), cookie: None })
        }
        Err(CallbackRejected::NoState | CallbackRejected::UnknownState) if !pending => {
            Err(NoOutcome::Away(CallbackRejected::NoLoginPending))
        }
        Err(stray) => Err(NoOutcome::Away(stray)),
    }
}

/// The whole URI without its query, as the browser knows it. `None`: the gate has not seen the request.
pub(super) fn arrived_on(request: &Request) -> Option<String> {
    let scheme = request.extensions().get::<Connection>()?.peer.scheme().name();
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    Some(format!("{scheme}://{host}{}", request.uri().path()))
}

/// The cookies of the request, for a login's flow to find its own among them.
pub(super) fn own_cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    cookies(headers).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::form::parameters;
    use crate::http::peer::{BodyLimits, Peer, Scheme};
    use crate::os::ports::PeerUser;
    use axum::body::Body;

    fn request(uri: &str, host: &'static str, scheme: Scheme) -> Request {
        let peer =
            Peer::Tcp { address: "127.0.0.1:50000".parse().unwrap(), port: 7464, user: PeerUser::Unsupported, scheme };
        let body = BodyLimits { size: 0, deadline: std::time::Duration::ZERO };
        let request = Request::get(uri).header(header::HOST, host).extension(Connection::new(peer, None, body));
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn a_callback_is_read_in_order_decoded_once_and_with_its_cookies() {
        let request = request("/callback/p?code=a%2Bb%2525+c&state=s&x&x=1", "localhost:7464", Scheme::Http);
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(arrived_on(&request).as_deref(), Some("http://localhost:7464/callback/p"));
        let read = parameters(request.uri().query().unwrap().as_bytes());
        assert_eq!(*read, pairs(&[("code", "a+b%25 c"), ("state", "s"), ("x", ""), ("x", "1")]));
        let cookies = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static("a=1; b=2=3;nonsense; c="))]);
        assert_eq!(own_cookies(&cookies), pairs(&[("a", "1"), ("b", "2=3"), ("c", "")]));
    }

    #[test]
    fn a_callback_arrives_at_the_uri_that_the_browser_knows() {
        for (host, scheme, arrived) in [
            ("127.0.0.1", Scheme::Http, "http://127.0.0.1/cb"),
            ("localhost:8443", Scheme::Https, "https://localhost:8443/cb"),
            ("localhost", Scheme::Https, "https://localhost/cb"),
        ] {
            assert_eq!(arrived_on(&request("/cb?code=c", host, scheme)).as_deref(), Some(arrived));
        }
    }
}
