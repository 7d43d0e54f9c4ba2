//! Finds out who issues the tokens of an MCP server, and becomes known there.

use url::Url;

use crate::cli::failure::Failure;
use crate::cli::{message, report};
use crate::clock::Clock;
use crate::oauth::dialect::ClientAuth;
use crate::oauth::discovery::endpoint;
use crate::oauth::protected_resource::first_scopes;
use crate::oauth::registration::RegistrationSupport;
use crate::provider::{AskError, HttpProvider};
use crate::secret::ClientSecret;

/// What an MCP server says of itself.
pub(super) struct McpServer {
    /// What its tokens are for (RFC 8707).
    pub(super) resource: String,
    /// Who issues them.
    pub(super) issuer: String,
    /// What the first login requests.
    pub(super) scopes: Vec<String>,
    /// Whether they are bound to a key (RFC 9449), since the server asks for that or the user does.
    pub(super) dpop: bool,
    support: RegistrationSupport,
}

impl McpServer {
    /// Whether a client can become known without a person.
    pub(super) fn can_register(&self) -> bool {
        self.support.takes_documents || self.support.endpoint.is_some()
    }
}

/// How the client becomes known to the server.
pub(super) enum Registration<'a> {
    /// Somebody registered it.
    Known { client_id: &'a str, has_secret: bool },
    /// By this URL, if the server takes such documents; else as in `Dynamic`.
    Document(&'a Url),
    /// The server registers it now.
    Dynamic,
    /// Only said what would be done.
    Dry,
}

/// A client that the server knows.
pub(super) struct McpClient {
    pub(super) client_id: String,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) client_auth: ClientAuth,
    pub(super) redirect_uri: String,
}

/// The network, without a daemon.
pub(super) struct Finder {
    provider: HttpProvider,
    runtime: tokio::runtime::Runtime,
}

/// The URL of an MCP server, which has to be safe to send tokens to.
pub(super) fn server_url(text: &str) -> Result<Url, Failure> {
    let url = endpoint(text).filter(|url| url.query().is_none());
    url.ok_or_else(|| message::mcp_url_unfit(report::plain(text)))
}

impl Finder {
    pub(super) fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self { provider: HttpProvider::new(Clock::System), runtime: runtime.map_err(message::no_async_runtime)? })
    }

    /// Asks the server and its issuer. `issuer`: the one to use, if the user names one.
    pub(super) fn server(&self, url: &Url, issuer: Option<&str>) -> Result<McpServer, Failure> {
        self.runtime.block_on(async {
            let asked = self.provider.ask_without_token(url).await.map_err(|error| unreached(url, error))?;
            let found = self.provider.protected_resource(url, &asked.challenge).await;
            let wanted = asked.challenge.wants_dpop || found.as_ref().is_ok_and(|found| found.wants_dpop);
            let (resource, servers, supported) = match (found, issuer) {
                (Ok(found), _) => (found.resource, found.authorization_servers, found.scopes),
                (Err(AskError::Impossible(_)), Some(_)) => (url.to_string(), Vec::new(), Vec::new()),
                (Err(_), _) if (200..300).contains(&asked.status) => return Err(message::mcp_open(url)),
                (Err(error), _) => return Err(unreached(url, error)),
            };
            let issuer = match (issuer, servers.first()) {
                (Some(named), _) if servers.is_empty() || servers.iter().any(|server| server == named) => {
                    named.to_owned()
                }
                (Some(named), _) => return Err(message::mcp_issuer_unnamed(url, named, servers.join(", "))),
                (None, Some(first)) => first.clone(),
                (None, None) => return Err(message::mcp_unnamed(url)),
            };
            let support = self.provider.registration_support(&issuer).await.map_err(|error| unreached(url, error))?;
            if !support.has_s256 {
                return Err(message::mcp_without_pkce(&issuer));
            }
            let scopes = first_scopes(&asked.challenge.scope, &supported, support.has_offline_access);
            Ok(McpServer { resource, issuer, scopes, dpop: wanted, support })
        })
    }

    /// A client for that server: one that it knows, by a document, or one that it registers now.
    pub(super) fn client(
        &self,
        server: &McpServer,
        how: &Registration<'_>,
        redirect_uri: &str,
    ) -> Result<McpClient, Failure> {
        let support = &server.support;
        let usual = support.client_auth;
        let client = |client_id: &str, client_auth| McpClient {
            client_id: client_id.to_owned(),
            client_secret: None,
            client_auth,
            redirect_uri: redirect_uri.to_owned(),
        };
        match how {
            Registration::Known { client_id, has_secret: false } => Ok(client(client_id, ClientAuth::None)),
            Registration::Known { client_id, has_secret: true } => {
                Ok(client(client_id, usual.filter(|auth| *auth != ClientAuth::None).unwrap_or_default()))
            }
            Registration::Document(url) if support.takes_documents => {
                let redirect_uri = self.redirect_uri_of(url, redirect_uri)?;
                Ok(McpClient { redirect_uri, ..client(url.as_str(), ClientAuth::None) })
            }
            Registration::Dry => Ok(client("(registered when this is written)", ClientAuth::None)),
            Registration::Document(_) | Registration::Dynamic => match &support.endpoint {
                None => Err(message::mcp_unregistered(&server.issuer, redirect_uri)),
                Some(endpoint) => {
                    let auth = usual.unwrap_or(ClientAuth::None);
                    let made = self.provider.register(endpoint, auth, redirect_uri, &server.scopes, server.dpop);
                    let made = self.runtime.block_on(made);
                    let made = made.map_err(|error| message::mcp_registration(&server.issuer, error, redirect_uri))?;
                    let redirect_uri = redirect_uri.to_owned();
                    Ok(McpClient {
                        client_id: made.id,
                        client_secret: made.secret,
                        client_auth: made.auth,
                        redirect_uri,
                    })
                }
            },
        }
    }

    /// Servers compare redirect URIs with those of the document, ports included: one of them is used.
    fn redirect_uri_of(&self, document: &Url, usual: &str) -> Result<String, Failure> {
        let listed = match self.runtime.block_on(self.provider.document_redirect_uris(document)) {
            Ok(listed) => listed,
            Err(error @ AskError::Impossible(_)) => return Err(message::mcp_document(document, error)),
            Err(error) => {
                report::say(&format!("warning: {document} can't be read from here, so it is not checked: {error}"));
                return Ok(usual.to_owned());
            }
        };
        let is_here = |uri: &&String| Url::parse(uri).is_ok_and(|uri| crate::loopback::is_loopback(&uri));
        let chosen = listed.iter().find(|uri| *uri == usual).or_else(|| listed.iter().find(is_here));
        chosen.cloned().ok_or_else(|| message::mcp_document(document, "it has no redirect URI on this machine"))
    }
}

fn unreached(url: &Url, error: AskError) -> Failure {
    match error {
        AskError::Unreachable { why, .. } => message::mcp_unreachable(url, why),
        AskError::Refused(refusal) => message::mcp_unfit(url, refusal),
        AskError::Impossible(why) => message::mcp_unfit(url, why),
    }
}
