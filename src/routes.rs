//! The route table: method, path, access and accounts of every route, as data. The router joins it with the handlers
//! (`http::router`), the gate decides by it, and the config takes the paths that a redirect URI can't have from it. A
//! route that is not in the table does not exist, and none can be without a rule for who may use it.

pub(crate) mod ambiguous;
mod metadata;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use matchit::Router;

pub(crate) use row::Endpoint;
pub use row::{Access, Route, RouteMethod, RouteScope};
use row::{any, delete, get, numbered, post};

/// Every route there is. The callback is not among them: its path is the redirect URI's, so it is
/// looked up when no row fits.
pub static ROUTES: [Route; 56] = numbered(
    0,
    [
        get("/token", Access::Read, RouteScope::Named, Endpoint::Token),
        post("/oauth2/token", Access::Client, RouteScope::Only, Endpoint::OAuthToken),
        post("/oauth2/{name}/token", Access::Client, RouteScope::Named, Endpoint::OAuthToken),
        // Phone.com's own, so that its clients need another host only.
        post("/v4/oauth/access-token", Access::Client, RouteScope::Only, Endpoint::OAuthToken),
        post("/oauth/access-token", Access::Client, RouteScope::Only, Endpoint::OAuthToken),
        // The only well-known path: by any other, clients of an API behind a port of ours would take us for its server.
        get(OAUTH_METADATA, Access::Public, RouteScope::Nothing, Endpoint::OAuthMetadata),
        get("/v1/accounts", Access::Read, RouteScope::Shown, Endpoint::Accounts),
        get("/v1/api-urls", Access::Read, RouteScope::Shown, Endpoint::ApiUrls),
        get("/v1/accounts/{name}", Access::Read, RouteScope::Named, Endpoint::Account),
        get("/v1/accounts/{name}/info", Access::Read, RouteScope::Named, Endpoint::AccountInfo),
        post("/v1/accounts/{name}/import", Access::Socket, RouteScope::Named, Endpoint::Import),
        get("/v1/accounts/{name}/token", Access::Read, RouteScope::Named, Endpoint::Token),
        get("/v1/accounts/{name}/id-token", Access::Read, RouteScope::Named, Endpoint::IdToken),
        delete("/v1/accounts/{name}/token", Access::Write, RouteScope::Named, Endpoint::Logout),
        post("/v1/accounts/{name}/login", Access::Write, RouteScope::Named, Endpoint::StartLogin),
        post("/v1/accounts/{name}/refresh", Access::Write, RouteScope::Named, Endpoint::Refresh),
        // Open to readers: it causes what a request for more validity causes too, and less often.
        post("/v1/accounts/{name}/rejected", Access::Read, RouteScope::Named, Endpoint::Rejected),
        get("/v1/logins/{id}", Access::Read, RouteScope::Login, Endpoint::Login),
        post("/v1/logins/{id}/paste", Access::Write, RouteScope::Login, Endpoint::PasteLogin),
        post("/v1/logins/{id}/answer", Access::Write, RouteScope::Login, Endpoint::AnswerLogin),
        post("/v1/providers/{name}/accept", Access::Write, RouteScope::Every, Endpoint::AcceptProvider),
        // The base URL of an account's upstream, and everything below it.
        any("/proxy/{name}", Access::Proxy, RouteScope::Named, Endpoint::Proxy),
        any("/proxy/{name}/", Access::Proxy, RouteScope::Named, Endpoint::Proxy),
        any("/proxy/{name}/{*rest}", Access::Proxy, RouteScope::Named, Endpoint::Proxy),
        get("/v1/events", Access::Read, RouteScope::Shown, Endpoint::Events),
        get(METRICS, Access::Read, RouteScope::Shown, Endpoint::Metrics),
        get("/v1/apps", Access::Owner, RouteScope::Every, Endpoint::Apps),
        post("/v1/apps", Access::Owner, RouteScope::Every, Endpoint::AddApp),
        delete("/v1/apps/{name}", Access::Owner, RouteScope::Every, Endpoint::RemoveApp),
        post("/v1/apps/{name}/rotate", Access::Owner, RouteScope::Every, Endpoint::RotateApp),
        // Not below `/v1/apps/`, where every word may be an app's name.
        post("/v1/temporary-apps", Access::Owner, RouteScope::Every, Endpoint::TemporaryApp),
        post("/v1/lock", Access::Write, RouteScope::Every, Endpoint::Lock),
        post("/v1/unlock", Access::Socket, RouteScope::Every, Endpoint::Unlock),
        get("/v1/consents", Access::Owner, RouteScope::Every, Endpoint::Consents),
        post("/v1/consents/{id}", Access::Owner, RouteScope::Every, Endpoint::AnswerConsent),
        delete("/v1/consents/{id}", Access::Owner, RouteScope::Every, Endpoint::ForgetConsent),
        post("/v1/sessions", Access::Owner, RouteScope::Every, Endpoint::MintSession),
        get("/open/{ticket}", Access::Browser, RouteScope::Nothing, Endpoint::OpenSession),
        get(STATUS_PAGE, Access::Session, RouteScope::Every, Endpoint::StatusPage),
        get("/do/events", Access::Session, RouteScope::Every, Endpoint::StatusPageEvents),
        post("/do/consent", Access::Session, RouteScope::Every, Endpoint::StatusPageConsent),
        post("/do/login", Access::Session, RouteScope::Every, Endpoint::StatusPageLogin),
        post("/do/login-answer", Access::Session, RouteScope::Every, Endpoint::StatusPageAnswerLogin),
        post("/do/refresh", Access::Session, RouteScope::Every, Endpoint::StatusPageRefresh),
        post("/do/logout", Access::Session, RouteScope::Every, Endpoint::StatusPageLogout),
        post("/do/app-remove", Access::Session, RouteScope::Every, Endpoint::StatusPageRemoveApp),
        post("/do/end", Access::Session, RouteScope::Every, Endpoint::StatusPageEnd),
        get("/healthz", Access::Public, RouteScope::Nothing, Endpoint::Healthz),
        // Without a key: it says the same to everybody, and nothing of this machine.
        get(OPENAPI, Access::Public, RouteScope::Nothing, Endpoint::OpenApi),
        get("/static/style.css", Access::Public, RouteScope::Nothing, Endpoint::Style),
        get("/static/fragment.js", Access::Public, RouteScope::Nothing, Endpoint::FragmentScript),
        get("/static/status.js", Access::Public, RouteScope::Nothing, Endpoint::StatusPageScript),
        get("/login/start/{ticket}", Access::Browser, RouteScope::Nothing, Endpoint::LoginStart),
        get("/login/outcome/{id}", Access::Browser, RouteScope::Nothing, Endpoint::LoginOutcome),
        post("/login/outcome/{id}", Access::Form, RouteScope::Nothing, Endpoint::LoginQuestion),
        // Browsers ask for it by themselves; a row keeps it from being taken for a callback.
        get("/favicon.ico", Access::Public, RouteScope::Nothing, Endpoint::Favicon),
    ],
);

/// The routes of the listeners that speak as a cloud's metadata server.
pub(crate) static METADATA_ROUTES: [Route; 4] = numbered(ROUTES.len(), metadata::ROWS);

const STATUS_PAGE: &str = "/";
/// Where Prometheus looks by default.
const METRICS: &str = "/metrics";
const OPENAPI: &str = "/openapi.json";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server/oauth2";
/// Kept free on the daemon's own listeners, with everything below, for routes to come.
const RESERVED_FOLDERS: [&str; 5] = ["/v1/", "/login/", "/static/", "/open/", "/do/"];
/// Routes that are on the daemon's own listeners alone, and whose paths a redirect URI with a port of its own may have.
const OWN_LISTENERS_ONLY: [&str; 3] = [STATUS_PAGE, METRICS, OPENAPI];

/// The rows by template.
static TEMPLATES: LazyLock<Router<Vec<&'static Route>>> = LazyLock::new(|| {
    let mut rows = BTreeMap::<_, Vec<_>>::new();
    for route in ROUTES.iter().chain(&METADATA_ROUTES) {
        rows.entry(route.path).or_default().push(route);
    }
    let mut templates = Router::new();
    for (template, rows) in rows {
        // A test asks for each row. One that was left out would be answered like a path without a route.
        _ = templates.insert(template, rows);
    }
    templates
});

/// The rows whose template fits `path` (raw): one for each method. By the library that axum matches with, too, but a
/// name is never empty.
fn on_path(path: &str) -> &'static [&'static Route] {
    let found = TEMPLATES.at(path).ok().filter(|found| found.params.iter().all(|(_, name)| !name.is_empty()));
    found.map_or(&[], |found| found.value)
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

/// Looks up `path` among the routes that `served` admits. The path of a route that is not served is free.
pub fn look_up(method: &str, path: &str, served: impl Fn(&Route) -> bool) -> RouteMatch {
    let on_path = || on_path(path).iter().filter(|route| served(route));
    if let Some(route) = on_path().find(|route| route.method == RouteMethod::Any || route.method.as_str() == method) {
        return RouteMatch::Row(route);
    }
    let has = |method| on_path().any(|route| route.method == method);
    match (has(RouteMethod::Get), has(RouteMethod::Delete), has(RouteMethod::Post)) {
        (true, true, _) => RouteMatch::OtherMethods("GET, DELETE"),
        (true, _, true) => RouteMatch::OtherMethods("GET, POST"),
        (true, ..) => RouteMatch::OtherMethods("GET"),
        (_, true, true) => RouteMatch::OtherMethods("POST, DELETE"),
        (_, true, _) => RouteMatch::OtherMethods("DELETE"),
        (.., true) => RouteMatch::OtherMethods("POST"),
        _ => RouteMatch::Nothing,
    }
}

/// Whether the browser comes to this redirect URI over TLS.
pub(crate) fn has_tls(redirect_uri: &str) -> bool {
    redirect_uri.starts_with("https:")
}

/// Whether a redirect URI can't have this path, because the daemon serves something else there. `on_own_listener`:
/// whether it has the port of one of the daemon's own listeners. A callback listener may have the paths of
/// [`OWN_LISTENERS_ONLY`], and what is kept for routes to come.
pub(crate) fn is_reserved(path: &str, on_own_listener: bool) -> bool {
    let mut served = on_path(path).iter().filter(|route| !route.access.is_of_metadata());
    if on_own_listener {
        return served.next().is_some() || RESERVED_FOLDERS.iter().any(|at| path.starts_with(at));
    }
    served.any(|route| !OWN_LISTENERS_ONLY.contains(&route.path))
}
