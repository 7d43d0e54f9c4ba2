//! A client of the daemon over HTTP, like any other program: with the key from the key file.

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::read_key;
use crate::contract::{Endpoint, ErrorReply};
use crate::secret::AppKey;

/// Longer than the longest requested wait.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// The daemon's address and key.
pub(super) struct Visitor {
    http: reqwest::Client,
    base: String,
    key: AppKey,
}

impl Visitor {
    /// Reads the key that `endpoint` names.
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, Failure> {
        let (Some(base), Some(key_file)) = (&endpoint.url, &endpoint.key_file) else {
            return Err(message::demo_surprised("endpoint.json names no URL or no key file"));
        };
        Ok(Self { http: http()?, base: base.clone(), key: read_key(Path::new(key_file))? })
    }

    /// The daemon's base URL.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The default account's token, bare.
    pub(super) async fn token(&self) -> Result<Zeroizing<String>, Failure> {
        let bytes = self.send(Method::GET, "/token", "text/plain", None).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| message::demo_surprised("the token is not text"))?;
        Ok(Zeroizing::new(text.trim_end().to_owned()))
    }

    /// Sends a `GET` and parses the JSON reply.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        parse(&self.send(Method::GET, path, "application/json", None).await?)
    }

    /// Sends a `POST` and parses the JSON reply.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &'static str) -> Result<T, Failure> {
        parse(&self.send(Method::POST, path, "application/json", Some(body)).await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: Option<&'static str>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        // Exposed, since a program on TCP has to send the key.
        let bearer = Zeroizing::new(format!("Bearer {}", self.key.expose()));
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.header(ACCEPT, accept).header(AUTHORIZATION, bearer.as_str());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| lost(&error))?;
        let status = response.status();
        let bytes = Zeroizing::new(response.bytes().await.map_err(|error| lost(&error))?.to_vec());
        if status.is_success() {
            return Ok(bytes);
        }
        let told = serde_json::from_slice::<ErrorReply>(&bytes).map(Failure::from);
        Err(told.unwrap_or_else(|_| message::demo_surprised(format!("{path}: status {status}"))))
    }
}

/// An HTTP client without redirects and proxies.
pub(super) fn http() -> Result<reqwest::Client, Failure> {
    static PROVIDER: Once = Once::new();
    // reqwest is built without a TLS provider, and needs one even for plain HTTP.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let builder =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(DEFAULT_TIMEOUT);
    builder.build().map_err(|error| message::demo_surprised(format!("no HTTP client: {error}")))
}

/// What went wrong, without the URL, which may contain a ticket, a state or a code.
pub(super) fn lost(error: &reqwest::Error) -> Failure {
    let what = if error.is_timeout() {
        "no answer came in time"
    } else if error.is_connect() {
        "nobody listens"
    } else {
        "the connection broke"
    };
    message::demo_failed(what)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|_| message::demo_surprised("the reply is not what docs/api.md says"))
}
