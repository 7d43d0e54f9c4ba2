//! The router: joins the route table ([`crate::routes`]) with the handlers, behind the gate.

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use tower_http::catch_panic::CatchPanicLayer;

use super::api::{
    accounts, api_urls, apps, consents, events, id_token, logins, metadata, metrics, oauth, openapi, store,
    temporary_apps, token,
};
use super::gate::caller::Caller;
use super::gate::guarded::{self, Guarded, Shortcut, Unrouted};
use super::gate::{ExtraGate, Gate};
use super::pages::{callback, outcome, question, start, static_files};
use super::proxy::forward;
use super::reply;
use super::state::Http;
use super::status_page::{actions, live, page, sessions};
use crate::routes::{Endpoint, METADATA_ROUTES, ROUTES, Route, RouteMethod};

/// Everything, for the listeners of the config.
pub fn router(state: Http, gate: Gate) -> Guarded {
    guarded::guard(build(ROUTES.iter()).with_state(state.clone()), gate).with_shortcut(OfMany(state))
}

/// The browser's stops only, for a callback listener.
pub fn callback_router(state: Http, gate: Gate) -> Guarded {
    let for_browsers = ROUTES.iter().filter(|route| route.is_on_callback_listeners());
    guarded::guard(build(for_browsers).with_state(state), gate.for_callback_listeners())
}

/// What programs in containers and sandboxes may use, or clients of a metadata server, for an additional listener.
pub(crate) fn extra_router(state: Http, gate: Gate, extra: ExtraGate) -> Guarded {
    let for_programs = build(ROUTES.iter().chain(&METADATA_ROUTES).filter(|route| extra.serves(route)));
    let gate = gate.for_extra_listener(extra);
    guarded::guard(for_programs.with_state(state.clone()), gate).with_shortcut(OfMany(state))
}

/// The requests that come in numbers: for a cached token, and those that are forwarded.
struct OfMany(Http);

impl Shortcut for OfMany {
    fn at_once(&self, route: &Route, head: &Parts, caller: &Caller) -> Option<Response> {
        match route.endpoint {
            Endpoint::Token => token::at_once(&self.0, route, head, caller),
            _ => None,
        }
    }

    fn unrouted(&self, route: &Route, request: &mut Request, caller: &Caller) -> Option<Unrouted> {
        match route.endpoint {
            Endpoint::Proxy => forward::unrouted(&self.0, route, request, caller),
            _ => None,
        }
    }
}

fn build(rows: impl Iterator<Item = &'static Route>) -> Router<Http> {
    rows.fold(Router::new(), |router, route| router.route(route.path, handler(route)))
        .fallback(callback::callback)
        .method_not_allowed_fallback(reply::method_not_allowed)
        .layer(CatchPanicLayer::custom(reply::panicked))
}

/// Every row has one, since the compiler asks for all endpoints.
fn handler(route: &Route) -> MethodRouter<Http> {
    let method = match route.method {
        // The one endpoint that takes every method.
        RouteMethod::Any => return any(forward::forward),
        RouteMethod::Get => MethodFilter::GET,
        RouteMethod::Post => MethodFilter::POST,
        RouteMethod::Delete => MethodFilter::DELETE,
    };
    match route.endpoint {
        Endpoint::Token => on(method, token::token),
        Endpoint::GceRoot => on(method, metadata::gce_root),
        Endpoint::GceServiceAccount => on(method, metadata::gce_service_account),
        Endpoint::GceToken => on(method, metadata::gce_token),
        Endpoint::ManagedIdentityToken => on(method, metadata::managed_identity_token),
        Endpoint::OAuthToken => on(method, oauth::token),
        Endpoint::OAuthMetadata => on(method, oauth::metadata),
        Endpoint::Accounts => on(method, accounts::accounts),
        Endpoint::ApiUrls => on(method, api_urls::api_urls),
        Endpoint::IdToken => on(method, id_token::id_token),
        Endpoint::Account => on(method, accounts::account),
        Endpoint::AccountInfo => on(method, accounts::info),
        Endpoint::Import => on(method, accounts::import),
        Endpoint::Logout => on(method, accounts::logout),
        Endpoint::StartLogin => on(method, logins::start_login),
        Endpoint::Refresh => on(method, accounts::refresh),
        Endpoint::Rejected => on(method, accounts::rejected),
        Endpoint::Login => on(method, logins::login),
        Endpoint::PasteLogin => on(method, logins::paste),
        Endpoint::AnswerLogin => on(method, logins::answer),
        Endpoint::Proxy => any(forward::forward),
        Endpoint::AcceptProvider => on(method, store::accept),
        Endpoint::Events => on(method, events::stream),
        Endpoint::Metrics => on(method, metrics::metrics),
        Endpoint::Apps => on(method, apps::list),
        Endpoint::AddApp => on(method, apps::add),
        Endpoint::RemoveApp => on(method, apps::remove),
        Endpoint::RotateApp => on(method, apps::rotate),
        Endpoint::TemporaryApp => on(method, temporary_apps::make),
        Endpoint::Lock => on(method, store::lock),
        Endpoint::Unlock => on(method, store::unlock),
        Endpoint::Consents => on(method, consents::list),
        Endpoint::AnswerConsent => on(method, consents::answer),
        Endpoint::ForgetConsent => on(method, consents::forget),
        Endpoint::MintSession => on(method, sessions::mint),
        Endpoint::OpenSession => on(method, sessions::open),
        Endpoint::StatusPage => on(method, page::page),
        Endpoint::StatusPageEvents => on(method, live::events),
        Endpoint::StatusPageConsent => on(method, actions::consent),
        Endpoint::StatusPageLogin => on(method, actions::login),
        Endpoint::StatusPageAnswerLogin => on(method, actions::answer_login),
        Endpoint::StatusPageRefresh => on(method, actions::refresh),
        Endpoint::StatusPageLogout => on(method, actions::logout),
        Endpoint::StatusPageRemoveApp => on(method, actions::remove_app),
        Endpoint::StatusPageEnd => on(method, sessions::end),
        Endpoint::Healthz => on(method, accounts::healthz),
        Endpoint::OpenApi => on(method, openapi::document),
        Endpoint::Style => on(method, static_files::style),
        Endpoint::FragmentScript => on(method, static_files::script),
        Endpoint::StatusPageScript => on(method, static_files::status_script),
        Endpoint::LoginStart => on(method, start::start),
        Endpoint::LoginOutcome => on(method, outcome::outcome),
        Endpoint::LoginQuestion => on(method, question::answer),
        Endpoint::Favicon => on(method, static_files::no_icon),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::tests::fresh;
    use crate::audit::AuditLog;
    use crate::clock::Clock;
    use crate::error::Error;
    use crate::http::listen::bind::bind_tcp;
    use crate::http::listen::{ConnectionLimits, Server};
    use crate::http::session::Sessions;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[test]
    fn the_table_makes_a_router_without_conflicts() {
        let _ = build(ROUTES.iter());
    }

    async fn panics() {
        panic!("canary")
    }

    async fn fails() -> reply::Reject {
        let account = "work".into();
        reply::Reject(Error::LoginRequired { account, why: "nobody has logged in".into() })
    }

    /// Over a real socket: what hyper sends has to have the right length.
    async fn ask(path: &str) -> String {
        let inner = Router::new().route("/panics", get(panics)).route("/fails", get(fails));
        let inner = inner.layer(CatchPanicLayer::custom(reply::panicked));
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_address().unwrap();
        let _open = Server::new(ConnectionLimits::default()).spawn(
            listener,
            guarded::guard(inner, Gate::new(fresh().0, AuditLog::default(), Sessions::default(), Clock::System)),
        );
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply.replace(&address.to_string(), "HOST")
    }

    #[tokio::test]
    async fn an_error_arrives_whole() {
        let reply = ask("/fails").await;
        assert!(reply.starts_with("HTTP/1.1 428 "), "{reply}");
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(body.ends_with(r#""login_url":"http://HOST/v1/accounts/work/login"}"#), "{body}");
        assert_eq!(head.matches("content-length").count(), 1, "{head}");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let reply = ask("/panics").await;
        assert!(reply.starts_with("HTTP/1.1 500 ") && reply.contains(r#""error":"internal""#), "{reply}");
        assert!(!reply.contains("canary"), "{reply}");
    }
}
