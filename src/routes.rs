//! The route table: method, path, access and accounts of every route, as data. The router joins it with the handlers
//! (`http::router`), the gate decides by it, and the config takes the paths that a redirect URI can't have from it. A
//! route that is not in the table does not exist, and none can be without a rule for who may use it.

pub(crate) mod ambiguous;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use matchit::Router;

/// The methods that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMethod {
    /// Reads.
    Get,
    /// Changes something, or takes something in the body.
    Post,
    /// Removes.
    Delete,
}

impl RouteMethod {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine; it tells nothing and changes nothing.
    Public,
    /// A browser that navigates to it. Its secret is in the path, the query or a cookie.
    Browser,
    /// A process of our user on the socket, or an app with its key: to look, as far as its rights go.
    Read,
    /// As [`Access::Read`], for an OAuth client: the key is its client secret (`http/gate/client.rs`), and errors are those
    /// of RFC 6749.
    Client,
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
        matches!(self, Self::Read | Self::Client | Self::Write | Self::Socket | Self::Owner)
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

/// Which accounts a route is about. The gate and the extractors (`http::gate`) hold an app to it that has some accounts
/// only; no handler has to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteScope {
    /// None.
    Nothing,
    /// The one that the path names, or the default: its handler takes a `NamedAccount`.
    Named,
    /// The only one that the caller has: its handler takes a `NamedAccount`.
    Only,
    /// The one of the login that the path names: its handler takes an `OfLogin`.
    Login,
    /// Many, of which the caller is shown its own.
    Shown,
    /// All of them, or what they have in common: for callers alone from which no account is kept.
    Every,
}

/// What a route does. `http::router` has one handler for each, so that a row without a handler does not compile, and
/// one that no row names is dead code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Token,
    OAuthToken,
    OAuthMetadata,
    Accounts,
    ApiUrls,
    IdToken,
    Account,
    AccountInfo,
    Import,
    Logout,
    StartLogin,
    Refresh,
    Rejected,
    Login,
    PasteLogin,
    AnswerLogin,
    AcceptProvider,
    Events,
    Apps,
    AddApp,
    RemoveApp,
    RotateApp,
    TemporaryApp,
    Lock,
    Unlock,
    Consents,
    AnswerConsent,
    ForgetConsent,
    MintSession,
    OpenSession,
    StatusPage,
    StatusPageEvents,
    StatusPageConsent,
    StatusPageLogin,
    StatusPageAnswerLogin,
    StatusPageRefresh,
    StatusPageLogout,
    StatusPageRemoveApp,
    StatusPageEnd,
    Healthz,
    Style,
    FragmentScript,
    StatusPageScript,
    LoginStart,
    LoginOutcome,
    LoginQuestion,
    Favicon,
}

/// One method on one path.
#[derive(Debug)]
pub struct Route {
    /// The only method; another on the same path is another row.
    pub method: RouteMethod,
    /// axum's template: `{name}` stands for one segment.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Which accounts it is about.
    pub reach: RouteScope,
    /// What it does.
    pub(crate) endpoint: Endpoint,
}

const fn get(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Get, path, access, reach, endpoint }
}

const fn post(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Post, path, access, reach, endpoint }
}

const fn delete(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Delete, path, access, reach, endpoint }
}

/// Every route there is. The callback is not among them: its path is the redirect URI's, so it is
/// looked up when no row fits.
pub static ROUTES: [Route; 51] = [
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
    get("/v1/events", Access::Read, RouteScope::Shown, Endpoint::Events),
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
    get("/static/style.css", Access::Public, RouteScope::Nothing, Endpoint::Style),
    get("/static/fragment.js", Access::Public, RouteScope::Nothing, Endpoint::FragmentScript),
    get("/static/status.js", Access::Public, RouteScope::Nothing, Endpoint::StatusPageScript),
    get("/login/start/{ticket}", Access::Browser, RouteScope::Nothing, Endpoint::LoginStart),
    get("/login/outcome/{id}", Access::Browser, RouteScope::Nothing, Endpoint::LoginOutcome),
    post("/login/outcome/{id}", Access::Form, RouteScope::Nothing, Endpoint::LoginQuestion),
    // Browsers ask for it by themselves; a row keeps it from being taken for a callback.
    get("/favicon.ico", Access::Public, RouteScope::Nothing, Endpoint::Favicon),
];

const STATUS_PAGE: &str = "/";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server/oauth2";
/// Kept free on the daemon's own listeners, with everything below, for routes to come.
const RESERVED_FOLDERS: [&str; 5] = ["/v1/", "/login/", "/static/", "/open/", "/do/"];
/// As [`RESERVED_FOLDERS`], without what is below.
const RESERVED: &str = "/metrics";

impl Route {
    /// Whether it reads only, as far as its caller is concerned: its successes are many and say little.
    pub(crate) fn reads_only(&self) -> bool {
        self.method == RouteMethod::Get || self.access == Access::Client
    }

    /// The segment of `path`, which fits this route, at the place of the template's `{name}`: raw, so it may be
    /// percent-encoded. `None`: the template has no name.
    pub(crate) fn name_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut segments = self.path.split('/').zip(path.split('/'));
        segments.find(|(wanted, _)| wanted.starts_with('{')).map(|(_, name)| name)
    }

    /// Whether it is served by a callback listener, which is open for the time of a login where the redirect URI has a
    /// port of its own (RFC 8252 §8.3): the browser's stops on the way, and what their pages need.
    pub fn is_on_callback_listeners(&self) -> bool {
        matches!(self.access, Access::Browser | Access::Form | Access::Public)
            && !["/healthz", OAUTH_METADATA].contains(&self.path)
            && !self.path.starts_with("/open/")
    }

    /// Whether it is served by an additional listener (`[[listen.extra]]`): what an app's key may do for its own
    /// accounts. No page, no stop of a browser, nothing that concerns everybody's accounts, and nothing without a proof.
    pub fn is_on_extra_listeners(&self) -> bool {
        self.access.needs_proof() && !self.access.on_socket_only() && self.reach != RouteScope::Every
    }

    /// Whether a callback listener with TLS serves it without TLS, too: the page that explains the certificate, and what
    /// that needs.
    pub(crate) fn is_before_tls(&self) -> bool {
        matches!(self.endpoint, Endpoint::LoginStart | Endpoint::Style | Endpoint::Favicon)
    }
}

/// The rows by template.
static TEMPLATES: LazyLock<Router<Vec<&'static Route>>> = LazyLock::new(|| {
    let mut rows = BTreeMap::<_, Vec<_>>::new();
    for route in &ROUTES {
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
    if let Some(route) = on_path().find(|route| route.method.as_str() == method) {
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
/// whether it has the port of one of the daemon's own listeners. A callback listener may have the status page's path,
/// and what is kept for routes to come.
pub(crate) fn is_reserved(path: &str, on_own_listener: bool) -> bool {
    let kept = || [STATUS_PAGE, RESERVED].contains(&path) || RESERVED_FOLDERS.iter().any(|at| path.starts_with(at));
    on_path(path).iter().any(|route| route.path != STATUS_PAGE) || (on_own_listener && kept())
}
