//! Accounts by URL: which one the daemon says a URL is for. The rule is the daemon's (`oauth::api_url`).

use std::borrow::Cow;

use url::Url;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{Client, Error};
use crate::contract::{AccountUrl, ErrorCode};
use crate::loopback::is_secure;

/// The account of this name, or the one that this URL is for.
pub(super) fn account<'a>(client: &Client, asked: &'a str) -> Result<Cow<'a, str>, Failure> {
    if !asked.contains("://") {
        return Ok(Cow::Borrowed(asked));
    }
    let url = bare(asked).ok_or_else(message::not_a_url)?;
    Ok(Cow::Owned(found(client, &url)?.account))
}

/// The account that `url` is for, as another program writes it, with or without a scheme; `None` if there is none, and
/// if no token may be sent there.
pub(super) fn look_up(client: &Client, url: &str) -> Result<Option<AccountUrl>, Failure> {
    let Some(url) = bare(url).filter(|url| Url::parse(url).is_ok_and(|url| is_secure(&url))) else { return Ok(None) };
    match found(client, &url) {
        Err(failure) if failure.code() == ErrorCode::UnknownAccount => Ok(None),
        found => found.map(Some),
    }
}

/// Every URL that accounts are for.
pub(super) fn all(client: &Client) -> Result<Vec<AccountUrl>, Failure> {
    client.api_urls().map_err(of_older_daemon)
}

fn found(client: &Client, url: &str) -> Result<AccountUrl, Failure> {
    client.account_for(url).map_err(of_older_daemon)
}

fn of_older_daemon(error: Error) -> Failure {
    if error.code() == ErrorCode::NotFound { message::daemon_without_api_urls() } else { error.into() }
}

/// Scheme, host, port and path alone: the rest may be secret, and the daemon has no use for it.
fn bare(text: &str) -> Option<String> {
    let whole = if text.contains("://") { Cow::Borrowed(text) } else { Cow::Owned(format!("https://{text}")) };
    let mut url = Url::parse(&whole).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_of_a_url_is_sent() {
        for (text, expected) in [
            ("https://u:canary@api.example/v4?key=canary#canary", Some("https://api.example/v4")),
            ("api.example:5000", Some("https://api.example:5000/")),
            ("http://127.0.0.1:5000", Some("http://127.0.0.1:5000/")),
            ("https://", None),
            ("", None),
            ("cert:///etc/key", None),
        ] {
            assert_eq!(bare(text).as_deref(), expected, "{text}");
        }
    }
}
