//! The router: joins the route table ([`crate::routes`]) with the handlers, behind the gate.

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;

use super::gate::{self, Gate};
use super::{Http, api, apps, consent, events, fragment, pages, question_page, reject, status_page};
use crate::routes::{Endpoint, ROUTES, Route, RouteMethod};

/// Everything, for the listeners of the config.
pub fn router(state: Http, gate: Gate) -> Router {
    gate::guard(build(ROUTES.iter()).with_state(state), gate)
}

/// The browser's stops only, for a callback listener.
pub fn callback_router(state: Http, gate: Gate) -> Router {
    let for_browsers = ROUTES.iter().filter(|route| route.is_on_callback_listeners());
    gate::guard(build(for_browsers).with_state(state), gate.for_callback_listeners())
}

fn build(rows: impl Iterator<Item = &'static Route>) -> Router<Http> {
    rows.fold(Router::new(), |router, route| router.route(route.path, handler(route)))
        .fallback(pages::callback)
        .method_not_allowed_fallback(reject::method_not_allowed)
        .layer(CatchPanicLayer::custom(reject::panicked))
}

/// Every row has one, since the compiler asks for all endpoints.
fn handler(route: &Route) -> MethodRouter<Http> {
    let method = match route.method {
        RouteMethod::Get => MethodFilter::GET,
        RouteMethod::Post => MethodFilter::POST,
        RouteMethod::Delete => MethodFilter::DELETE,
    };
    match route.endpoint {
        Endpoint::Token => on(method, api::token),
        Endpoint::Accounts => on(method, api::accounts),
        Endpoint::Account => on(method, api::account),
        Endpoint::AccountInfo => on(method, api::info),
        Endpoint::Import => on(method, api::import),
        Endpoint::Logout => on(method, api::logout),
        Endpoint::StartLogin => on(method, api::start_login),
        Endpoint::Refresh => on(method, api::refresh),
        Endpoint::Rejected => on(method, api::rejected),
        Endpoint::Login => on(method, api::login),
        Endpoint::PasteLogin => on(method, api::paste),
        Endpoint::AnswerLogin => on(method, api::answer),
        Endpoint::AcceptProvider => on(method, api::accept),
        Endpoint::Events => on(method, events::stream),
        Endpoint::Apps => on(method, apps::list),
        Endpoint::AddApp => on(method, apps::add),
        Endpoint::RemoveApp => on(method, apps::remove),
        Endpoint::RotateApp => on(method, apps::rotate),
        Endpoint::Lock => on(method, api::lock),
        Endpoint::Unlock => on(method, api::unlock),
        Endpoint::Consents => on(method, consent::list),
        Endpoint::AnswerConsent => on(method, consent::answer),
        Endpoint::ForgetConsent => on(method, consent::forget),
        Endpoint::MintSession => on(method, status_page::mint),
        Endpoint::OpenSession => on(method, status_page::open),
        Endpoint::StatusPage => on(method, status_page::page),
        Endpoint::StatusPageConsent => on(method, status_page::consent),
        Endpoint::StatusPageLogin => on(method, status_page::login),
        Endpoint::StatusPageAnswerLogin => on(method, status_page::answer_login),
        Endpoint::StatusPageRefresh => on(method, status_page::refresh),
        Endpoint::StatusPageLogout => on(method, status_page::logout),
        Endpoint::StatusPageRemoveApp => on(method, status_page::remove_app),
        Endpoint::StatusPageEnd => on(method, status_page::end),
        Endpoint::Healthz => on(method, api::healthz),
        Endpoint::Style => on(method, pages::style),
        Endpoint::FragmentScript => on(method, fragment::script),
        Endpoint::LoginStart => on(method, pages::start),
        Endpoint::LoginOutcome => on(method, pages::outcome),
        Endpoint::LoginQuestion => on(method, question_page::answer),
        Endpoint::Favicon => on(method, pages::no_icon),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_makes_a_router_without_conflicts() {
        let _ = build(ROUTES.iter());
    }
}
