//! The one table of routes: the router is built from it and the gate decides by it, so a route that is
//! not in the table does not exist, and none can be without a rule for who may use it.

use axum::http::Method;
use axum::routing::{MethodRouter, delete, get, post};

use super::{Http, api, apps, consent, events, fragment, pages, question_page, status_page};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine; it tells nothing and changes nothing.
    Public,
    /// A browser that navigates to it. Its secret is in the path, the query or a cookie.
    Browser,
    /// A process of our user on the socket, or an app with its key: to look, as far as its rights go.
    Read,
    /// As [`Access::Read`], but it may change something.
    Write,
    /// As [`Access::Write`], but on the socket only: what is handed over there must not pass a port that
    /// anybody can take.
    Socket,
    /// On the socket only, and nothing may be kept from it: who decides about the others.
    Owner,
    /// A browser with a session of the status page, from that page.
    Session,
    /// A form on a page of ours, in the browser that a login came back to: its secrets are a cookie and the form's token.
    Form,
    /// A page of ours that posts what it read of its own address. No row has it: it is the callback's.
    OwnPage,
}

impl Access {
    /// Whether only a program gets in that proves whose it is.
    pub fn needs_proof(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Socket | Self::Owner)
    }

    /// Whether `[listen] other_users` opens it to other users of the machine: what needs a key, and what tells
    /// nothing. A browser's stop has its secret in a URL or a cookie, which other users may get to see.
    pub fn is_open_to_other_users(self) -> bool {
        self.needs_proof() || self == Self::Public
    }

    /// Whether only the unix socket leads there.
    pub fn on_socket_only(self) -> bool {
        matches!(self, Self::Socket | Self::Owner)
    }
}

/// Which accounts a route is about. The gate and the extractors of [`gate::caller`](super::gate) hold an app to it that
/// has some accounts only; no handler has to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteScope {
    /// None.
    Nothing,
    /// The one that the path names, or the default: its handler takes a [`Named`](super::gate::NamedAccount).
    Named,
    /// The one of the login that the path names: its handler takes an [`OfLogin`](super::gate::OfLogin).
    Login,
    /// Many, of which the caller is shown its own.
    Shown,
    /// All of them, or what they have in common: for callers alone from which no account is kept.
    Every,
}

/// One method on one path.
#[derive(Debug)]
pub struct Route {
    /// The only method; another on the same path is another row.
    pub method: Method,
    /// axum's template: `{name}` stands for one segment.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Which accounts it is about.
    pub reach: RouteScope,
    handler: fn() -> MethodRouter<Http>,
}

const fn row(
    method: Method,
    path: &'static str,
    access: Access,
    reach: RouteScope,
    handler: fn() -> MethodRouter<Http>,
) -> Route {
    Route { method, path, access, reach, handler }
}

/// Every route there is. The callback is not among them: its path is the redirect URI's, so it is
/// looked up when no row fits.
pub static ROUTES: [Route; 41] = [
    row(Method::GET, "/token", Access::Read, RouteScope::Named, || get(api::token)),
    row(Method::GET, "/v1/accounts", Access::Read, RouteScope::Shown, || get(api::accounts)),
    row(Method::GET, "/v1/accounts/{name}", Access::Read, RouteScope::Named, || get(api::account)),
    row(Method::GET, "/v1/accounts/{name}/info", Access::Read, RouteScope::Named, || get(api::info)),
    row(Method::POST, "/v1/accounts/{name}/import", Access::Socket, RouteScope::Named, || post(api::import)),
    row(Method::GET, "/v1/accounts/{name}/token", Access::Read, RouteScope::Named, || get(api::token)),
    row(Method::DELETE, "/v1/accounts/{name}/token", Access::Write, RouteScope::Named, || delete(api::logout)),
    row(Method::POST, "/v1/accounts/{name}/login", Access::Write, RouteScope::Named, || post(api::start_login)),
    row(Method::POST, "/v1/accounts/{name}/refresh", Access::Write, RouteScope::Named, || post(api::refresh)),
    // Reported by who reads: it causes what a wish for more validity causes too, and less often.
    row(Method::POST, "/v1/accounts/{name}/rejected", Access::Read, RouteScope::Named, || post(api::rejected)),
    row(Method::GET, "/v1/logins/{id}", Access::Read, RouteScope::Login, || get(api::login)),
    row(Method::POST, "/v1/logins/{id}/paste", Access::Write, RouteScope::Login, || post(api::paste)),
    row(Method::POST, "/v1/logins/{id}/answer", Access::Write, RouteScope::Login, || post(api::answer)),
    row(Method::POST, "/v1/providers/{name}/accept", Access::Write, RouteScope::Every, || post(api::accept)),
    row(Method::GET, "/v1/events", Access::Read, RouteScope::Shown, || get(events::stream)),
    row(Method::GET, "/v1/apps", Access::Owner, RouteScope::Every, || get(apps::list)),
    row(Method::POST, "/v1/apps", Access::Owner, RouteScope::Every, || post(apps::add)),
    row(Method::DELETE, "/v1/apps/{name}", Access::Owner, RouteScope::Every, || delete(apps::remove)),
    row(Method::POST, "/v1/apps/{name}/rotate", Access::Owner, RouteScope::Every, || post(apps::rotate)),
    row(Method::POST, "/v1/lock", Access::Write, RouteScope::Every, || post(api::lock)),
    row(Method::POST, "/v1/unlock", Access::Socket, RouteScope::Every, || post(api::unlock)),
    row(Method::GET, "/v1/consents", Access::Owner, RouteScope::Every, || get(consent::list)),
    row(Method::POST, "/v1/consents/{id}", Access::Owner, RouteScope::Every, || post(consent::answer)),
    row(Method::DELETE, "/v1/consents/{id}", Access::Owner, RouteScope::Every, || delete(consent::forget)),
    row(Method::POST, "/do/consent", Access::Session, RouteScope::Every, || post(status_page::consent)),
    row(Method::POST, "/v1/sessions", Access::Owner, RouteScope::Every, || post(status_page::mint)),
    row(Method::GET, "/open/{ticket}", Access::Browser, RouteScope::Nothing, || get(status_page::open)),
    row(Method::GET, "/", Access::Session, RouteScope::Every, || get(status_page::page)),
    row(Method::POST, "/do/login", Access::Session, RouteScope::Every, || post(status_page::login)),
    row(Method::POST, "/do/login-answer", Access::Session, RouteScope::Every, || post(status_page::answer_login)),
    row(Method::POST, "/do/refresh", Access::Session, RouteScope::Every, || post(status_page::refresh)),
    row(Method::POST, "/do/logout", Access::Session, RouteScope::Every, || post(status_page::logout)),
    row(Method::POST, "/do/app-remove", Access::Session, RouteScope::Every, || post(status_page::remove_app)),
    row(Method::POST, "/do/end", Access::Session, RouteScope::Every, || post(status_page::end)),
    row(Method::GET, "/healthz", Access::Public, RouteScope::Nothing, || get(api::healthz)),
    row(Method::GET, "/static/style.css", Access::Public, RouteScope::Nothing, || get(pages::style)),
    row(Method::GET, "/static/fragment.js", Access::Public, RouteScope::Nothing, || get(fragment::script)),
    row(Method::GET, "/login/start/{ticket}", Access::Browser, RouteScope::Nothing, || get(pages::start)),
    row(Method::GET, "/login/outcome/{id}", Access::Browser, RouteScope::Nothing, || get(pages::outcome)),
    row(Method::POST, "/login/outcome/{id}", Access::Form, RouteScope::Nothing, || post(question_page::answer)),
    // Browsers ask for it by themselves; a row keeps it from being taken for a callback.
    row(Method::GET, "/favicon.ico", Access::Public, RouteScope::Nothing, || get(pages::no_icon)),
];

impl Route {
    /// The handler, for the router.
    pub(super) fn handler(&self) -> MethodRouter<Http> {
        (self.handler)()
    }

    /// Whether it is served where a redirect URI has a port of its own, for the time of a login (RFC 8252 §8.3):
    /// the browser's stops on the way, and what their pages need.
    pub fn at_doors(&self) -> bool {
        matches!(self.access, Access::Browser | Access::Form | Access::Public)
            && self.path != "/healthz"
            && !self.path.starts_with("/open/")
    }

    /// Whether `path` (raw, as axum matches it) is one of this route's.
    fn fits(&self, path: &str) -> bool {
        let (mut template, mut path) = (self.path.split('/'), path.split('/'));
        loop {
            match (template.next(), path.next()) {
                (None, None) => return true,
                (Some(wanted), Some(found)) if wanted == found => {}
                (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
                _ => return false,
            }
        }
    }
}

/// What the table says of a path and a method.
#[derive(Debug, Clone, Copy)]
pub enum RouteMatch {
    /// A row.
    Row(&'static Route),
    /// Rows for other methods only, as an `Allow` line names them.
    OtherMethods(&'static str),
    /// No row: the path of a callback, or of nothing.
    Nothing,
}

/// Looks up `path` (raw, as axum matches it) among all routes.
pub fn look_up(method: &Method, path: &str) -> RouteMatch {
    look_up_among(method, path, |_| true)
}

/// As [`look_up`], among those that `served` says are there. A path of another one is free.
pub fn look_up_among(method: &Method, path: &str, served: impl Fn(&Route) -> bool) -> RouteMatch {
    let on_path = || on_path(path).filter(|route| served(route));
    if let Some(route) = on_path().find(|route| route.method == *method) {
        return RouteMatch::Row(route);
    }
    let has = |method: Method| on_path().any(|route| route.method == method);
    match (has(Method::GET), has(Method::DELETE), has(Method::POST)) {
        (true, true, _) => RouteMatch::OtherMethods("GET, DELETE"),
        (true, _, true) => RouteMatch::OtherMethods("GET, POST"),
        (true, ..) => RouteMatch::OtherMethods("GET"),
        (_, true, true) => RouteMatch::OtherMethods("POST, DELETE"),
        (_, true, _) => RouteMatch::OtherMethods("DELETE"),
        (.., true) => RouteMatch::OtherMethods("POST"),
        _ => RouteMatch::Nothing,
    }
}

/// The rows whose template fits `path`: one for each method.
fn on_path(path: &str) -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(move |route| route.fits(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::{FilePrivacy, ROUTED, parse};

    fn accepts(redirect_uri: &str) -> bool {
        let text = format!(
            "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_file = \"s\"\nredirect_uri = \"{redirect_uri}\""
        );
        parse(&text, Path::new("/c"), FilePrivacy::Private, None).is_ok()
    }

    /// A template with `word` for each of its names.
    fn filled(template: &str, word: &str) -> String {
        let segments = template.split('/').map(|segment| if segment.starts_with('{') { word } else { segment });
        segments.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn the_config_refuses_a_redirect_to_every_route_on_every_port_and_knows_no_others() {
        // The status page is on the daemon's own listeners alone: a door of another port may have its path.
        let everywhere = || ROUTES.iter().filter(|route| route.path != "/");
        let routes: BTreeSet<String> = everywhere().map(|route| filled(route.path, "{}")).collect();
        assert_eq!(routes, ROUTED.into_iter().map(str::to_owned).collect());
        for path in everywhere().map(|route| filled(route.path, "x")) {
            for origin in ["http://127.0.0.1:7464", "http://localhost:9", "http://[::1]"] {
                assert!(!accepts(&format!("{origin}{path}")), "{origin}{path}");
            }
        }
        assert!(accepts("http://localhost:9/callback/x"));
    }
}
