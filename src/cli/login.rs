//! `ringback login`: starts or joins a login, tells the user what to do, and waits for the result.

use std::thread::sleep;
use std::time::Duration;

use clap::Args;

use super::arguments::{AccountChoice, DaemonChoice, JsonChoice};
use super::autostart::{self, Announce};
use super::command_result::CommandResult;
use super::config_source::ConfigSource;
use super::granted::{Granted, as_whom};
use super::replace::TerminalQuestion;
use super::{device, password, paste, replace, report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{Client, DEFAULT_TIMEOUT};
use crate::clock::{Clock, Moment};
use crate::contract::{ErrorCode, LoginReply, LoginRequest, LoginStarted, LoginStatus, LoginVia};
use crate::error::Error;
use crate::os::browser::{BrowserOpener as _, StartUrl, UsersBrowser};

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

    /// If somebody else logs in than before, replace the tokens without asking
    #[arg(long)]
    replace: bool,

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
    pub(super) fn of(account: &str, reach: DaemonChoice) -> Self {
        let (account, json) = (AccountChoice { name: account.to_owned() }, JsonChoice::default());
        Self { account, no_browser: false, paste: false, device: false, replace: false, timeout: None, json, reach }
    }
}

const HELP: &str = "\
Examples:
  ringback login                   The default account
  ringback login work --no-browser
  ringback login --paste           Over SSH, or in a container
  ringback login --device          With a phone, if the provider supports it

Exits with 6 if the login failed or was not finished in time, and with 11 if somebody else has
logged in than before and there is no terminal to ask at.";

/// How long one request waits: short enough that a restart of the daemon is noticed soon.
const SLICE: Duration = Duration::from_secs(25);
/// Minimum time between two requests: a reply of `pending` that comes sooner did not wait.
const PACE: Duration = Duration::from_secs(1);
/// The daemon ends a login that runs out. If it does not, the command stops waiting this much later.
const GRACE: Duration = Duration::from_secs(30);

/// Runs the login to its end and reports the result.
pub(super) fn run(args: &LoginArgs) -> CommandResult {
    let via = match (args.paste, args.device) {
        (true, _) => LoginVia::Paste,
        (_, true) => LoginVia::Device,
        _ => LoginVia::CallerBrowser,
    };
    let begun = || format!("the daemon to start the login to `{}`; it may ask the provider", args.account.name);
    let (client, started) = autostart::or_start(&args.reach, Announce::Start, || {
        let client = args.reach.client()?;
        let started = waiting::told(DEFAULT_TIMEOUT, begun, || start(&client, args, via))?;
        Ok((client, started))
    })?;
    if started.joined {
        report::say(&format!("Joining the pending login to `{}`.", started.account));
    }
    if let Some(warning) = &started.warning {
        report::say(&format!("warning: {warning}"));
    }
    // The joined login may be done and only need an answer.
    if started.confirm.is_none() {
        lead(args, &client, &started)?;
    }
    let (timeout, begun) = (args.timeout.map(Duration::from_secs), Clock::System.now().boot);
    let (longest, what) = (longest(&started, timeout), || what_ends(args, &started));
    let mut ended = waiting::told(longest, what, || wait(&client, &started, timeout))?;
    if let Some(confirm) = &ended.confirm {
        let (account, login_id, deadline) = (&started.account, &started.login_id, timeout.map(|span| begun.plus(span)));
        ended = TerminalQuestion { client: &client, account, login_id, confirm, deadline }.settle(args.replace)?;
    }
    tell(ended, args.json)
}

fn start(client: &Client, args: &LoginArgs, via: LoginVia) -> Result<LoginStarted, Failure> {
    let ask = |replace| client.start_login(&args.account.name, LoginRequest { via, replace }).map_err(Failure::from);
    match ask(args.replace) {
        // A daemon of an earlier version does not know this member and replaces without asking.
        Err(failure) if args.replace && failure.code() == ErrorCode::Usage => ask(false),
        started => started,
    }
}

/// Tells the user what to do for this login, or opens the browser.
fn lead(args: &LoginArgs, client: &Client, started: &LoginStarted) -> Result<(), Failure> {
    match (&started.device, &started.password, &started.start_url) {
        (Some(prompt), ..) => device::show(prompt),
        (_, Some(prompt), _) => password::run(started, prompt)?,
        (.., Some(url)) if args.paste => paste::run(client, &started.login_id, url)?,
        (.., Some(url)) if args.no_browser || args.device => {
            show("Open this URL in a browser on this machine, within a minute:", url);
        }
        (.., Some(url)) => open(&started.account, url),
        (.., None) => report::say(&format!("`{}` needs no browser: the daemon asks the provider.", started.account)),
    }
    Ok(())
}

fn open(account: &str, start_url: &str) {
    let why = match StartUrl::parse(start_url) {
        Ok(url) => match UsersBrowser.open(&url, program(account).as_deref()) {
            Ok(()) => {
                let open = format!("The browser is open for the login to `{account}`.");
                return show(
                    &format!("{open} If no page appears, open this URL on this machine, within a minute:"),
                    start_url,
                );
            }
            Err(unopened) => unopened.to_string(),
        },
        Err(unfit) => unfit.to_string(),
    };
    show(&format!("The browser was not opened: {why}. Open this URL on this machine, within a minute:"), start_url);
    report::say("If the browser is on another machine, stop this and run `ringback login --paste`.");
}

/// The account's `browser`. It is read from the config and not told by the daemon, which is thus no way to have a
/// program run as whoever logs in. Without a config there is none: the daemon may have another.
fn program(account: &str) -> Option<Vec<String>> {
    let (config, _) = ConfigSource { config: None }.load_what_works().ok()?;
    config.accounts.get(account)?.keys.browser.clone()
}

/// The sentence, then the URL on a line of its own, so that it is easy to copy.
fn show(sentence: &str, url: &str) {
    report::say(sentence);
    report::say(url);
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

/// How long to wait for a login.
fn longest(started: &LoginStarted, timeout: Option<Duration>) -> Duration {
    let left = started.expires_at.saturating_sub(Clock::System.now().wall.unix_seconds());
    timeout.unwrap_or_else(|| Duration::from_secs(left.try_into().unwrap_or(0)))
}

/// Waits until the login has ended or asks something, for at most `timeout`.
fn wait(client: &Client, started: &LoginStarted, timeout: Option<Duration>) -> Result<LoginReply, Failure> {
    let now = Clock::System.now();
    let patience = longest(started, timeout) + if timeout.is_some() { Duration::ZERO } else { GRACE };
    let deadline = now.boot.plus(patience);
    let (mut told, mut seen) = (Vec::new(), 0);
    loop {
        let asked = Clock::System.now();
        let left = asked.boot.until(deadline);
        if left.is_zero() {
            return Err(late(started, patience));
        }
        let reply = state(client, &started.login_id, left.clamp(PACE, SLICE), seen)?;
        if reply.status != LoginStatus::Pending || reply.confirm.is_some() {
            return Ok(reply);
        }
        seen = reply.notices.len();
        // A daemon of an earlier version has only the newest one.
        for notice in reply.notices.into_iter().chain(reply.notice) {
            if !told.contains(&notice) {
                report::say(&format!("note: {}", report::plain(&notice)));
                told.push(notice);
            }
        }
        sleep(pause(asked));
    }
}

fn state(client: &Client, id: &str, wait: Duration, seen: usize) -> Result<LoginReply, Failure> {
    match client.login(id, wait, Some(seen)).map_err(Failure::from) {
        // A daemon of an earlier version does not know this parameter.
        Err(failure) if failure.code() == ErrorCode::Usage => Ok(client.login(id, wait, None)?),
        reply => reply,
    }
}

/// What is left of [`PACE`] since `asked`.
fn pause(asked: Moment) -> Duration {
    Clock::System.now().boot.until(asked.boot.plus(PACE))
}

fn late(started: &LoginStarted, patience: Duration) -> Failure {
    message::login_late(&started.account, report::span(patience))
}

/// Reports how a login ended.
pub(super) fn tell(reply: LoginReply, json: JsonChoice) -> CommandResult {
    if let Some(failure) = reply.failure {
        if reply.earlier_login {
            report::say(&format!(
                "The earlier login to `{}` is still valid: programs still get its token.",
                reply.account
            ));
        }
        return Err(failure.into());
    }
    if reply.status != LoginStatus::Succeeded {
        let error = Error::LoginFailed {
            account: reply.account,
            why: "the daemon did not say why".into(),
            provider_error: None,
        };
        return Err(error.into());
    }
    json.tell(&reply, || {
        report::say(&format!("Logged in to `{}`{}.", reply.account, as_whom(&reply.identity)));
        replace::tell(&reply.replaced);
        let (scope, refreshable) = (reply.scope.as_deref(), reply.refreshable);
        Granted { scope, expires_at: reply.token_expires_at, expiry: reply.token_expiry, refreshable }.tell();
    })
}
