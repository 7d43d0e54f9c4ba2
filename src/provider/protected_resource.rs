//! Finds the authorization server of a protected resource (RFC 9728), and registers a client there (RFC 7591).

use reqwest::header;
use serde_json::json;
use url::Url;

use super::client::USUAL;
use super::failure::TransportFailure;
use super::http::HttpProvider;
use super::interface::AskError;
use super::issuers::{self, PATIENCE};
use crate::account::state::Priority;
use crate::oauth::challenge::Challenge;
use crate::oauth::dialect::{ClientAuth, NetworkOptions};
use crate::oauth::discovery::{self, Metadata};
use crate::oauth::protected_resource::{ProtectedResource, well_known};
use crate::oauth::registration::{self, RegisteredClient, RegistrationSupport};
use crate::oauth::reply::Failed;

/// The newest revision of the Model Context Protocol that is spoken here.
const REVISION: &str = "2026-07-28";
/// The status that asks for a token.
const UNAUTHORIZED: u16 = 401;

/// How a resource answers a request without a token.
pub(crate) struct Unauthenticated {
    /// Its HTTP status; 401 if it wants a token.
    pub(crate) status: u16,
    /// What it says about the token.
    pub(crate) challenge: Challenge,
}

impl HttpProvider {
    /// Asks an MCP server without a token: as a client of the newest revision, and if that is not refused with 401, as one of
    /// an earlier revision, since each answers the other with an error of its own.
    pub(crate) async fn ask_without_token(&self, url: &Url) -> Result<Unauthenticated, AskError> {
        let newest = self.greet(url, "server/discover", Some(REVISION)).await?;
        if newest.status == UNAUTHORIZED {
            return Ok(newest);
        }
        self.greet(url, "initialize", None).await
    }

    async fn greet(&self, url: &Url, method: &str, revision: Option<&str>) -> Result<Unauthenticated, AskError> {
        let reach = NetworkOptions::default();
        let hello = json!({
            "jsonrpc": "2.0", "id": 1, "method": method,
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "ringback", "version": env!("CARGO_PKG_VERSION") },
            },
        });
        let client = self.wire.client(&reach, url).await?;
        let mut request = client
            .post(url.clone())
            .timeout(PATIENCE.whole)
            .header(header::ACCEPT, "application/json, text/event-stream")
            .header(header::CONTENT_TYPE, "application/json")
            .body(hello.to_string());
        if let Some(revision) = revision {
            request = request.header("MCP-Protocol-Version", revision).header("Mcp-Method", method);
        }
        let reply = request.send().await.map_err(|error| TransportFailure::of(error, PATIENCE, &reach, url))?;
        let values = reply.headers().get_all(header::WWW_AUTHENTICATE);
        let challenge = Challenge::read(values.iter().filter_map(|value| value.to_str().ok()));
        Ok(Unauthenticated { status: reply.status().as_u16(), challenge: challenge.unwrap_or_default() })
    }

    /// The metadata of the resource at `url`: from where its challenge says, else from the well-known URLs. Metadata that
    /// is there and can't be used is not replaced by other metadata.
    pub(crate) async fn protected_resource(
        &self,
        url: &Url,
        challenge: &Challenge,
    ) -> Result<ProtectedResource, AskError> {
        let named = challenge.resource_metadata.clone();
        let places = named.map_or_else(|| well_known(url), |named| vec![named]);
        let mut missing = Vec::new();
        for place in places {
            let shown = place.to_string();
            let whole = self.wire.fetch(&NetworkOptions::default(), place, PATIENCE).await?;
            if whole.status == 404 {
                missing.push(shown);
                continue;
            }
            let unusable = |why: String| AskError::Impossible(format!("{shown}: {why}"));
            return ProtectedResource::parse(url, whole.received()).map_err(|failed| match failed {
                Failed::Refused(refusal) => unusable(refusal.to_string()),
                Failed::Busy { why, .. } => unusable(why),
            });
        }
        Err(AskError::Impossible(format!(
            "it does not say which server issues its tokens ({}: 404)",
            missing.join(", ")
        )))
    }

    /// What the server says to a client that it does not know.
    pub(crate) async fn registration_support(&self, issuer: &str) -> Result<RegistrationSupport, AskError> {
        issuers::fetch(&self.wire, &NetworkOptions::default(), issuer, |received| {
            let document = discovery::document(received)?;
            Metadata::of_document(issuer, &document).map_err(Failed::nonsense)?;
            RegistrationSupport::of_document(&document).map_err(Failed::nonsense)
        })
        .await
    }

    /// Registers a native client with this redirect URI.
    pub(crate) async fn register(
        &self,
        endpoint: &Url,
        client_auth: ClientAuth,
        redirect_uri: &str,
        scopes: &[String],
        is_bound: bool,
    ) -> Result<RegisteredClient, AskError> {
        let request = registration::request(endpoint, client_auth, redirect_uri, scopes, is_bound);
        let whole =
            self.wire.send(&NetworkOptions::default(), request, Vec::new(), USUAL, (Priority::Person, None)).await?;
        Ok(registration::parse(whole.received(), client_auth)?)
    }

    /// The redirect URIs of the client's own metadata document, which has to name itself.
    pub(crate) async fn document_redirect_uris(&self, client_id: &Url) -> Result<Vec<String>, AskError> {
        let whole = self.wire.fetch(&NetworkOptions::default(), client_id.clone(), PATIENCE).await?;
        let document = discovery::document(whole.received())?;
        if document.get("client_id").and_then(|id| id.as_str()) != Some(client_id.as_str()) {
            return Err(AskError::Impossible(format!("{client_id} is the document of another client")));
        }
        let uris = document.get("redirect_uris").and_then(|uris| uris.as_array());
        Ok(uris.into_iter().flatten().filter_map(|uri| uri.as_str().map(str::to_owned)).collect())
    }
}
