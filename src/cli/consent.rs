//! `ringback consent`: lists and answers the questions whether a program may have a token.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::report::plain;
use super::{report, waiting};
use crate::client::TIMEOUT_MARGIN;
use crate::contract::{ConsentAnswer, ConsentsReply};

/// Decide whether a program may have a token
///
/// With `consent = "ask"` in an account's config, a program gets its first token only after you allow it. Answers are
/// remembered for each program and account.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ConsentArgs {
    #[command(subcommand)]
    command: ConsentCommand,
}

const HELP: &str = "\
Examples:
  ringback consent list
  ringback consent allow 7        From now on
  ringback consent once 7         This time
  ringback consent refuse 7
  ringback consent forget 3       Ask again the next time";

#[derive(Subcommand)]
enum ConsentCommand {
    /// Show pending questions and remembered answers
    List(ConsentListArgs),
    /// Allow it from now on
    Allow(Which),
    /// Allow it this time only
    Once(Which),
    /// Refuse it until the answer is forgotten
    Refuse(Which),
    /// Forget an answer, so that the next request asks again
    Forget(Which),
}

#[derive(Args)]
struct ConsentListArgs {
    /// Print the daemon's reply as JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

#[derive(Args)]
struct Which {
    /// The number that `list` shows
    id: String,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Asks the daemon, over the unix socket.
pub(super) fn run(args: &ConsentArgs) -> CommandResult {
    let (which, answer) = match &args.command {
        ConsentCommand::List(list) => {
            let client = list.reach.client()?;
            let reply = waiting::told(TIMEOUT_MARGIN, || "the daemon".into(), || client.consents())?;
            let text = if list.json { report::json(&reply)? } else { overview(&reply) };
            report::answer(text.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        ConsentCommand::Forget(which) => {
            let client = which.reach.client()?;
            let reply = waiting::told(TIMEOUT_MARGIN, daemon, || client.forget_consent(&which.id))?;
            return which.json.tell(&reply, || report::say("Forgotten: the next request asks again."));
        }
        ConsentCommand::Allow(which) => (which, ConsentAnswer::Allow),
        ConsentCommand::Once(which) => (which, ConsentAnswer::Once),
        ConsentCommand::Refuse(which) => (which, ConsentAnswer::Refuse),
    };
    let client = which.reach.client()?;
    let reply = waiting::told(TIMEOUT_MARGIN, daemon, || client.answer_consent(&which.id, answer))?;
    which.json.tell(&reply, || {})
}

fn daemon() -> String {
    "the daemon to store the answer".into()
}

fn overview(reply: &ConsentsReply) -> String {
    let mut text = String::new();
    for asked in &reply.pending {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{}: {} asks for a token of {}", asked.id, plain(&asked.who), plain(&asked.account));
    }
    for known in &reply.remembered {
        let may = if known.allowed { "may get tokens of" } else { "may not get tokens of" };
        let _ = writeln!(text, "{}: {} {may} {}", known.id, plain(&known.who), plain(&known.account));
    }
    if text.is_empty() { "No question is pending, and no answer is remembered.\n".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ConsentAsked, ConsentKnown};

    #[test]
    fn questions_come_before_answers() {
        let pending = vec![ConsentAsked { id: "7".into(), who: "/usr/bin/x\x1b[2J".into(), account: "work".into() }];
        let remembered =
            vec![ConsentKnown { id: "3".into(), who: "the app editor".into(), account: "work".into(), allowed: false }];
        assert_eq!(
            overview(&ConsentsReply { version: 1, pending, remembered }),
            "7: /usr/bin/x[2J asks for a token of work\n3: the app editor may not get tokens of work\n"
        );
    }
}
