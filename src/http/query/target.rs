//! What a token is for: `scope`, `audience` and `resource` of a token request. Only their form is looked at;
//! what of it can be had is the broker's and the provider's to say.

use url::Url;

use crate::broker::handle::Target;
use crate::error::Error;

/// Scopes, separated by spaces (RFC 6749 §3.3).
pub(super) const SCOPE: &str = "scope";
/// The word of providers that have no resource indicators.
pub(super) const AUDIENCE: &str = "audience";
/// A resource indicator (RFC 8707 §2).
pub(super) const RESOURCE: &str = "resource";

/// The longest of them, in bytes: it travels to the provider, in a URL at some of them.
const LONGEST: usize = 2048;

/// `None` where nothing was asked for: the token for all that the account has.
pub(super) fn read(
    scope: Option<&str>,
    audience: Option<&str>,
    resource: Option<&str>,
) -> Result<Option<Target>, Error> {
    if scope.is_none() && audience.is_none() && resource.is_none() {
        return Ok(None);
    }
    Ok(Some(Target {
        scope: scope.map(scopes).transpose()?.unwrap_or_default(),
        resource: resource.map(indicator).transpose()?.into_iter().collect(),
        audience: audience.map(name).transpose()?,
    }))
}

fn scopes(text: &str) -> Result<Vec<String>, Error> {
    let fits =
        |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if text.len() > LONGEST || !text.split(' ').all(fits) {
        return Err(unfit(SCOPE, "words of visible ASCII without `\"` and `\\`, one space between two"));
    }
    Ok(text.split(' ').map(str::to_owned).collect())
}

fn name(text: &str) -> Result<String, Error> {
    let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned()).ok_or_else(|| unfit(AUDIENCE, "visible ASCII without spaces"))
}

/// Unchanged: providers compare it byte by byte.
fn indicator(text: &str) -> Result<String, Error> {
    let plain = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic());
    let absolute = || Url::parse(text).is_ok_and(|url| url.fragment().is_none());
    (plain && absolute())
        .then(|| text.to_owned())
        .ok_or_else(|| unfit(RESOURCE, "an absolute URI without a fragment (`#`)"))
}

fn unfit(parameter: &str, wanted: &str) -> Error {
    Error::Usage { what: format!("`{parameter}` has to be {wanted}, at most {LONGEST} bytes") }
}

#[cfg(test)]
mod tests {
    use super::super::token;
    use super::*;

    fn target(scope: &[&str], audience: Option<&str>, resource: Option<&str>) -> Target {
        Target {
            scope: scope.iter().map(|scope| (*scope).to_owned()).collect(),
            audience: audience.map(str::to_owned),
            resource: resource.map(str::to_owned).into_iter().collect(),
        }
    }

    #[test]
    fn what_a_token_is_for_is_read_by_its_form() {
        let long = "x".repeat(LONGEST + 1);
        let of = |audience: &str| Ok(Some(target(&[], Some(audience), None)));
        let to = |resource: &str| Ok(Some(target(&[], None, Some(resource))));
        for (query, expected) in [
            (String::new(), Ok(None)),
            ("wait=3".into(), Ok(None)),
            ("scope=b+a+b".into(), Ok(Some(target(&["b", "a", "b"], None, None)))),
            ("scope=a%20https://x/y".into(), Ok(Some(target(&["a", "https://x/y"], None, None)))),
            ("scope=a&audience=b&resource=urn:c".into(), Ok(Some(target(&["a"], Some("b"), Some("urn:c"))))),
            ("scope=".into(), Err(SCOPE)),
            ("scope=a++b".into(), Err(SCOPE)),
            ("scope=+a".into(), Err(SCOPE)),
            ("scope=a%09b".into(), Err(SCOPE)),
            ("scope=a%22b".into(), Err(SCOPE)),
            ("scope=a%5Cb".into(), Err(SCOPE)),
            ("scope=%C3%A4".into(), Err(SCOPE)),
            (format!("scope={long}"), Err(SCOPE)),
            ("audience=https://api.example/".into(), of("https://api.example/")),
            ("audience=".into(), Err(AUDIENCE)),
            ("audience=a+b".into(), Err(AUDIENCE)),
            ("audience=a%0Ab".into(), Err(AUDIENCE)),
            (format!("audience={long}"), Err(AUDIENCE)),
            ("resource=https://api.example".into(), to("https://api.example")),
            ("resource=https://api.example/x?y=1".into(), to("https://api.example/x?y=1")),
            ("resource=/x".into(), Err(RESOURCE)),
            ("resource=api.example".into(), Err(RESOURCE)),
            ("resource=https://api.example/%23x".into(), Err(RESOURCE)),
            ("resource=https://api.example/%23".into(), Err(RESOURCE)),
            ("resource=https://api.example/+x".into(), Err(RESOURCE)),
            ("resource=".into(), Err(RESOURCE)),
            (format!("resource=https://api.example/{long}"), Err(RESOURCE)),
        ] {
            let read = token(Some(&query)).map(|query| query.target).map_err(|error| error.to_string());
            match expected {
                Ok(target) => assert_eq!(read, Ok(target), "{query:.60}"),
                Err(named) => assert!(read.is_err_and(|e| e.starts_with(&format!("`{named}` has"))), "{query:.60}"),
            }
        }
    }
}
