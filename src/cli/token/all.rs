//! `ringback token --all-json`: the token of every account in one document, or why there is none.

use std::process::ExitCode;

use serde::Serialize;
use zeroize::Zeroizing;

use super::format::line;
use crate::cli::arguments::TokenChoice;
use crate::cli::failure::Failure;
use crate::cli::{report, waiting};
use crate::client::Client;
use crate::contract::ErrorReply;

/// An account without a token.
#[derive(Serialize)]
struct Without<'a> {
    account: &'a str,
    #[serde(flatten)]
    error: &'a ErrorReply,
}

/// What is printed, and the exit code: that of the failures, if they have one in common.
pub(super) struct All {
    pub(super) document: Zeroizing<Vec<u8>>,
    pub(super) exit: ExitCode,
}

/// Asks for the token of every account that the daemon shows, those with a mistake in the config among them.
pub(super) fn request(client: &Client, choice: &TokenChoice) -> Result<All, Failure> {
    let known = client.accounts()?;
    let broken = known.mistakes.into_iter().filter_map(|mistake| mistake.account);
    let mut names: Vec<String> = known.accounts.into_iter().map(|account| account.account).chain(broken).collect();
    names.sort();
    let (mut entries, mut exits) = (Vec::with_capacity(names.len()), Vec::new());
    for name in &names {
        let what = || waiting::for_a_token(client, name);
        match waiting::told(choice.longest(), what, || client.token_json(name, &choice.options())) {
            Ok(reply) => entries.push(reply),
            Err(error) => {
                let failure = Failure::from(error);
                exits.push(failure.exit());
                entries.push(report::secret_json(&Without { account: name, error: failure.reply() })?);
            }
        }
    }
    Ok(All { document: document(&entries), exit: ExitCode::from(exit(&exits)) })
}

fn exit(failures: &[u8]) -> u8 {
    match failures {
        [] => 0,
        [first, others @ ..] if others.iter().all(|other| other == first) => *first,
        _ => 1,
    }
}

/// The daemon's replies, unchanged, as the members of one object.
fn document(entries: &[Zeroizing<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    let mut parts: Vec<&[u8]> = vec![b"{\"version\":1,\"accounts\":["];
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            parts.push(b",");
        }
        parts.push(entry.trim_ascii());
    }
    parts.push(b"]}");
    line(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_entry_and_the_exit_code_what_they_have_in_common() {
        let entry = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        for (entries, expected) in [
            (vec![], r#"{"version":1,"accounts":[]}"#),
            (vec![entry("{\"a\":1}\n"), entry("{\"b\":2}")], r#"{"version":1,"accounts":[{"a":1},{"b":2}]}"#),
        ] {
            assert_eq!(String::from_utf8_lossy(&document(&entries)), format!("{expected}\n"));
        }
        for (failures, expected) in [(&[][..], 0), (&[5], 5), (&[5, 5], 5), (&[5, 7], 1), (&[7, 7, 5], 1)] {
            assert_eq!(exit(failures), expected, "{failures:?}");
        }
    }
}
