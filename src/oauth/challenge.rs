//! What a resource says in `WWW-Authenticate` (RFC 9110 §11.6.1): the parameters of its Bearer challenge (RFC 6750 §3,
//! RFC 9728 §5.1), or of its DPoP challenge (RFC 9449 §7.1).

use url::Url;

use super::discovery::endpoint;
use super::dpop;

/// The Bearer or DPoP challenge of a reply. Everything in it is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `error`, such as `insufficient_scope`.
    pub(crate) error: Option<String>,
    /// `scope`: what the request needs.
    pub(crate) scope: Vec<String>,
    /// `resource_metadata`: where the resource's metadata is.
    pub(crate) resource_metadata: Option<Url>,
    /// Whether it takes tokens only that are bound to a key: there is a DPoP challenge, and no Bearer challenge.
    pub(crate) wants_dpop: bool,
}

impl Challenge {
    /// Reads the header's values. `None`: none of them is a Bearer or DPoP challenge. A value that is not valid is skipped, and so
    /// is an address that nothing may be fetched from.
    pub(crate) fn read<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let all = values.into_iter().filter_map(|value| http_auth::parse_challenges(value).ok());
        let all: Vec<_> = all.flatten().collect();
        let of = |scheme: &str| all.iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        let bearer = of("Bearer");
        let challenge = bearer.or_else(|| of(dpop::SCHEME))?;
        let parameter = |wanted: &str| {
            let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        let scope = parameter("scope").unwrap_or_default();
        Some(Self {
            error: parameter("error"),
            scope: scope.split_ascii_whitespace().map(str::to_owned).collect(),
            resource_metadata: parameter("resource_metadata").as_deref().and_then(endpoint),
            wants_dpop: bearer.is_none(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_challenge_is_found_among_others() {
        let url = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
        let of = |error: Option<&str>, scope: &[&str], metadata: bool| {
            Some(Challenge {
                error: error.map(str::to_owned),
                scope: scope.iter().map(|scope| (*scope).to_owned()).collect(),
                resource_metadata: metadata.then(|| Url::parse(url).unwrap()),
                wants_dpop: false,
            })
        };
        let by_dpop = |challenge: Option<Challenge>| challenge.map(|known| Challenge { wants_dpop: true, ..known });
        for (values, expected) in [
            (vec![], None),
            (vec![r#"Basic realm="x""#.to_owned()], None),
            (vec!["Bearer".to_owned()], of(None, &[], false)),
            (vec![format!(r#"Bearer resource_metadata="{url}""#)], of(None, &[], true)),
            (vec![format!("bearer Resource_Metadata=\"{url}\", scope=\"a b\"")], of(None, &["a", "b"], true)),
            (
                vec![r#"Basic realm="a, Bearer b", Bearer error="insufficient_scope", scope="a:b""#.to_owned()],
                of(Some("insufficient_scope"), &["a:b"], false),
            ),
            (vec![r#"Basic realm="a""#.to_owned(), "Bearer scope=a".to_owned()], of(None, &["a"], false)),
            (vec![format!("DPoP algs=\"ES256\", resource_metadata=\"{url}\"")], by_dpop(of(None, &[], true))),
            (vec!["DPoP scope=a, Bearer scope=b".to_owned()], of(None, &["b"], false)),
            (vec!["=\u{0}".to_owned(), "Bearer scope=\"a\"".to_owned()], of(None, &["a"], false)),
            (vec![r#"Bearer resource_metadata="http://mcp.example/x""#.to_owned()], of(None, &[], false)),
        ] {
            assert_eq!(Challenge::read(values.iter().map(String::as_str)), expected, "{values:?}");
        }
    }
}
