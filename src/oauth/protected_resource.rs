//! Metadata of a protected resource (RFC 9728): which authorization servers issue its tokens, and for which scopes.

use url::Url;

use super::discovery::{document, endpoint};
use super::reply::{Failed, ReceivedReply, clean};
use super::scope::add_missing;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What a resource says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProtectedResource {
    /// Its identifier, which requests for its tokens name (RFC 8707).
    pub(crate) resource: String,
    /// The issuers of its tokens, in its order.
    pub(crate) authorization_servers: Vec<String>,
    /// `scopes_supported`.
    pub(crate) scopes: Vec<String>,
    /// `dpop_bound_access_tokens_required`: it takes tokens only that are bound to a key (RFC 9449).
    pub(crate) wants_dpop: bool,
}

/// Where the metadata of a resource can be if its challenge does not say (RFC 9728 §3.1): with the path of the resource,
/// then at the root.
pub(crate) fn well_known(resource: &Url) -> Vec<Url> {
    let at = |path: &str| {
        let mut url = resource.clone();
        url.set_query(None);
        url.set_path(path);
        url
    };
    let path = resource.path().trim_end_matches('/');
    let own = (!path.is_empty()).then(|| at(&format!("{WELL_KNOWN}{path}")));
    own.into_iter().chain([at(WELL_KNOWN)]).collect()
}

impl ProtectedResource {
    /// Parses the reply. Metadata of another resource must not be used (RFC 9728 §3.3): it has to be about `url`, or about a
    /// part of that host that `url` lies in.
    pub(crate) fn parse(url: &Url, received: ReceivedReply<'_>) -> Result<Self, Failed> {
        let document = document(received)?;
        let texts = |name: &str| -> Vec<String> {
            let list = document.get(name).and_then(|value| value.as_array());
            list.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let resource = document.get("resource").and_then(|value| value.as_str());
        let resource = resource.ok_or_else(|| Failed::nonsense("the metadata names no resource"))?;
        if !endpoint(resource).is_some_and(|named| covers(&named, url)) {
            return Err(Failed::nonsense(format!("the metadata is of another resource ({})", clean(resource))));
        }
        let scopes = texts("scopes_supported").into_iter().filter(|scope| is_scope(scope));
        Ok(Self {
            resource: resource.to_owned(),
            authorization_servers: texts("authorization_servers"),
            scopes: scopes.collect(),
            wants_dpop: document.get("dpop_bound_access_tokens_required") == Some(&true.into()),
        })
    }
}

/// Whether it is one scope (RFC 6749 §3.3).
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Whether `url` is that resource, or lies below it.
fn covers(resource: &Url, url: &Url) -> bool {
    let path = resource.path().trim_end_matches('/');
    let below = url.path().strip_prefix(path);
    resource.origin() == url.origin() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The scope that asks for a refresh token.
const OFFLINE: &str = "offline_access";

/// The scopes of a first login: what the challenge asks for, else all that the resource supports, else none.
/// `offline_access` is added where the server issues it (OpenID Connect Core §11), and never alone.
pub(crate) fn first_scopes(challenged: &[String], supported: &[String], offline: bool) -> Vec<String> {
    let chosen = if challenged.is_empty() { supported } else { challenged };
    let mut scopes = Vec::new();
    add_missing(&mut scopes, chosen.iter().map(String::as_str));
    if offline && !scopes.is_empty() && !scopes.iter().any(|scope| scope == OFFLINE) {
        scopes.push(OFFLINE.to_owned());
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    #[test]
    fn the_path_comes_behind_the_well_known_part() {
        for (url, expected) in [
            ("https://a.example", &["https://a.example/.well-known/oauth-protected-resource"][..]),
            (
                "https://a.example/mcp/?x=1",
                &[
                    "https://a.example/.well-known/oauth-protected-resource/mcp",
                    "https://a.example/.well-known/oauth-protected-resource",
                ],
            ),
        ] {
            let found: Vec<_> = well_known(&Url::parse(url).unwrap()).iter().map(Url::to_string).collect();
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn metadata_has_to_be_about_this_resource() {
        let url = Url::parse("https://a.example/team/mcp").unwrap();
        for (resource, fits) in [
            ("https://a.example/team/mcp", true),
            ("https://a.example/team/mcp/", true),
            ("https://a.example/team", true),
            ("https://a.example", true),
            ("https://A.EXAMPLE:443/", true),
            ("https://a.example/tea", false),
            ("https://a.example/team/mcp/more", false),
            ("https://a.example/TEAM/mcp", false),
            ("https://b.example/team/mcp", false),
            ("http://a.example/team/mcp", false),
            ("https://a.example:8443/team/mcp", false),
            ("https://u@a.example/team/mcp", false),
            ("nonsense", false),
        ] {
            let body = serde_json::json!({
                "resource": resource, "authorization_servers": ["https://id.example/", 7], "scopes_supported": ["a", "b c"],
                "dpop_bound_access_tokens_required": true,
            });
            let body = body.to_string();
            let received = ReceivedReply {
                status: 200,
                content_type: Some("application/json"),
                retry_after: None,
                body: body.as_bytes(),
                at: Wall(0),
            };
            let read = ProtectedResource::parse(&url, received);
            assert_eq!(read.is_ok(), fits, "{resource}");
            if let Ok(read) = read {
                assert_eq!(read.resource, resource, "as it stands");
                assert_eq!(read.authorization_servers, ["https://id.example/"]);
                assert_eq!((read.scopes, read.wants_dpop), (vec!["a".to_owned()], true), "one with a space is two");
            }
        }
    }

    #[test]
    fn scopes_come_from_the_challenge_then_from_the_metadata() {
        for (challenged, supported, offline, expected) in [
            ("a b", "c", false, "a b"),
            ("a a", "c", true, "a offline_access"),
            ("", "c d", false, "c d"),
            ("", "offline_access c", true, "offline_access c"),
            ("", "", true, ""),
        ] {
            let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let chosen = first_scopes(&list(challenged), &list(supported), offline);
            assert_eq!(chosen.join(" "), expected, "{challenged}|{supported}|{offline}");
        }
    }
}
