//! Cargo's credential provider protocol, version 1: lines of JSON, a greeting first.

use std::io::{self, BufRead as _};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::found::{self, Credential};
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::cli::report;

/// The versions that are spoken.
const GREETING: &str = "{\"v\":[1]}\n";
/// Cargo sends the token as the whole `Authorization` line. With this argument in the config it is the token alone.
const BARE: &str = "--bare";

pub(super) fn run(reach: &DaemonChoice) -> CommandResult {
    report::answer(GREETING.as_bytes())?;
    for line in io::stdin().lock().lines() {
        // A login has a token in it.
        let line = Zeroizing::new(line.map_err(message::credential_unread)?);
        if !report::follow(&answer(&line, reach)?)? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The members of a request that are used.
#[derive(Deserialize)]
struct Request {
    kind: String,
    registry: Registry,
    #[serde(default)]
    args: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Registry {
    index_url: String,
}

impl Registry {
    /// The URL that the token goes to. Only a sparse index is the registry itself: that of an index in git, such as
    /// crates.io's at GitHub, says nothing of where cargo sends the token.
    fn url(&self) -> Option<&str> {
        self.index_url.strip_prefix("sparse+")
    }
}

#[derive(Serialize)]
enum Answer<'a> {
    Ok(Got<'a>),
    Err(Refused),
}

#[derive(Serialize)]
struct Got<'a> {
    kind: &'static str,
    token: &'a str,
    cache: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<i64>,
    operation_independent: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Refused {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caused_by: Vec<String>,
}

impl Refused {
    fn plainly(kind: &'static str) -> Answer<'static> {
        Answer::Err(Self { kind, message: None, caused_by: Vec::new() })
    }

    fn because(failure: &Failure) -> Answer<'static> {
        let reply = failure.reply();
        let (message, caused_by) = (Some(reply.error_description.clone()), vec![reply.hint.clone()]);
        Answer::Err(Self { kind: "other", message, caused_by })
    }
}

fn answer(line: &str, reach: &DaemonChoice) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // The parser's own message may quote a token.
    let Ok(request) = serde_json::from_str::<Request>(line) else {
        return report::secret_json(&Refused::because(&message::credential_unread("it is no request of cargo")));
    };
    if request.kind != "get" {
        return report::secret_json(&Refused::plainly("operation-not-supported"));
    }
    let Some(url) = request.registry.url() else {
        return report::secret_json(&Refused::plainly("url-not-supported"));
    };
    match found::ask(reach, |client| found::credential(client, url)) {
        Ok(Some(credential)) => got(&credential, &request.args),
        Ok(None) => report::secret_json(&Refused::plainly("url-not-supported")),
        Err(failure) => report::secret_json(&Refused::because(&failure)),
    }
}

fn got(credential: &Credential, args: &[String]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let scheme = if args.iter().any(|arg| arg == BARE) { "" } else { "Bearer " };
    let bare = credential.token.access_token.expose();
    let mut token = Zeroizing::new(String::with_capacity(scheme.len() + bare.len()));
    token.push_str(scheme);
    token.push_str(bare);
    let expiration = credential.token.expires_at;
    let cache = if expiration.is_some() { "expires" } else { "session" };
    report::secret_json(&Answer::Ok(Got { kind: "get", token: &token, cache, expiration, operation_independent: true }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Token;
    use crate::secret::AccessToken;

    #[test]
    fn a_token_is_told_with_its_end() {
        for (expires_at, args, expected) in [
            (Some(7), vec![], r#""token":"Bearer TOKEN","cache":"expires","expiration":7,"#),
            (None, vec![], r#""token":"Bearer TOKEN","cache":"session","#),
            (None, vec!["--bare".to_owned()], r#""token":"TOKEN","cache":"session","#),
        ] {
            let token =
                Token { account: "work".into(), access_token: AccessToken::new("TOKEN"), scheme: "Bearer", expires_at };
            let told = got(&Credential { username: "oauth2".into(), token }, &args).unwrap();
            let expected = format!("{{\"Ok\":{{\"kind\":\"get\",{expected}\"operation_independent\":true}}}}\n");
            assert_eq!(String::from_utf8_lossy(&told), expected);
        }
    }

    #[test]
    fn only_what_is_asked_of_a_sparse_registry_reaches_the_daemon() {
        for (line, expected) in [
            (
                r#"{"v":1,"kind":"login","token":"canary","registry":{"index-url":"sparse+https://r.example/"}}"#,
                r#"{"Err":{"kind":"operation-not-supported"}}"#,
            ),
            (
                r#"{"v":1,"kind":"get","operation":"publish","registry":{"index-url":"https://github.com/rust-lang/crates.io-index"}}"#,
                r#"{"Err":{"kind":"url-not-supported"}}"#,
            ),
            (
                "canary",
                r#"{"Err":{"kind":"other","message":"what the program sent can't be read: it is no request of cargo","#,
            ),
        ] {
            let told = answer(line, &DaemonChoice::default()).unwrap();
            let told = String::from_utf8_lossy(&told);
            assert!(told.starts_with(expected) && !told.contains("canary"), "{told}");
        }
    }
}
