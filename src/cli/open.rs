//! `ringback open`: the status page, in a session of its own.

use std::process::ExitCode;

use clap::Args;
use zeroize::Zeroizing;

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::report;
use crate::os::browser::{BrowserOpener as _, StartUrl, UsersBrowser};

/// Open the status page in the browser
///
/// Shows the state of every account and the programs that have keys, with buttons for every action. The page can be
/// opened in no other way: the command gets a URL that works once, within a minute.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct OpenArgs {
    /// Print the URL instead of opening the browser; `--json` does so too
    #[arg(long)]
    print: bool,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback open
  ringback open --print          For another browser on this machine";

const NOT_BOUND: &str = "This system does not tell which user is behind a connection: another user of this machine who sees the URL \
     before the page is open could open it instead of you.";

/// Gets a one-time URL, and opens or prints it.
pub(super) fn run(args: &OpenArgs) -> CommandResult {
    let session = args.reach.client()?.session()?;
    let told = if args.json.is_chosen() { Some(report::secret_json(&session)?) } else { None };
    let url = Zeroizing::new(session.url);
    if let Some(told) = told {
        report::answer(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    if session.bound_to_user == Some(false) {
        report::say(NOT_BOUND);
    }
    if args.print {
        let mut line = Zeroizing::new(Vec::with_capacity(url.len() + 1));
        line.extend_from_slice(url.as_bytes());
        line.push(b'\n');
        report::answer(&line)?;
        return Ok(ExitCode::SUCCESS);
    }
    let why = match StartUrl::parse(&url) {
        Ok(start) => match UsersBrowser.open(&start, None) {
            Ok(()) => {
                report::say(
                    "The status page is open in the browser. If no page appears, `ringback open --print` prints another URL.",
                );
                return Ok(ExitCode::SUCCESS);
            }
            Err(unopened) => unopened.to_string(),
        },
        Err(unfit) => unfit.to_string(),
    };
    report::say(&format!("The browser was not opened: {why}. Open this URL on this machine, within a minute:"));
    report::say(&url);
    Ok(ExitCode::SUCCESS)
}
