//! How much a request's header lines may be.
//!
//! Cookies know no ports: every web server on 127.0.0.1 can set some that the browser sends to us as well. So the
//! connection reads more than is taken (`listen::connection`), in order to say in the browser what is wrong.

use axum::http::{HeaderMap, header};

/// Header lines that are taken, in bytes. The target does not count: a callback's holds the provider's answer.
const MOST: usize = 32 * 1024;
/// A line's colon, space and end.
const AROUND: usize = 4;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// Most of it is cookies.
    Cookies,
    /// Most of it is something else.
    Other,
}

impl Excess {
    /// What is too much of these.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let size = |lines: &mut dyn Iterator<Item = (usize, usize)>| {
            lines.map(|(name, value)| name + value + AROUND).sum::<usize>()
        };
        let all = size(&mut headers.iter().map(|(name, value)| (name.as_str().len(), value.len())));
        let cookies = headers.get_all(header::COOKIE).iter().map(|value| (header::COOKIE.as_str().len(), value.len()));
        let cookies = size(&mut { cookies });
        let kind = if cookies > all / 2 { Self::Cookies } else { Self::Other };
        (all > MOST).then_some(kind)
    }

    /// It, in a clause.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Cookies => "the cookies of the request have more than 32 KiB",
            Self::Other => "the header lines of the request have more than 32 KiB",
        }
    }

    /// For who waits for the login that such a request was the answer to.
    pub(super) fn notice(self) -> &'static str {
        match self {
            Self::Cookies => {
                "The browser returned with more than 32 KiB of cookies, which other programs on this machine have \
                 set for the same host name, and the answer was not read. Delete the cookies of that host in the \
                 browser, and run `ringback login` again."
            }
            Self::Other => {
                "The browser returned with more than 32 KiB of header lines, and the answer was not read. Try a \
                 private window: run `ringback login` again."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn lines_up_to_the_limit_are_taken_and_beyond_it_most_of_them_is_named() {
        let line =
            |name: header::HeaderName, length: usize| (name, HeaderValue::from_str(&"x".repeat(length)).unwrap());
        let (cookie, accept) = (header::COOKIE, header::ACCEPT);
        let full = MOST - "cookie".len() - AROUND;
        for (lines, expected) in [
            (vec![], None),
            (vec![line(cookie.clone(), full)], None),
            (vec![line(cookie.clone(), full + 1)], Some(Excess::Cookies)),
            (vec![line(cookie.clone(), full / 2); 3], Some(Excess::Cookies)),
            (vec![line(accept.clone(), full), line(cookie, 100)], Some(Excess::Other)),
            (vec![line(accept, MOST)], Some(Excess::Other)),
        ] {
            let headers: HeaderMap = lines.into_iter().collect();
            assert_eq!(Excess::of(&headers), expected, "{}", headers.len());
        }
    }
}
