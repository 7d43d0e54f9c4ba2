//! Issuer discovery (RFC 8414, OpenID Connect Discovery): where the metadata is, and which of it is trusted.

use serde_json::{Map, Value};
use url::Url;

use crate::loopback::is_secure;
use crate::oauth::dialect::{Dialect, IssPolicy, Par, Revoke};
use crate::oauth::reply::{self, Failed, ReceivedReply};

/// Largest metadata that is read, in bytes.
pub(crate) const LARGEST: usize = 64 * 1024;
/// Longest URL that is accepted, in bytes.
const LONGEST_ADDRESS: usize = 2048;

/// The part of an issuer's metadata that is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// `authorization_endpoint`.
    pub(super) authorize: Option<Url>,
    /// `token_endpoint`.
    pub(super) token: Option<Url>,
    /// `revocation_endpoint`.
    pub(super) revoke: Option<Url>,
    /// `introspection_endpoint`.
    pub(super) introspect: Option<Url>,
    /// `device_authorization_endpoint` (RFC 8628 §4).
    pub(super) device: Option<Url>,
    /// `pushed_authorization_request_endpoint` (RFC 9126 §5).
    pub(super) par: Option<Url>,
    /// `require_pushed_authorization_requests` (RFC 9126 §5).
    pub(super) requires_par: bool,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 §3).
    pub(super) names_itself: bool,
}

/// The possible URLs of an issuer's metadata, in the order of the MCP profile: the well-known part is inserted between
/// host and path (RFC 8414 §3.1, also for OpenID Connect's name, §5), or appended (OpenID Connect Discovery §4). `None` if
/// the issuer is not a usable URL.
pub(crate) fn well_known(issuer: &str) -> Option<Vec<Url>> {
    let base = endpoint(issuer).filter(|url| url.query().is_none())?;
    let path = base.path().trim_end_matches('/').to_owned();
    let at = |path: &str| {
        let mut url = base.clone();
        url.set_path(path);
        url
    };
    let inserted = |name: &str| at(&format!("/.well-known/{name}{path}"));
    let mut urls = vec![inserted("oauth-authorization-server"), inserted("openid-configuration")];
    if !path.is_empty() {
        urls.push(at(&format!("{path}/.well-known/openid-configuration")));
    }
    Some(urls)
}

impl Metadata {
    /// Parses the reply of a well-known URL. Metadata of another issuer must not be used (RFC 8414 §3.3), and one
    /// endpoint that is not secure makes all of it unusable (§6.2).
    pub(crate) fn parse(issuer: &str, received: ReceivedReply<'_>) -> Result<Self, Failed> {
        Self::of_document(issuer, &document(received)?).map_err(Failed::nonsense)
    }

    /// The same for metadata that was kept.
    pub(crate) fn of_document(issuer: &str, document: &Map<String, Value>) -> Result<Self, String> {
        match document.get("issuer").and_then(Value::as_str) {
            Some(named) if named == issuer => {}
            Some(named) => return Err(format!("the metadata is of another issuer ({})", reply::clean(named))),
            None => return Err("the metadata names no issuer".into()),
        }
        let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(false);
        Ok(Self {
            authorize: address(document, "authorization_endpoint")?,
            token: address(document, "token_endpoint")?,
            revoke: address(document, "revocation_endpoint")?,
            introspect: address(document, "introspection_endpoint")?,
            device: address(document, "device_authorization_endpoint")?,
            par: address(document, "pushed_authorization_request_endpoint")?,
            requires_par: flag("require_pushed_authorization_requests"),
            names_itself: flag("authorization_response_iss_parameter_supported"),
        })
    }

    /// The document that [`Self::of_document`] reads again.
    pub(crate) fn to_document(&self, issuer: &str) -> Map<String, Value> {
        let addresses = [
            ("authorization_endpoint", &self.authorize),
            ("token_endpoint", &self.token),
            ("revocation_endpoint", &self.revoke),
            ("introspection_endpoint", &self.introspect),
            ("device_authorization_endpoint", &self.device),
            ("pushed_authorization_request_endpoint", &self.par),
        ];
        let mut document: Map<String, Value> = addresses
            .into_iter()
            .filter_map(|(name, url)| Some((name.to_owned(), url.as_ref()?.as_str().into())))
            .collect();
        document.insert("issuer".into(), issuer.into());
        document.insert("require_pushed_authorization_requests".into(), self.requires_par.into());
        document.insert("authorization_response_iss_parameter_supported".into(), self.names_itself.into());
        document
    }

    /// Where secrets are sent: scheme, host and port of the token endpoint.
    pub(crate) fn token_origin(&self) -> Option<String> {
        self.token.as_ref().map(|url| url.origin().ascii_serialization())
    }
}

impl Dialect {
    /// The dialect, with unset endpoints taken from the issuer's metadata. Configured ones win.
    #[must_use]
    pub(crate) fn with(&self, metadata: &Metadata) -> Self {
        let mut dialect = self.clone();
        for (mine, theirs) in [
            (&mut dialect.endpoints.authorize, &metadata.authorize),
            (&mut dialect.endpoints.token, &metadata.token),
            (&mut dialect.endpoints.introspect, &metadata.introspect),
            (&mut dialect.endpoints.device, &metadata.device),
            (&mut dialect.endpoints.par, &metadata.par),
        ] {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        if let (Revoke::Unsaid, Some(url)) = (&self.revoke, &metadata.revoke) {
            dialect.revoke = Revoke::Rfc7009(url.clone());
        }
        if self.par == Par::Auto && metadata.requires_par {
            dialect.par = Par::Always;
        }
        if self.iss == IssPolicy::AsMetadataSays && metadata.names_itself {
            dialect.iss = IssPolicy::Required;
        }
        dialect
    }
}

/// The reply of a well-known URL.
pub(crate) fn document(received: ReceivedReply<'_>) -> Result<Map<String, Value>, Failed> {
    if received.body.len() > LARGEST {
        return Err(Failed::nonsense(format!("the metadata is larger than {} KiB", LARGEST / 1024)));
    }
    reply::declared_document(received)
}

/// An endpoint of the metadata; the error is one clause.
pub(super) fn address(document: &Map<String, Value>, name: &str) -> Result<Option<Url>, String> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let url = value.as_str().and_then(endpoint);
            url.map(Some).ok_or_else(|| {
                format!("the metadata's {name} is not https, or not an address without userinfo and fragment")
            })
        }
    }
}

/// A URL that secrets may be sent to: https, or http on loopback; no userinfo, no fragment.
pub(crate) fn endpoint(text: &str) -> Option<Url> {
    page(text).filter(|url| url.fragment().is_none())
}

/// A URL that may be shown and opened: https, or http on loopback; no userinfo.
pub(crate) fn page(text: &str) -> Option<Url> {
    if text.len() > LONGEST_ADDRESS || text.contains(char::is_whitespace) || text.contains('\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (is_secure(&url) && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests;
