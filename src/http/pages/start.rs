//! The start of a login: the authorization request, bound to this browser by a cookie.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::certificate;
use super::redirect::{outcome_path, see_other, unsendable};
use crate::broker::login::callback::{BrowserStart, StartRedirect};
use crate::http::peer::{Connection, Scheme};
use crate::http::query::Segment;
use crate::http::reply::Reject;
use crate::http::state::Http;
use crate::http::{cookies, message_page};

/// `GET /login/start/{ticket}`: binds the login to this browser and sends it to the provider. Where the callback comes over
/// TLS, the first visit is without, to a page that explains the certificate; it goes on from there.
pub(in crate::http) async fn start(
    State(http): State<Http>,
    Extension(connection): Extension<Connection>,
    Segment(ticket): Segment,
    headers: HeaderMap,
) -> Response {
    let scheme = connection.peer.scheme();
    if scheme == Scheme::BeforeTls {
        return certificate::page(&headers, &ticket, connection.fingerprint.as_deref().unwrap_or_default());
    }
    // The request may be pushed to the provider first.
    let Some(_place) = http.waiting.in_browsers().place() else {
        return message_page::busy();
    };
    match http.broker.open_ticket(&ticket).await {
        Ok(StartRedirect::Leaves(start)) => to_provider(&start, scheme).unwrap_or_else(IntoResponse::into_response),
        Ok(StartRedirect::Over(id)) => see_other(&outcome_path(&id)).unwrap_or_else(IntoResponse::into_response),
        Err(stray) => message_page::stray(&stray),
    }
}

/// `expose` is the fourth in the program: what binds the login to the browser has to reach the browser.
fn to_provider(start: &BrowserStart, scheme: Scheme) -> Result<Response, Reject> {
    let pair = (start.cookie_name.as_str(), start.cookie_value.expose());
    let cookie = cookies::of_login(pair, &start.cookie_path, start.max_age, scheme == Scheme::Https);
    let cookie = cookie.ok_or_else(|| unsendable("a cookie"))?;
    let mut reply = see_other(&start.authorize_url)?;
    reply.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Nonce256;
    use std::time::Duration;

    #[test]
    fn the_start_sets_the_flow_cookie_and_redirects_with_303() {
        let start = BrowserStart {
            authorize_url: "https://provider.example/authorize?state=s".into(),
            cookie_name: "ringback-1".into(),
            cookie_value: Nonce256::new("abc"),
            cookie_path: "/callback/phonecom".into(),
            max_age: Duration::from_secs(600),
        };
        let reply = to_provider(&start, Scheme::Http).unwrap();
        assert_eq!(reply.status(), 303);
        assert_eq!(reply.headers()["location"], "https://provider.example/authorize?state=s");
        assert_eq!(
            reply.headers()["set-cookie"],
            "ringback-1=abc; Path=/callback/phonecom; Max-Age=600; HttpOnly; SameSite=Lax"
        );
        let secure = to_provider(&start, Scheme::Https).unwrap();
        assert!(secure.headers()["set-cookie"].to_str().unwrap().ends_with("; HttpOnly; SameSite=Lax; Secure"));
        assert!(
            to_provider(&BrowserStart { authorize_url: "https://x/\r\nX: y".into(), ..start }, Scheme::Http).is_err()
        );
    }
}
