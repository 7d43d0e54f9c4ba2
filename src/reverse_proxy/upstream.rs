//! The upstream of an account: scheme, host, port and path prefix, which no request can leave.

use std::net::IpAddr;
use std::time::Duration;

use url::{Position, Url};

use super::address;
use crate::routes::ambiguous::{ambiguity, forwarded_ambiguity, with_slashes};

/// What the config says of an account's proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxied {
    /// Where requests go.
    pub(crate) upstream: Upstream,
    /// How long the upstream may keep a request waiting that is all sent.
    pub(crate) timeout: Duration,
}

/// Where all requests of an account go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Scheme, host and port.
    origin: String,
    /// Without the slash at its end; empty at the root.
    prefix: String,
    /// What a request's URL is made of: to parse its own would cost as much as all checks.
    url: Url,
}

/// A target that is not forwarded: what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TargetRefused(pub(crate) &'static str);

impl Upstream {
    /// `url` is https, or http on loopback. The error is one clause about it.
    pub(crate) fn new(url: &Url) -> Result<Self, String> {
        let host = url.host_str().ok_or("has no host")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or a fragment".into());
        }
        if ambiguity(url.path()).is_some() || parameters_hide_a_step(url.path()) {
            return Err("has a path that two servers could understand differently".into());
        }
        if let Ok(literal) = host.trim_matches(['[', ']']).parse::<IpAddr>()
            && let Some(why) = address::refused(host, literal)
        {
            return Err(format!("{why}, which no upstream can have"));
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        let mut url = url.clone();
        url.set_path(&prefix);
        Ok(Self { origin: url.origin().ascii_serialization(), prefix, url })
    }

    /// For people.
    pub(crate) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// As the config has it.
    pub(crate) fn shown(&self) -> String {
        format!("{}{}", self.origin, self.prefix)
    }

    /// Its path, which every request's begins with; without the slash at its end, and empty at the root.
    pub(crate) fn path(&self) -> &str {
        &self.prefix
    }

    /// The URL of a request. `rest`: what follows the account in the path, raw: empty, or beginning with a slash.
    pub(crate) fn target(&self, rest: &str, query: Option<&str>) -> Result<Url, TargetRefused> {
        if !rest.is_empty() && !rest.starts_with('/') {
            return Err(TargetRefused("the path has to begin with a slash"));
        }
        if let Some(why) = forwarded_ambiguity(rest) {
            return Err(TargetRefused(why));
        }
        if parameters_hide_a_step(&with_slashes(rest)) {
            return Err(TargetRefused("the path has a segment that is empty, `.` or `..` before its `;`"));
        }
        if !rest.bytes().chain(query.unwrap_or_default().bytes()).all(|byte| byte.is_ascii_graphic()) {
            return Err(TargetRefused("the target has to be visible ASCII"));
        }
        let path = if rest.is_empty() && self.prefix.is_empty() { "/" } else { rest };
        let path = [self.prefix.as_str(), path].concat();
        let mut url = self.url.clone();
        url.set_path(&path);
        url.set_query(query);
        // What the URL's parser would write differently, another server may read differently.
        let has_fragment = query.is_some_and(|query| query.contains('#'));
        if url.path() == path && url[..Position::BeforePath] == self.origin && !has_fragment {
            Ok(url)
        } else {
            Err(TargetRefused("the path has a character that a URL has to escape"))
        }
    }

    /// A `Location` of the upstream, as the client may follow it: below `base`, which stands for the upstream's prefix,
    /// where it stays at the upstream; unchanged where it leads elsewhere. `None`: it would be understood as one of ours.
    pub(crate) fn location(&self, location: &str, base: &str) -> Option<String> {
        let below = |path: &str| {
            let rest = path.strip_prefix(self.prefix.as_str())?;
            let inside = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            (inside && !path.starts_with("//")).then(|| format!("{base}{rest}"))
        };
        if let Some(path) = location.strip_prefix(self.origin.as_str())
            && (path.is_empty() || path.starts_with(['/', '?', '#']))
        {
            // Elsewhere at the upstream: the client finds out by itself that the proxy does not lead there.
            return Some(below(path).unwrap_or_else(|| location.to_owned()));
        }
        let elsewhere = Url::parse(location).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if elsewhere || location.is_empty() || location.starts_with("//") || location.contains('\\') {
            return elsewhere.then(|| location.to_owned());
        }
        if location.starts_with('/') {
            return below(location);
        }
        // Relative to the request's own path, which has the same end on both sides.
        let steps = location.split(['?', '#']).next().unwrap_or_default();
        let climbs = steps.split('/').any(|step| step == "..") || steps.contains(':');
        (!climbs).then(|| location.to_owned())
    }
}

/// Servlet containers cut what follows a `;` in each segment, so that `..;x` is a step up there.
fn parameters_hide_a_step(path: &str) -> bool {
    let hides = |segment: &str| {
        segment.split_once(';').is_some_and(|(name, _)| matches!(name, "" | "." | ".."))
            || segment.to_ascii_lowercase().split_once("%3b").is_some_and(|(name, _)| matches!(name, "" | "." | ".."))
    };
    path.contains([';', '%']) && path.split('/').any(hides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(url: &str) -> Upstream {
        Upstream::new(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn a_target_is_below_the_prefix_or_refused() {
        let v4 = "https://api.example/v4";
        for (base, rest, query, expected) in [
            (v4, "", None, Some("https://api.example/v4")),
            (v4, "/", None, Some("https://api.example/v4/")),
            (
                v4,
                "/accounts/1",
                Some("a=b&a=c&%24filter=x"),
                Some("https://api.example/v4/accounts/1?a=b&a=c&%24filter=x"),
            ),
            (v4, "/a%20b/c;v=1", None, Some("https://api.example/v4/a%20b/c;v=1")),
            (v4, "/a@b:c", None, Some("https://api.example/v4/a@b:c")),
            (v4, "/x", Some(""), Some("https://api.example/v4/x?")),
            (v4, "/x", Some("u=https://evil.example/"), Some("https://api.example/v4/x?u=https://evil.example/")),
            ("https://api.example/v4/", "/x", None, Some("https://api.example/v4/x")),
            ("https://api.example", "", None, Some("https://api.example/")),
            ("https://api.example", "/x", None, Some("https://api.example/x")),
            ("http://127.0.0.1:8080/a/b", "/x", None, Some("http://127.0.0.1:8080/a/b/x")),
            ("https://api.example:443/v4", "/x", None, Some("https://api.example/v4/x")),
            (v4, "x", None, None),
            (v4, "/projects/group%2Fname/issues", None, Some("https://api.example/v4/projects/group%2Fname/issues")),
            (v4, "/@scope%2fname", None, Some("https://api.example/v4/@scope%2fname")),
            (v4, "@evil.example/x", None, None),
            (v4, ".evil.example/x", None, None),
            (v4, "/..", None, None),
            (v4, "/../x", None, None),
            (v4, "/a/../../x", None, None),
            (v4, "/.", None, None),
            (v4, "/%2e%2e/x", None, None),
            (v4, "/%2E./x", None, None),
            (v4, "/.%2e/x", None, None),
            (v4, "/a%2f..%2fx", None, None),
            (v4, "/a%2F%2Fx", None, None),
            (v4, "/%2Fevil.example", None, None),
            (v4, "/a%2F..;/x", None, None),
            (v4, "/..%2F;/x", None, None),
            (v4, "/a%5c..%5cx", None, None),
            (v4, "/%252e%252e/x", None, None),
            (v4, "/..;/x", None, None),
            (v4, "/..;a=b/x", None, None),
            (v4, "/..%3b/x", None, None),
            (v4, "/;/x", None, None),
            (v4, "//evil.example/x", None, None),
            (v4, "/a//b", None, None),
            (v4, "/\\evil.example", None, None),
            (v4, "/a\\..\\x", None, None),
            (v4, "/a%00", None, None),
            (v4, "/a%0d%0aHost:x", None, None),
            (v4, "/a%zz", None, None),
            (v4, "/a b", None, None),
            (v4, "/\u{ff0e}\u{ff0e}/x", None, None),
            (v4, "/a\tb", None, None),
            (v4, "/a#b", None, None),
            (v4, "/a\"b", None, None),
            (v4, "/x", Some("a#b"), None),
            ("https://api.example", "//evil.example", None, None),
            ("https://api.example", "@evil.example", None, None),
        ] {
            let target = upstream(base).target(rest, query).ok().map(String::from);
            assert_eq!(target.as_deref(), expected, "{base} {rest:?} {query:?}");
        }
    }

    #[test]
    fn a_base_is_one_that_all_understand_alike() {
        for (url, fit) in [
            ("https://api.example/v4", true),
            ("https://[2606:2800::1]/", true),
            ("http://[::1]:80/x", true),
            ("https://api.example/v4?x", false),
            ("https://api.example/v4#x", false),
            ("https://api.example/a//b", false),
            ("https://api.example/a%2fb", false),
            ("https://169.254.169.254/latest", false),
            ("https://[fe80::1]/", false),
            ("https://[::ffff:a9fe:a9fe]/", false),
            ("https://0.0.0.0/", false),
        ] {
            assert_eq!(Upstream::new(&Url::parse(url).unwrap()).is_ok(), fit, "{url}");
        }
    }

    #[test]
    fn a_location_stays_at_the_proxy_where_it_stays_at_the_upstream() {
        let upstream = upstream("https://api.example/v4");
        let base = "/proxy/work";
        for (location, expected) in [
            ("https://api.example/v4/x?y", Some("/proxy/work/x?y")),
            ("https://api.example/v4", Some("/proxy/work")),
            ("/v4/x", Some("/proxy/work/x")),
            ("https://api.example/v5/x", Some("https://api.example/v5/x")),
            ("https://api.example.evil.example/v4/x", Some("https://api.example.evil.example/v4/x")),
            ("https://files.example/signed?x", Some("https://files.example/signed?x")),
            ("next?page=2", Some("next?page=2")),
            ("?page=2", Some("?page=2")),
            ("/v40/x", None),
            ("/v1/apps", None),
            ("//evil.example/v4", None),
            ("../../../v1/apps", None),
            ("javascript:alert(1)", None),
            ("file:///etc/passwd", None),
            ("\\\\evil.example", None),
            ("", None),
        ] {
            assert_eq!(upstream.location(location, base).as_deref(), expected, "{location}");
        }
    }
}
