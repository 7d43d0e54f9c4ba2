//! How a client becomes known to a server without a person: dynamic registration (RFC 7591) and client ID metadata
//! documents, as the server's metadata (RFC 8414) says.

use serde_json::{Map, Value, json};
use url::Url;
use zeroize::Zeroizing;

use super::dialect::ClientAuth;
use super::discovery::address;
use super::exchange::HttpRequest;
use super::reply::{self, Failed, ReceivedReply, is_token};
use crate::secret::ClientSecret;

/// Longest client id that is taken, in bytes.
const LONGEST_ID: usize = 2048;
/// The names of RFC 7591 §2 for how a client proves itself, in the order of preference: a program that everybody can look
/// into keeps no secret (RFC 8252 §8.5), and some servers that list Basic don't find the client id in it.
const METHODS: [(&str, ClientAuth); 3] =
    [("none", ClientAuth::None), ("client_secret_post", ClientAuth::Post), ("client_secret_basic", ClientAuth::Basic)];

/// What the metadata of a server says to a client that it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistrationSupport {
    /// `registration_endpoint`.
    pub(crate) endpoint: Option<Url>,
    /// `client_id_metadata_document_supported`: a client id may be the URL of a document about the client.
    pub(crate) takes_documents: bool,
    /// Whether `code_challenge_methods_supported` has S256. Servers that don't say so can't be told from servers that
    /// ignore PKCE.
    pub(crate) has_s256: bool,
    /// Whether `scopes_supported` has `offline_access`.
    pub(crate) has_offline_access: bool,
    /// The best of `token_endpoint_auth_methods_supported`. Without that member it is Basic (RFC 8414 §2), which most
    /// servers don't mean: one that registers clients is asked for none.
    pub(crate) client_auth: Option<ClientAuth>,
}

impl RegistrationSupport {
    /// Reads a server's metadata. The error is one clause.
    pub(crate) fn of_document(document: &Map<String, Value>) -> Result<Self, String> {
        let list = |name: &str| document.get(name).and_then(Value::as_array);
        let has = |name: &str, value: &str| list(name).is_some_and(|values| values.iter().any(|one| one == value));
        let methods = "token_endpoint_auth_methods_supported";
        let best = METHODS.iter().find(|(name, _)| list(methods).is_none() || has(methods, name));
        Ok(Self {
            endpoint: address(document, "registration_endpoint")?,
            takes_documents: document.get("client_id_metadata_document_supported") == Some(&Value::Bool(true)),
            has_s256: has("code_challenge_methods_supported", "S256"),
            has_offline_access: has("scopes_supported", "offline_access"),
            client_auth: best.map(|(_, auth)| *auth),
        })
    }
}

/// A client that a server has registered.
#[derive(Debug)]
pub(crate) struct RegisteredClient {
    /// Its `client_id`.
    pub(crate) id: String,
    /// Its `client_secret`.
    pub(crate) secret: Option<ClientSecret>,
    /// How it proves itself.
    pub(crate) auth: ClientAuth,
}

/// The request that registers a native client (RFC 7591 §3.1). Without `application_type`, servers take a client for a
/// website and refuse http on loopback. `is_bound`: all its tokens will be bound to a key (RFC 9449 §5.2).
pub(crate) fn request(
    endpoint: &Url,
    client_auth: ClientAuth,
    redirect_uri: &str,
    scopes: &[String],
    is_bound: bool,
) -> HttpRequest {
    let method = METHODS.iter().find(|(_, auth)| *auth == client_auth).map_or("none", |(name, _)| name);
    let mut body = json!({
        "client_name": "ringback",
        "application_type": "native",
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    });
    if let Some(members) = body.as_object_mut() {
        members.extend((!scopes.is_empty()).then(|| ("scope".into(), scopes.join(" ").into())));
        members.extend(is_bound.then(|| ("dpop_bound_access_tokens".into(), true.into())));
    }
    HttpRequest {
        method: "POST",
        url: endpoint.clone(),
        query: None,
        authorization: None,
        dpop: None,
        content_type: Some("application/json"),
        body: Zeroizing::new(body.to_string().into_bytes()),
    }
}

/// Parses the reply (RFC 7591 §3.2.1). The server may have changed what was asked for.
pub(crate) fn parse(received: ReceivedReply<'_>, asked: ClientAuth) -> Result<RegisteredClient, Failed> {
    let mut members = reply::document(received)?;
    let secret = match members.remove("client_secret") {
        Some(Value::String(secret)) => Some(Zeroizing::new(secret)),
        _ => None,
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let id = text("client_id").filter(|id| !id.is_empty() && id.len() <= LONGEST_ID && !id.contains(char::is_control));
    let id = id.ok_or_else(|| Failed::nonsense("the reply has no usable client_id"))?.to_owned();
    let auth = match text("token_endpoint_auth_method") {
        None => asked,
        Some(named) => {
            let known = METHODS.iter().find(|(name, _)| *name == named).map(|(_, auth)| *auth);
            known.ok_or_else(|| Failed::nonsense("the reply has an unknown token_endpoint_auth_method"))?
        }
    };
    let secret = match (auth, secret) {
        // A secret that is not sent need not be kept.
        (ClientAuth::None, _) => None,
        (_, Some(secret)) if is_token(&secret) => Some(ClientSecret::new(secret.as_str())),
        _ => return Err(Failed::nonsense("the reply has no usable client_secret")),
    };
    Ok(RegisteredClient { id, secret, auth })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    fn support(members: &Value) -> Result<RegistrationSupport, String> {
        RegistrationSupport::of_document(members.as_object().unwrap())
    }

    #[test]
    fn metadata_says_how_clients_become_known() {
        let nothing = RegistrationSupport {
            endpoint: None,
            takes_documents: false,
            has_s256: false,
            has_offline_access: false,
            client_auth: Some(ClientAuth::None),
        };
        assert_eq!(support(&json!({})), Ok(nothing.clone()));
        let url = "https://id.example/register";
        let all = json!({
            "registration_endpoint": url,
            "client_id_metadata_document_supported": true,
            "code_challenge_methods_supported": ["plain", "S256"],
            "scopes_supported": ["a", "offline_access"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
        });
        let expected = RegistrationSupport {
            endpoint: Some(Url::parse(url).unwrap()),
            takes_documents: true,
            has_s256: true,
            has_offline_access: true,
            client_auth: Some(ClientAuth::Post),
        };
        assert_eq!(support(&all), Ok(expected));
        for (members, read) in [
            (json!({ "code_challenge_methods_supported": ["plain"] }), nothing.clone()),
            (json!({ "code_challenge_methods_supported": "S256" }), nothing.clone()),
            (json!({ "client_id_metadata_document_supported": "true" }), nothing.clone()),
            (
                json!({ "token_endpoint_auth_methods_supported": ["tls_client_auth"] }),
                RegistrationSupport { client_auth: None, ..nothing },
            ),
        ] {
            assert_eq!(support(&members), Ok(read), "{members}");
        }
        assert!(support(&json!({ "registration_endpoint": "http://id.example/register" })).is_err());
    }

    #[test]
    fn a_native_client_asks_for_refresh_tokens() {
        let endpoint = Url::parse("https://id.example/register").unwrap();
        let made = |is_bound| {
            let scopes = ["a".into(), "b".into()];
            request(&endpoint, ClientAuth::None, "http://127.0.0.1:7464/callback/x", &scopes, is_bound)
        };
        let request = made(false);
        let read = |request: &HttpRequest| serde_json::from_slice::<Value>(&request.body).unwrap();
        let body = read(&request);
        assert_eq!(
            (body.get("dpop_bound_access_tokens"), &read(&made(true))["dpop_bound_access_tokens"]),
            (None, &json!(true))
        );
        let expected = json!({
            "client_name": "ringback",
            "application_type": "native",
            "redirect_uris": ["http://127.0.0.1:7464/callback/x"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "scope": "a b",
        });
        assert_eq!((request.method, request.content_type, body), ("POST", Some("application/json"), expected));
    }

    #[test]
    fn the_server_may_decide_how_the_client_proves_itself() {
        let read = |status: u16, members: Value| {
            let body = members.to_string();
            let received =
                ReceivedReply { status, content_type: None, retry_after: None, body: body.as_bytes(), at: Wall(0) };
            parse(received, ClientAuth::None).map_err(|failed| match failed {
                Failed::Refused(refusal) => refusal.to_string(),
                Failed::Busy { why, .. } => why,
            })
        };
        for (members, auth, secret) in [
            (json!({ "client_id": "c" }), ClientAuth::None, None),
            (json!({ "client_id": "c", "client_secret": "unasked" }), ClientAuth::None, None),
            (
                json!({ "client_id": "c", "client_secret": "s", "token_endpoint_auth_method": "client_secret_basic" }),
                ClientAuth::Basic,
                Some("s"),
            ),
        ] {
            let client = read(201, members.clone()).unwrap();
            let found = (client.id.as_str(), client.auth, client.secret);
            assert_eq!(
                (found.0, found.1, found.2.as_ref().map(ClientSecret::expose)),
                ("c", auth, secret),
                "{members}"
            );
        }
        for (status, members, why) in [
            (201, json!({}), "client_id"),
            (201, json!({ "client_id": "a\u{1b}" }), "client_id"),
            (201, json!({ "client_id": "c", "token_endpoint_auth_method": "tls_client_auth" }), "auth_method"),
            (201, json!({ "client_id": "c", "token_endpoint_auth_method": "client_secret_post" }), "client_secret"),
            (400, json!({ "error": "invalid_redirect_uri", "error_description": "no http" }), "invalid_redirect_uri"),
        ] {
            let failed = read(status, members.clone()).unwrap_err();
            assert!(failed.contains(why), "{members}: {failed}");
        }
    }
}
