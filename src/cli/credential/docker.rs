//! The protocol of Docker's credential helpers: an action as argument, the server's URL or JSON on standard input, JSON
//! on standard output; what is wrong goes there, too.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::found::{self, Credential};
use super::input;
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::{api_url, message, report};
use crate::program_version::OWN;

/// By these words docker tells a server without credentials from a failure.
const NOT_FOUND: &str = "credentials not found in native keychain\n";

pub(super) fn run(action: &str, reach: &DaemonChoice) -> CommandResult {
    let done = match action {
        "get" => get(reach),
        "list" => list(reach),
        "store" => store(reach),
        // `docker logout`: nothing is kept for docker.
        "erase" => input::read().map(|_| ExitCode::SUCCESS),
        "version" => {
            report::answer(format!("docker-credential-ringback {OWN}\n").as_bytes()).map(|()| ExitCode::SUCCESS)
        }
        other => Err(message::no_docker_action(other)),
    };
    // Docker shows what it reads from standard output.
    done.inspect_err(|failure| {
        let reply = failure.reply();
        _ = report::answer(format!("{}. {}\n", reply.error_description, reply.hint).as_bytes());
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Found<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

fn get(reach: &DaemonChoice) -> CommandResult {
    let text = input::read()?;
    let server_url = text.trim();
    match found::ask(reach, |client| found::credential(client, server_url))? {
        Some(credential) => report::answer(&found_json(server_url, &credential)?).map(|()| ExitCode::SUCCESS),
        None => report::answer(NOT_FOUND.as_bytes()).map(|()| ExitCode::FAILURE),
    }
}

fn found_json(server_url: &str, credential: &Credential) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let secret = credential.token.access_token.expose();
    report::secret_json(&Found { server_url, username: &credential.username, secret })
}

/// Without a token, so nothing is asked of a provider.
fn list(reach: &DaemonChoice) -> CommandResult {
    let known = found::ask(reach, api_url::all)?;
    let known: BTreeMap<String, String> = known.into_iter().map(|known| (known.url, known.username)).collect();
    let text = serde_json::to_string(&known).map_err(message::unserializable)?;
    report::answer(format!("{text}\n").as_bytes()).map(|()| ExitCode::SUCCESS)
}

/// What docker wants to keep. Wiped when dropped.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    #[serde(rename = "ServerURL")]
    server_url: String,
    secret: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// After each login docker stores what it logged in with, also if it came from here.
fn store(reach: &DaemonChoice) -> CommandResult {
    let text = input::read()?;
    // The parser's own message may quote the secret.
    let stored: Stored = serde_json::from_str(&text).map_err(|_| message::credential_unread("it is no credential"))?;
    match found::ask(reach, |client| found::owner(client, &stored.server_url, &stored.secret))? {
        Some(_) => Ok(ExitCode::SUCCESS),
        None => Err(message::credential_not_stored()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Token;
    use crate::secret::AccessToken;

    #[test]
    fn a_credential_has_the_members_that_docker_reads() {
        let token = Token {
            account: "work".into(),
            access_token: AccessToken::new("T\"N"),
            scheme: "Bearer",
            expires_at: None,
        };
        let told = found_json("registry.example", &Credential { username: "oauth2".into(), token }).unwrap();
        let expected = r#"{"ServerURL":"registry.example","Username":"oauth2","Secret":"T\"N"}"#;
        assert_eq!(String::from_utf8_lossy(&told), format!("{expected}\n"));
    }
}
