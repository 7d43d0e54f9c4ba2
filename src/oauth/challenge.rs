//! What a resource says in `WWW-Authenticate` (RFC 9110 §11.6.1): the parameters of its Bearer challenge (RFC 6750 §3,
//! RFC 9728 §5.1).

use url::Url;

use super::discovery::endpoint;

/// The Bearer challenge of a reply. Everything in it is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `error`, such as `insufficient_scope`.
    pub(crate) error: Option<String>,
    /// `scope`: what the request needs.
    pub(crate) scope: Vec<String>,
    /// `resource_metadata`: where the resource's metadata is.
    pub(crate) resource_metadata: Option<Url>,
}

impl Challenge {
    /// Reads the header's values. `None`: none of them is a Bearer challenge. A value that is not valid is skipped, and so
    /// is an address that nothing may be fetched from.
    pub(crate) fn read<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let all = values.into_iter().filter_map(|value| http_auth::parse_challenges(value).ok()).flatten();
        let bearer = all.into_iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer"))?;
        let parameter = |wanted: &str| {
            let found = bearer.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.to_unescaped())
        };
        let scope = parameter("scope").unwrap_or_default();
        Some(Self {
            error: parameter("error"),
            scope: scope.split_ascii_whitespace().map(str::to_owned).collect(),
            resource_metadata: parameter("resource_metadata").as_deref().and_then(endpoint),
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
            })
        };
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
            (vec!["=\u{0}".to_owned(), "Bearer scope=\"a\"".to_owned()], of(None, &["a"], false)),
            (vec![r#"Bearer resource_metadata="http://mcp.example/x""#.to_owned()], of(None, &[], false)),
        ] {
            assert_eq!(Challenge::read(values.iter().map(String::as_str)), expected, "{values:?}");
        }
    }
}
