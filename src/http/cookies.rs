//! Reads the `Cookie` lines of a request (RFC 6265 §4.2.1), with whatever else is in them, and writes those of logins.
//!
//! Cookies know no ports: every web server on 127.0.0.1 can set some that the browser sends to us as well, of any name,
//! with any bytes, and beside ours. So a pair that can't be read costs no other one, and of a name there may be several:
//! who looks for a value takes the one that it knows, and not the first. How many there are is bounded by the head.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

/// Names and values as they stand, of those pairs that are text.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
}

/// The values of one name.
pub(super) fn named<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    cookies(headers).filter(move |(known, _)| *known == name).map(|(_, value)| value)
}

/// A `Set-Cookie` line for a browser on its way through a login. `SameSite=Lax`, since it comes back from the provider's
/// site, and a `Strict` cookie would not. `Secure` over TLS alone, since loopback is plain HTTP as a rule. `None`: a part
/// is not valid in a header.
pub(super) fn of_login(
    (name, value): (&str, &str),
    path: &str,
    max_age: Duration,
    over_tls: bool,
) -> Option<HeaderValue> {
    let (max_age, secure) = (max_age.as_secs(), if over_tls { "; Secure" } else { "" });
    let line = format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    let mut line = HeaderValue::from_str(&line).ok()?;
    line.set_sensitive(true);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_set_costs_none_of_ours() {
        for (lines, values) in [
            (&[b"a=1" as &[u8]] as &[&[u8]], &["1"] as &[&str]),
            (&[b"a=1; a=2", b"a=3"], &["1", "2", "3"]),
            (&[b"junk; =; a=1;; ;b=2"], &["1"]),
            (&[b"j=\xff\xfe; a=1"], &["1"]),
            (&[b"a=\xff; a=1"], &["1"]),
            (&["j=\u{e4}; a=1".as_bytes()], &["1"]),
            (&[b"j=\xff", b"a=1"], &["1"]),
            (&[b"a=b=c"], &["b=c"]),
            (&[b"A=1; aa=1; a =1"], &[]),
            (&[], &[]),
        ] {
            let lines = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_bytes(line).unwrap()));
            let headers: HeaderMap = lines.collect();
            assert_eq!(named(&headers, "a").collect::<Vec<_>>(), values, "{headers:?}");
        }
    }
}
