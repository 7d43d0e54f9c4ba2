//! The HTTP doors: translate between programs and browsers outside and the broker inside.
//!
//! # Floors
//! From the outside in; each knows only those below it.
//!
//! | module | job |
//! | --- | --- |
//! | [`listen`] | sockets, peers, deadlines, the cap on connections, the end |
//! | [`gate`] | one layer that every request passes: may it, and what every reply carries |
//! | [`routes`] | the one table that router and gate share |
//! | [`api`], [`pages`] | handlers: for programs, for the browser |
//! | [`reject`] | how an error looks on the wire |
//!
//! None of them decides anything about tokens: that is the broker's.

pub mod api;
pub mod body;
pub mod gate;
pub mod listen;
pub mod pages;
pub mod query;
pub mod reject;
pub mod routes;

#[cfg(test)]
mod docs_test;

use axum::Router;
use tower_http::catch_panic::CatchPanicLayer;

use crate::broker::handle::Broker;
use crate::clock::Clock;

pub use gate::Gate;

/// What the handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    /// Whom they ask.
    pub broker: Broker,
    /// For the spans of time that pages tell.
    pub clock: Clock,
}

/// Everything, for the listeners of the config.
pub fn router(state: Http, gate: Gate) -> Router {
    gate::guard(routes().with_state(state), gate)
}

/// Callback and outcome page only: for a listener that is open for the time of one login because the
/// registered redirect URI has a port of its own (RFC 8252 §8.3).
pub fn callback_router(state: Http, gate: Gate) -> Router {
    let for_browsers = routes::ROUTES
        .iter()
        .filter(|route| matches!(route.path, "/login/outcome/{id}" | "/static/style.css" | "/favicon.ico"));
    gate::guard(build(for_browsers).with_state(state), gate)
}

fn routes() -> Router<Http> {
    build(routes::ROUTES.iter())
}

fn build(rows: impl Iterator<Item = &'static routes::Route>) -> Router<Http> {
    rows.fold(Router::new(), |router, route| router.route(route.path, route.handler()))
        .fallback(pages::callback)
        .method_not_allowed_fallback(reject::method_not_allowed)
        .layer(CatchPanicLayer::custom(reject::panicked))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_makes_a_router_without_conflicts() {
        let _ = super::routes();
    }
}
