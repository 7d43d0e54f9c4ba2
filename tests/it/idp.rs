//! A scripted provider over real TCP: one thread per connection, raw sockets, so that replies can be
//! malformed. Unscripted requests get the replies of a well-behaved server, and all requests are recorded.

#[path = "idp/request.rs"]
mod request;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::json;
use sha2::Digest as _;
use url::Url;

pub(crate) use request::{Seen, plain, with_header};
use request::{echo, read};

const PATIENCE: Duration = Duration::from_secs(60);

/// The behaviour where nothing is scripted.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Lifetime of access tokens, in seconds; sent as `expires_in`.
    pub(crate) lifetime: u64,
    /// Whether a refresh returns a new refresh token.
    pub(crate) rotates: bool,
    /// How long a rotated refresh token is still accepted, once; `None`: using it revokes the whole grant.
    pub(crate) grace: Option<Duration>,
    /// The status of a success.
    pub(crate) status: u16,
    /// Whether its metadata promises an `iss` in every response (RFC 9207 §3). It never sends one.
    pub(crate) promises_iss: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { lifetime: 3600, rotates: true, grace: None, status: 200, promises_iss: false }
    }
}

/// What the token endpoint does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Replies like a well-behaved server.
    Behave,
    /// Sends these bytes, then closes the connection.
    Raw(Vec<u8>),
    /// Sends these bytes, waits, then closes the connection.
    Stall(Vec<u8>, Duration),
    /// Closes the connection without a reply.
    Close,
    /// Refuses, and echoes the request with its secrets in every text member of the error reply.
    Echo,
    /// Grants, including rotation, but closes the connection without a reply.
    WorkAndClose,
    /// Grants, and sends what this function makes of the reply's body.
    WorkAndSpoil(fn(&str) -> Vec<u8>),
    /// Grants, then holds the reply until [`Idp::release`].
    WorkAndHold,
}

/// What the authorization endpoint does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    /// Sends the browser back at once with a code.
    Consent,
    /// Sends it back with these parameters and the state.
    Answer(&'static str),
}

#[derive(Debug)]
struct Code {
    redirect_uri: String,
    challenge: Option<String>,
}

#[derive(Debug, Default)]
struct Grant {
    current: String,
    /// Earlier refresh tokens, and when each was replaced.
    replaced: Vec<(String, Instant)>,
    ended: bool,
}

#[derive(Default)]
struct State {
    manner: Manner,
    tokens: HashMap<String, VecDeque<Act>>,
    always: HashMap<String, Act>,
    pages: VecDeque<Page>,
    published: HashMap<String, String>,
    seen: Vec<Seen>,
    codes: HashMap<String, Code>,
    grants: Vec<Grant>,
    valid: BTreeSet<String>,
    count: u64,
    reuses: usize,
    in_flight: usize,
    most_in_flight: usize,
    holding: usize,
    released: bool,
    /// No longer answers.
    hangs: bool,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    listener: TcpListener,
}

/// The provider. It runs until the test ends.
#[derive(Clone)]
pub(crate) struct Idp {
    inner: Arc<Inner>,
    pub(crate) port: u16,
}

impl Idp {
    pub(crate) fn start() -> Self {
        Self::with(Manner::default())
    }

    /// Access tokens live for `lifetime` seconds.
    pub(crate) fn living(lifetime: u64) -> Self {
        Self::with(Manner { lifetime, ..Manner::default() })
    }

    pub(crate) fn with(manner: Manner) -> Self {
        Self::behind(listener(), State { manner, ..State::default() })
    }

    /// A provider with its own address, which stays reserved while the test process runs.
    pub(crate) fn at(listener: TcpListener) -> Self {
        Self::behind(listener, State::default())
    }

    /// Forgets everything but these tokens, access and refresh token, as if it had issued them.
    pub(crate) fn has_issued(&self, tokens: &[(String, String)]) {
        let grant = |(_, refresh): &(String, String)| Grant { current: refresh.clone(), ..Grant::default() };
        let grants = tokens.iter().map(grant).collect();
        let valid = tokens.iter().map(|(access, _)| access.clone()).collect();
        *self.lock() = State { grants, valid, ..State::default() };
    }

    fn behind(listener: TcpListener, state: State) -> Self {
        let port = listener.local_addr().unwrap().port();
        let state = Mutex::new(state);
        let inner = Arc::new(Inner { state, changed: Condvar::new(), listener });
        let idp = Self { inner, port };
        idp.accept();
        idp
    }

    /// Serves all connections until [`Self::go_down`].
    fn accept(&self) {
        let serving = self.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = serving.inner.listener.accept() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
    }

    /// Refuses connections from now on.
    pub(crate) fn go_down(&self) {
        rustix::net::shutdown(&self.inner.listener, rustix::net::Shutdown::Both).unwrap();
    }

    /// Ends [`Self::go_down`].
    pub(crate) fn come_back(&self) {
        rustix::net::listen(&self.inner.listener, 128).unwrap();
        assert_eq!(self.inner.listener.local_addr().unwrap().port(), self.port, "another process took the port");
        self.accept();
    }

    /// Accepts requests from now on and answers none.
    pub(crate) fn hang(&self) {
        self.lock().hangs = true;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Scripts the next `POST /token`, after those scripted earlier.
    pub(crate) fn next(&self, act: Act) {
        self.next_at("/token", act);
    }

    pub(crate) fn next_at(&self, path: &str, act: Act) {
        self.lock().tokens.entry(path.into()).or_default().push_back(act);
    }

    /// Sets what `POST path` does whenever nothing else is scripted.
    pub(crate) fn always_at(&self, path: &str, act: Act) {
        self.lock().always.insert(path.into(), act);
    }

    /// Serves this document at `path`.
    pub(crate) fn publish(&self, path: &str, document: &serde_json::Value) {
        self.lock().published.insert(path.into(), document.to_string());
    }

    pub(crate) fn next_page(&self, page: Page) {
        self.lock().pages.push_back(page);
    }

    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.lock().manner.lifetime = seconds;
    }

    /// Sends every held reply.
    pub(crate) fn release(&self) {
        self.lock().released = true;
        self.inner.changed.notify_all();
    }

    /// Waits until a reply is held.
    pub(crate) fn until_holding(&self) {
        self.until("a reply is held", |state| state.holding > 0);
    }

    /// Waits until this many refreshes have arrived.
    pub(crate) fn until_refreshes(&self, count: usize) {
        self.until("refreshes arrive", |state| state.seen.iter().filter(|s| s.is_refresh()).count() >= count);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path() == path).collect()
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.seen().iter().filter(|seen| seen.is_refresh()).count()
    }

    /// How many times a replaced refresh token was used.
    pub(crate) fn reuses(&self) -> usize {
        self.lock().reuses
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.lock().most_in_flight
    }

    /// Whether this access token is still valid.
    pub(crate) fn honours(&self, token: &str) -> bool {
        self.lock().valid.contains(token)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn until(&self, what: &str, reached: impl Fn(&State) -> bool) {
        let (state, waited) =
            self.inner.changed.wait_timeout_while(self.lock(), PATIENCE, |state| !reached(state)).unwrap();
        assert!(!waited.timed_out(), "timed out waiting until {what}; seen: {:?}", state.seen);
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let Some(seen) = read(&mut stream) else { return };
        {
            let mut state = self.lock();
            state.seen.push(seen.clone());
            if seen.method == "POST" {
                state.in_flight += 1;
                state.most_in_flight = state.most_in_flight.max(state.in_flight);
            }
        }
        self.inner.changed.notify_all();
        if self.lock().hangs {
            std::thread::sleep(3 * PATIENCE);
            return;
        }
        if let Some((bytes, pause)) = self.stalls(&seen) {
            let _ = stream.write_all(&bytes);
            std::thread::sleep(pause);
            self.lock().in_flight -= 1;
            return;
        }
        let reply = match (seen.method.as_str(), seen.path()) {
            ("GET", "/authorize") => self.authorize(&seen),
            ("POST", _) => self.token(&seen),
            ("GET", path) => self.published(path).or_else(|| Some(plain(404, "text/plain", "no"))),
            _ => Some(plain(404, "text/plain", "no")),
        };
        if let Some(bytes) = reply {
            let _ = stream.write_all(&bytes);
        }
        let _ = stream.shutdown(Shutdown::Both);
        if seen.method == "POST" {
            self.lock().in_flight -= 1;
        }
    }

    fn stalls(&self, seen: &Seen) -> Option<(Vec<u8>, Duration)> {
        let state = self.lock();
        let scripted = state.tokens.get(seen.path()).and_then(VecDeque::front);
        let always = state.always.get(seen.path()).filter(|_| seen.is_refresh());
        let Some(Act::Stall(bytes, pause)) = scripted.or(always).cloned() else { return None };
        drop(state);
        self.lock().tokens.get_mut(seen.path()).and_then(VecDeque::pop_front);
        Some((bytes, pause))
    }

    fn published(&self, path: &str) -> Option<Vec<u8>> {
        let document = self.lock().published.get(path).cloned();
        let usual = || (path == "/.well-known/openid-configuration").then(|| self.metadata());
        document.or_else(usual).map(|document| plain(200, "application/json", document))
    }

    fn metadata(&self) -> String {
        let [issuer, authorize, token] = ["", "/authorize", "/token"].map(|path| self.url(path));
        json!({
            "issuer": issuer,
            "authorization_endpoint": authorize,
            "token_endpoint": token,
            "authorization_response_iss_parameter_supported": self.lock().manner.promises_iss,
        })
        .to_string()
    }

    fn authorize(&self, seen: &Seen) -> Option<Vec<u8>> {
        let asked = seen.query();
        let mut state = self.lock();
        let page = state.pages.pop_front().unwrap_or(Page::Consent);
        let mut back = Url::parse(asked.get("redirect_uri")?).ok()?;
        if let Page::Answer(parameters) = page {
            back.query_pairs_mut().extend_pairs(url::form_urlencoded::parse(parameters.as_bytes()));
        } else {
            state.count += 1;
            let code = format!("CODE~canary-{}", state.count);
            let redirect_uri = asked.get("redirect_uri")?.clone();
            state.codes.insert(code.clone(), Code { redirect_uri, challenge: asked.get("code_challenge").cloned() });
            back.query_pairs_mut().append_pair("code", &code);
        }
        if let Some(state) = asked.get("state") {
            back.query_pairs_mut().append_pair("state", state);
        }
        Some(format!("HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into())
    }

    fn token(&self, seen: &Seen) -> Option<Vec<u8>> {
        let act = {
            let mut state = self.lock();
            let scripted = state.tokens.get_mut(seen.path()).and_then(VecDeque::pop_front);
            // A permanent script applies to refreshes only, never to a login.
            let always = state.always.get(seen.path()).filter(|_| seen.is_refresh()).cloned();
            scripted.or(always).unwrap_or(Act::Behave)
        };
        match act {
            Act::Behave => Some(self.work(seen)),
            Act::Raw(bytes) => Some(bytes),
            Act::Echo => Some(echo(seen)),
            Act::Close | Act::Stall(..) => None,
            Act::WorkAndClose => {
                self.work(seen);
                None
            }
            Act::WorkAndSpoil(spoil) => {
                let reply = String::from_utf8(self.work(seen)).unwrap();
                Some(spoil(reply.split_once("\r\n\r\n").unwrap().1))
            }
            Act::WorkAndHold => {
                let reply = self.work(seen);
                let mut state = self.lock();
                state.holding += 1;
                self.inner.changed.notify_all();
                let (mut state, _) =
                    self.inner.changed.wait_timeout_while(state, PATIENCE, |state| !state.released).unwrap();
                state.holding -= 1;
                Some(reply)
            }
        }
    }

    fn work(&self, seen: &Seen) -> Vec<u8> {
        let asked = seen.parameters();
        let of = |name: &str| asked.get(name).map_or("", String::as_str);
        let mut state = self.lock();
        match of("grant_type") {
            "authorization_code" => {
                let Some(code) = state.codes.remove(of("code")) else { return refused("no such code") };
                let verified = code.challenge.is_none_or(|wanted| wanted == s256(of("code_verifier")));
                if code.redirect_uri != of("redirect_uri") || !verified {
                    return refused("redirect_uri or verifier");
                }
                state.grants.push(Grant::default());
                let index = state.grants.len() - 1;
                state.issue(index)
            }
            "refresh_token" => state.refresh(of("refresh_token")),
            "password" | "urn:ietf:params:oauth:grant-type:device_code" => {
                state.grants.push(Grant::default());
                let index = state.grants.len() - 1;
                state.issue(index)
            }
            _ => refused("grant_type"),
        }
    }
}

impl State {
    fn refresh(&mut self, token: &str) -> Vec<u8> {
        let grace = self.manner.grace;
        let fits = |grant: &Grant| grant.current == token || grant.replaced.iter().any(|(old, _)| old == token);
        let Some(index) = self.grants.iter().position(fits) else { return refused("no such refresh token") };
        let grant = &mut self.grants[index];
        if let Some((_, at)) = grant.replaced.iter().find(|(old, _)| old == token) {
            self.reuses += 1;
            if grace.is_none_or(|grace| at.elapsed() > grace) {
                // RFC 9700 §4.14.2: revoke the whole token family.
                grant.ended = true;
                self.valid.clear();
            }
        }
        if grant.ended { refused("the grant was ended") } else { self.issue(index) }
    }

    fn issue(&mut self, index: usize) -> Vec<u8> {
        self.count += 1;
        let number = self.count;
        let manner = self.manner.clone();
        let grant = &mut self.grants[index];
        let renewed = manner.rotates || grant.current.is_empty();
        if renewed {
            let old = std::mem::replace(&mut grant.current, format!("RT~canary-{number}"));
            grant.replaced.push((old, Instant::now()));
        }
        let refresh = renewed.then(|| grant.current.clone());
        let access = format!("AT~canary-{number}");
        self.valid.insert(access.clone());
        let mut body = json!({
            "access_token": access,
            "token_type": "bearer",
            "expires_in": manner.lifetime,
            "scope": "one two",
            "shard": "eu-1",
        });
        if let Some(refresh) = refresh {
            body["refresh_token"] = refresh.into();
        }
        plain(manner.status, "application/json", body.to_string())
    }
}

/// Binds a port by number, which stays reserved even while the socket does not listen.
fn listener() -> TcpListener {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Another process may have taken the port.
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    }
}

fn s256(verifier: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier.as_bytes()))
}

fn refused(why: &str) -> Vec<u8> {
    let body = json!({"error": "invalid_grant", "error_description": why}).to_string();
    plain(400, "application/json", &body)
}

/// A well-formed reply.
/// Replies 503, like a provider during a deployment.
pub(crate) fn unavailable() -> Act {
    Act::Raw(plain(503, "text/plain", "deploying"))
}

/// Grants tokens with an ID token for `sub`.
pub(crate) fn granted(sub: &str) -> Act {
    let claims = json!({"iss": "https://id.example", "sub": sub, "email": format!("{sub}@example.org")});
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims.to_string());
    let body = json!({
        "access_token": format!("AT~canary-{sub}"),
        "refresh_token": format!("RT~canary-{sub}"),
        "token_type": "bearer",
        "expires_in": 3600,
        "id_token": format!("e30.{claims}.x"),
    });
    Act::Raw(plain(200, "application/json", body.to_string()))
}
