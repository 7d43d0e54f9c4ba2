//! A credential: the token of the account that a URL is for, with the user name that goes with it.

use crate::cli::api_url;
use crate::cli::arguments::DaemonChoice;
use crate::cli::autostart::{self, Announce};
use crate::cli::failure::Failure;
use crate::client::{Client, Token, TokenOptions};

/// What a program logs in with.
pub(super) struct Credential {
    /// The account's name for itself, where a program wants one.
    pub(super) username: String,
    /// The token, which is the password.
    pub(super) token: Token,
}

/// Asks the daemon, which is started if the config says so. A program that reads the output is told nothing of that.
pub(super) fn ask<T>(reach: &DaemonChoice, question: impl Fn(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
    autostart::or_start(reach, Announce::Nothing, || question(&reach.client()?))
}

/// The credential for `url`; `None` if no account is for it.
pub(super) fn credential(client: &Client, url: &str) -> Result<Option<Credential>, Failure> {
    let Some(found) = api_url::look_up(client, url)? else { return Ok(None) };
    let token = client.token_with_lifetime(&found.account, &TokenOptions::default())?;
    Ok(Some(Credential { username: found.username, token }))
}

/// Whether `secret` is the current token of the account that `url` is for, and that account's name.
pub(super) fn owner(client: &Client, url: &str, secret: &str) -> Result<Option<String>, Failure> {
    let found = credential(client, url)?.filter(|found| found.token.access_token.matches(secret));
    Ok(found.map(|found| found.token.account))
}
