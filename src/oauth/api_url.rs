//! API URLs: which account a URL is for, by the longest prefix. The only place that compares such URLs. Pure.

use std::fmt;

use url::Url;

use crate::loopback::is_secure;

/// A URL where an account's tokens are shown, with everything below its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiUrl(Url);

/// Why a text can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitApiUrl {
    /// It can't be parsed.
    #[error("is not a URL")]
    NotAUrl,
    /// A token would be readable on the way.
    #[error("is neither https nor http on this machine")]
    Insecure,
    /// It has more than an origin and a path.
    #[error("has a user, a query or a fragment in it")]
    More,
}

impl ApiUrl {
    /// Reads a URL, or a host with or without a port and a path, which stands for `https://HOST`.
    pub(crate) fn parse(text: &str) -> Result<Self, UnfitApiUrl> {
        let whole = if text.contains("://") { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
        let url = whole.map_err(|_| UnfitApiUrl::NotAUrl)?;
        if !is_secure(&url) {
            return Err(UnfitApiUrl::Insecure);
        }
        let has_more = url.query().is_some() || url.fragment().is_some();
        if has_more || !url.username().is_empty() || url.password().is_some() {
            return Err(UnfitApiUrl::More);
        }
        Ok(Self(url))
    }

    /// The segments of the path, without the empty one behind a slash at the end.
    fn segments(&self) -> Vec<&str> {
        let mut segments: Vec<&str> = self.0.path_segments().into_iter().flatten().collect();
        _ = segments.pop_if(|last| last.is_empty());
        segments
    }

    /// How many segments of `url` this prefix covers; `None`: `url` is elsewhere. Scheme, host and port are compared as
    /// wholes, and so is each segment: `/v4` covers `/v4/calls`, and not `/v40`.
    fn covers(&self, url: &Self) -> Option<usize> {
        let origin =
            |url: &Url| (url.scheme().to_owned(), url.host().map(|h| h.to_owned()), url.port_or_known_default());
        let (own, asked) = (self.segments(), url.segments());
        (origin(&self.0) == origin(&url.0) && asked.starts_with(&own)).then_some(own.len())
    }
}

/// Without a slash at the end.
impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// An account that a URL may be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// Its name.
    pub(crate) account: &'a str,
    /// Where its tokens are shown.
    pub(crate) api_urls: &'a [ApiUrl],
    /// Its provider's issuer, which has to be the whole URL.
    pub(crate) issuer: Option<&'a str>,
    /// Whether it is the default account, which is preferred to others that fit as well.
    pub(crate) is_default: bool,
}

impl Candidate<'_> {
    /// How many segments of `url` fit; `None`: it is for another account.
    fn fits(&self, url: &ApiUrl) -> Option<usize> {
        let issuer = self.issuer.and_then(|issuer| ApiUrl::parse(issuer).ok());
        let as_issuer = issuer.and_then(|issuer| issuer.covers(url)).filter(|length| *length == url.segments().len());
        self.api_urls.iter().filter_map(|prefix| prefix.covers(url)).chain(as_issuer).max()
    }
}

/// Why there is not one account for a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotOne {
    /// There is none.
    Nobody,
    /// These fit equally well, and none of them is the default.
    Several(Vec<String>),
}

/// The account with the longest prefix of `url`.
pub(crate) fn account_for<'a>(
    url: &ApiUrl,
    candidates: impl Iterator<Item = Candidate<'a>>,
) -> Result<&'a str, NotOne> {
    let fitting: Vec<_> = candidates.filter_map(|candidate| Some((candidate.fits(url)?, candidate))).collect();
    let longest = fitting.iter().map(|(length, _)| *length).max();
    let best: Vec<_> =
        fitting.into_iter().filter(|(length, _)| Some(*length) == longest).map(|(_, candidate)| candidate).collect();
    match best.as_slice() {
        [] => Err(NotOne::Nobody),
        [only] => Ok(only.account),
        several => several
            .iter()
            .find(|candidate| candidate.is_default)
            .map(|candidate| candidate.account)
            .ok_or_else(|| NotOne::Several(several.iter().map(|candidate| candidate.account.to_owned()).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ApiUrl {
        ApiUrl::parse(text).unwrap()
    }

    #[test]
    fn only_urls_that_a_token_may_be_sent_to_are_taken() {
        for (text, expected) in [
            ("https://api.example/v4/", Ok("https://api.example/v4")),
            ("HTTPS://API.example:443", Ok("https://api.example")),
            ("api.example", Ok("https://api.example")),
            ("api.example:8443/v4", Ok("https://api.example:8443/v4")),
            ("https://a.example/x/../v4", Ok("https://a.example/v4")),
            ("http://127.0.0.1:5000", Ok("http://127.0.0.1:5000")),
            ("http://api.example/", Err(UnfitApiUrl::Insecure)),
            ("ftp://127.0.0.1/", Err(UnfitApiUrl::Insecure)),
            ("https://user@api.example/", Err(UnfitApiUrl::More)),
            ("https://:password@api.example/", Err(UnfitApiUrl::More)),
            ("https://api.example/?a=b", Err(UnfitApiUrl::More)),
            ("https://api.example/#a", Err(UnfitApiUrl::More)),
            ("", Err(UnfitApiUrl::NotAUrl)),
            ("https://", Err(UnfitApiUrl::NotAUrl)),
            ("a b", Err(UnfitApiUrl::NotAUrl)),
        ] {
            assert_eq!(ApiUrl::parse(text).map(|url| url.to_string()), expected.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn a_prefix_covers_whole_segments_of_the_same_origin() {
        for (prefix, asked, covered) in [
            ("https://a.example", "https://a.example", Some(0)),
            ("https://a.example", "https://A.EXAMPLE:443/any/thing", Some(0)),
            ("https://a.example/v4", "https://a.example/v4", Some(1)),
            ("https://a.example/v4/", "https://a.example/v4", Some(1)),
            ("https://a.example/v4", "https://a.example/v4/", Some(1)),
            ("https://a.example/v4", "https://a.example/v4/calls", Some(1)),
            ("https://a.example/v4", "https://a.example/v40", None),
            ("https://a.example/v4", "https://a.example/V4", None),
            ("https://a.example/v4", "https://a.example/", None),
            ("https://a.example/v4", "https://a.example/v4/../v5", None),
            ("https://a.example/v4", "https://a.example/%2e%2e/v4/x", Some(1)),
            ("https://a.example/v4", "https://a.example/v4%2fx", None),
            ("https://a.example", "https://b.a.example/", None),
            ("https://b.a.example", "https://a.example/", None),
            ("https://a.example", "https://a.example.evil.example/", None),
            ("https://a.example", "https://a.example:8443/", None),
            ("https://a.example", "https://a.example./", None),
            ("http://127.0.0.1:80", "https://127.0.0.1:80", None),
            ("http://127.0.0.1", "http://localhost", None),
            ("http://[::1]:5000", "http://[0::1]:5000/x", Some(0)),
        ] {
            assert_eq!(url(prefix).covers(&url(asked)), covered, "{prefix} {asked}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_and_the_default_among_equals() {
        let (host, deep, other) =
            ([url("a.example")], [url("b.example"), url("a.example/v4")], [url("a.example/v4"), url("c.example")]);
        let candidates = |default: &'static str| {
            [
                ("home", &host[..], Some("https://id.example/realm")),
                ("work", &deep[..], Some("https://id.example/realm")),
                ("zoo", &other[..], Some("not a URL")),
            ]
            .map(|(account, api_urls, issuer)| Candidate {
                account,
                api_urls,
                issuer,
                is_default: account == default,
            })
        };
        let several = |names: &[&str]| Err(NotOne::Several(names.iter().map(|&name| name.to_owned()).collect()));
        for (asked, default, expected) in [
            ("a.example/v5", "", Ok("home")),
            ("b.example/v4", "", Ok("work")),
            ("c.example", "", Ok("zoo")),
            ("d.example", "home", Err(NotOne::Nobody)),
            ("a.example/v4/x", "", several(&["work", "zoo"])),
            ("a.example/v4/x", "home", several(&["work", "zoo"])),
            ("a.example/v4/x", "zoo", Ok("zoo")),
            ("id.example/realm", "", several(&["home", "work"])),
            ("id.example/realm/", "work", Ok("work")),
            ("id.example/realm/more", "work", Err(NotOne::Nobody)),
            ("id.example", "work", Err(NotOne::Nobody)),
        ] {
            assert_eq!(account_for(&url(asked), candidates(default).into_iter()), expected, "{asked} {default}");
        }
    }
}
