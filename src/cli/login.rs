//! `ringback login`: starts or joins a login, tells the user what to do, and waits for the result.

mod ended;
mod more_scope;
mod page;
mod pending;
mod steps;
mod via;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

pub(super) use self::ended::tell;
use self::pending::{announce, begin, longest, wait};
use self::via::RemoteLogin;
use super::arguments::{AccountChoice, DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::dialogue::Dialogue;
use super::replace::TerminalQuestion;
use super::{device, password, paste, report, waiting};
use crate::cli::failure::Failure;
use crate::client::Client;
use crate::clock::Clock;
use crate::contract::{LoginRequest, LoginStarted, LoginVia};
use crate::os::ssh::SshTarget;

/// Log in, usually in the browser
///
/// Depending on the account's `grant`, a login needs a browser, a code that you enter on another device, a password, or
/// nothing. The command waits until the login is done. Ctrl-C only stops the waiting: the login stays open in the daemon
/// until it runs out.
///
/// If somebody else has logged in than before, the account keeps its old tokens, and you are asked whether to replace
/// them: here, and on the page in the browser. Unless you agree, the new login is dropped.
#[derive(Args)]
#[command(after_help = HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct LoginArgs {
    #[command(flatten)]
    account: AccountChoice,

    /// Print the URL instead of opening the browser
    #[arg(long, conflicts_with = "paste")]
    no_browser: bool,

    /// Log in with a browser on another machine, and paste the address that it ends up at
    #[arg(long)]
    paste: bool,

    /// Show a code to enter in a browser on any other device
    #[arg(long, conflicts_with_all = ["paste", "no_browser"])]
    device: bool,

    /// Log in to the daemon of another machine with the browser of this one, over `ssh`
    ///
    /// The account is one of the daemon there. `ssh` asks for passwords itself, and forwards the port that the provider
    /// sends the browser back to, while the login lasts.
    #[arg(long, value_name = "USER@HOST", value_parser = SshTarget::parse, conflicts_with_all = ["paste", "device", "socket"])]
    via: Option<SshTarget>,

    /// The other end of `--via`
    #[arg(long, hide = true, requires = "json", conflicts_with_all = ["paste", "device", "via"])]
    steps: bool,

    /// If somebody else logs in than before, replace the tokens without asking
    #[arg(long)]
    replace: bool,

    /// Ask the provider for the scope, too, that programs were refused for lack of at the API
    ///
    /// Shows what it is, and asks if there is somebody at the terminal. See `ringback status`.
    #[arg(long, conflicts_with_all = ["via", "steps"])]
    more_scope: bool,

    /// How long to wait for the login [default: until it runs out]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

impl LoginArgs {
    /// A login to this account as without options.
    fn of(account: &str, reach: DaemonChoice) -> Self {
        let (account, json) = (AccountChoice { name: account.to_owned() }, JsonChoice::default());
        Self {
            account,
            no_browser: false,
            paste: false,
            device: false,
            via: None,
            steps: false,
            replace: false,
            more_scope: false,
            timeout: None,
            json,
            reach,
        }
    }
}

const HELP: &str = "\
Examples:
  ringback login                   The default account
  ringback login work --no-browser
  ringback login --via me@server   The account is on a server, the browser here
  ringback login --paste           Over SSH, or in a container
  ringback login --device          With a phone, if the provider supports it

Exits with 6 if the login failed or was not finished in time, and with 11 if somebody else has
logged in than before and there is no terminal to ask at.";

/// After an account was added: logs in at once, or if `somebody` at the terminal wants to; else says how.
pub(super) fn offer(account: &str, reach: &DaemonChoice, at_once: bool, somebody: Option<&Dialogue>) -> CommandResult {
    let wants = at_once || somebody.map_or(Ok(false), |dialogue| dialogue.says_yes("Log in now?", true))?;
    if wants {
        return run(&LoginArgs::of(account, reach.clone()));
    }
    report::say(&format!("To log in: `ringback login {account}`"));
    Ok(ExitCode::SUCCESS)
}

/// Runs the login to its end and reports the result.
pub(super) fn run(args: &LoginArgs) -> CommandResult {
    let (account, timeout) = (args.account.name.as_str(), args.timeout.map(Duration::from_secs));
    let request = |via| LoginRequest { via, replace: args.replace, ..LoginRequest::default() };
    if let Some(target) = &args.via {
        let (replace, opens) = (args.replace, !args.no_browser);
        return RemoteLogin { target, account, replace, timeout, opens }.run(args.json);
    }
    if args.steps {
        return steps::run(&args.reach, account, &request(LoginVia::CallerBrowser), timeout);
    }
    let via = match (args.paste, args.device) {
        (true, _) => LoginVia::Paste,
        (_, true) => LoginVia::Device,
        _ => LoginVia::CallerBrowser,
    };
    let more_scope = if args.more_scope { more_scope::agreed(&args.reach, account)? } else { Some(String::new()) };
    let Some(more_scope) = more_scope else { return Ok(ExitCode::SUCCESS) };
    let (client, started) = begin(&args.reach, account, &LoginRequest { more_scope, ..request(via) })?;
    announce(&started);
    // The joined login may be done and only need an answer.
    if started.confirm.is_none() {
        lead(args, &client, &started)?;
    }
    let begun = Clock::System.now().boot;
    let (longest, what) = (longest(&started, timeout), || what_ends(args, &started));
    let mut ended = waiting::told(longest, what, || wait(&client, &started, timeout))?;
    if let Some(confirm) = &ended.confirm {
        let (account, login_id, deadline) = (&started.account, &started.login_id, timeout.map(|span| begun.plus(span)));
        ended = TerminalQuestion { client: &client, account, login_id, confirm, deadline }.settle(args.replace)?;
    }
    tell(ended, args.json)
}

/// Tells the user what to do for this login, or opens the browser.
fn lead(args: &LoginArgs, client: &Client, started: &LoginStarted) -> Result<(), Failure> {
    match (&started.device, &started.password, &started.start_url) {
        (Some(prompt), ..) => device::show(prompt),
        (_, Some(prompt), _) => password::run(started, prompt)?,
        (.., Some(url)) if args.paste => paste::run(client, &started.login_id, url)?,
        (.., Some(url)) if args.no_browser || args.device => page::show(url),
        (.., Some(url)) => page::open_here(&started.account, url),
        (.., None) => page::not_needed(&started.account),
    }
    Ok(())
}

/// What a login waits for, in words.
fn what_ends(args: &LoginArgs, started: &LoginStarted) -> String {
    let account = &started.account;
    match (&started.device, &started.password, &started.start_url) {
        (Some(_), ..) => format!("the code to be entered for `{account}`"),
        (.., Some(_)) if !args.paste => format!("the login to `{account}` in the browser"),
        _ => format!("the provider of `{account}`"),
    }
}
