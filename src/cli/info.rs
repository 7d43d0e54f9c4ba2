//! `ringback info`: what the provider says about an account's token (introspection).

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::arguments::{AccountChoice, DaemonChoice};
use super::command_result::CommandResult;
use super::report::{moment, plain};
use super::{report, waiting};
use crate::client::DEFAULT_TIMEOUT;
use crate::clock::Clock;
use crate::contract::{ErrorCode, InfoReply, InfoSource, whose};

/// Show what the provider says about the current token
///
/// Asks the provider each time. Exits with 5 if it says that the token does not work.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    account: AccountChoice,

    /// Print the daemon's reply as JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback info
  ringback info work --json";

/// Prints what the provider says; the exit code says whether the token works.
pub(super) fn run(args: &InfoArgs) -> CommandResult {
    let (client, account) = (args.reach.client()?, &args.account.name);
    let provider = || format!("the provider of `{account}`");
    let info = waiting::told(DEFAULT_TIMEOUT, provider, || client.info(account))?;
    let now = Clock::System.unix_seconds();
    let text = if args.json { report::json(&info)? } else { sheet(&info, now) };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::from(if info.active { 0 } else { ErrorCode::LoginRequired.row().exit }))
}

/// The known members first, then the whole reply unchanged.
fn sheet(info: &InfoReply, now: i64) -> String {
    let source = match info.source {
        InfoSource::Details => "details page",
        InfoSource::Introspection => "introspection (RFC 7662)",
    };
    let works = if info.active { "works" } else { "does not work" };
    let mut text = format!("{}: the token {works}, according to the provider's {source}\n", plain(&info.account));
    let expires = info.expires_at.map(|at| moment(at, now));
    for (name, value) in [("whose", whose(&info.identity)), ("scope", info.scope.clone()), ("expires", expires)] {
        if let Some(value) = value {
            // Writing to a `String` does not fail.
            let _ = writeln!(text, "{name}: {}", plain(&value));
        }
    }
    if !info.claims.is_empty() {
        text.push_str("Full reply:\n");
    }
    for (name, value) in &info.claims {
        let value = value.as_str().map_or_else(|| Value::to_string(value), str::to_owned);
        let _ = writeln!(text, "  {}: {}", plain(name), plain(&value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_tells_what_is_known_and_what_came() {
        let info: InfoReply = serde_json::from_str(
            r#"{"version":1,"account":"work","source":"details","active":true,"scope":"a b","expires_at":160,
                "voip_id":1000001,"claims":{"client_id":"c\u001b[31m","nested":{"x":[1]}}}"#,
        )
        .unwrap();
        assert_eq!(
            sheet(&info, 100),
            "work: the token works, according to the provider's details page\nwhose: voip_id 1000001\nscope: a b\n\
             expires: in 60 s\nFull reply:\n  client_id: c[31m\n  nested: {\"x\":[1]}\n"
        );
        let dead: InfoReply = serde_json::from_str(
            r#"{"version":1,"account":"work","source":"introspection","active":false,"claims":{}}"#,
        )
        .unwrap();
        assert_eq!(
            sheet(&dead, 100),
            "work: the token does not work, according to the provider's introspection (RFC 7662)\n"
        );
    }
}
