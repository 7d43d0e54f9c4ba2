//! What a row of the route table says: the method, the path, who may, which accounts it is about, and what it does.

/// The methods that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteMethod {
    /// Reads.
    Get,
    /// Changes something, or takes something in the body.
    Post,
    /// Removes.
    Delete,
    /// Every method: what it does is another server's to say.
    Any,
}

impl RouteMethod {
    /// As it stands in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Any => "ANY",
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
    /// As [`Access::Read`], for a request that is forwarded to an account's upstream: the key may also be in a line of its
    /// own, and what the request says beyond its head is not for us.
    Proxy,
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
    /// A process of our own user over TCP that says whom it takes us for, as clients of Google's metadata server do. On no
    /// listener but those of that shape.
    Gce,
    /// The app of the listener, with its key as clients of Azure's managed identities show it. On no listener but those of
    /// that shape.
    ManagedIdentity,
    /// A page of ours that posts what it read of its own address. No row has it: it is the callback's.
    OwnPage,
}

impl Access {
    /// Whether only a program gets in that proves whose it is.
    pub fn needs_proof(self) -> bool {
        matches!(self, Self::Read | Self::Client | Self::Proxy | Self::Write | Self::Socket | Self::Owner)
            || self.is_of_metadata()
    }

    /// Whether it is that of a metadata server's shape.
    pub fn is_of_metadata(self) -> bool {
        matches!(self, Self::Gce | Self::ManagedIdentity)
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
    /// The one that the listener is for: its handler takes a `NamedAccount`.
    OfListener,
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
    GceRoot,
    GceServiceAccount,
    GceToken,
    ManagedIdentityToken,
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
    Proxy,
    Events,
    Metrics,
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
    OpenApi,
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
    /// The only method, if it is not [`RouteMethod::Any`]; another on the same path is another row.
    pub method: RouteMethod,
    /// axum's template: `{name}` stands for one segment.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// Which accounts it is about.
    pub reach: RouteScope,
    /// What it does.
    pub(crate) endpoint: Endpoint,
    /// Its place among all routes, for what is counted by route.
    pub(crate) place: usize,
}

/// The same rows, each with its place, counted from `first`.
#[expect(clippy::indexing_slicing, reason = "at compile time, where it can't fail unnoticed")]
pub(super) const fn numbered<const N: usize>(first: usize, mut rows: [Route; N]) -> [Route; N] {
    let mut place = 0;
    while place < N {
        rows[place].place = first + place;
        place += 1;
    }
    rows
}

pub(super) const fn get(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Get, path, access, reach, endpoint, place: 0 }
}

pub(super) const fn post(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Post, path, access, reach, endpoint, place: 0 }
}

pub(super) const fn delete(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Delete, path, access, reach, endpoint, place: 0 }
}

pub(super) const fn any(path: &'static str, access: Access, reach: RouteScope, endpoint: Endpoint) -> Route {
    Route { method: RouteMethod::Any, path, access, reach, endpoint, place: 0 }
}

impl Route {
    /// Whether it reads only, as far as its caller is concerned: its successes are many and say little.
    pub(crate) fn reads_only(&self) -> bool {
        self.method == RouteMethod::Get || matches!(self.access, Access::Client | Access::Proxy)
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
            && !matches!(
                self.endpoint,
                Endpoint::Healthz | Endpoint::OAuthMetadata | Endpoint::OpenApi | Endpoint::OpenSession
            )
    }

    /// Whether it is served by an additional listener (`[[listen.extra]]`): what an app's key may do for its own
    /// accounts. No page, no stop of a browser, nothing that concerns everybody's accounts, and nothing without a proof.
    pub fn is_on_extra_listeners(&self) -> bool {
        let is_for_apps = matches!(self.access, Access::Read | Access::Client | Access::Proxy | Access::Write);
        is_for_apps && self.reach != RouteScope::Every
    }

    /// Whether a callback listener with TLS serves it without TLS, too: the page that explains the certificate, and what
    /// that needs.
    pub(crate) fn is_before_tls(&self) -> bool {
        matches!(self.endpoint, Endpoint::LoginStart | Endpoint::Style | Endpoint::Favicon)
    }
}
