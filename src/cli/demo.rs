//! `ringback demo`: a demonstration on temporary data. Starts a practice provider and a daemon (both this same program),
//! logs in with one click, and shows a token and two refreshes.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::command_result::CommandResult;
use super::{report, signals};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::{Boot, Clock};
use crate::contract::{LoginReply, LoginStarted, LoginStatus};
use crate::os::browser::{BrowserOpener as _, StartUrl, UsersBrowser};

mod click;
mod stage;
mod visitor;

use stage::DemoStage;
use visitor::Visitor;

/// See everything work, on temporary data
///
/// Starts a practice provider and a daemon in a temporary folder, asks you for one click, and shows the token and how it
/// is kept fresh. Ctrl-C stops both and removes the folder.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct DemoArgs {
    /// Do the click for you, and end after two refreshes
    #[arg(long)]
    yes: bool,

    /// Lifetime of the practice provider's tokens
    #[arg(long, value_name = "DURATION", value_parser = lifetime, default_value = "6s")]
    lifetime: Duration,
}

const HELP: &str = "\
Examples:
  ringback demo                    One click in the browser; refreshes are shown until Ctrl-C
  ringback demo --yes              Needs nobody: ends by itself within 45 s
  ringback demo --lifetime 20s";

/// Shorter lifetimes end before the token can be shown; longer ones take too long to watch.
fn lifetime(text: &str) -> Result<Duration, String> {
    let given = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let fits = (Duration::from_secs(3)..=Duration::from_secs(3600)).contains(&given);
    if fits { Ok(given) } else { Err("expected a duration from 3s to 1h".into()) }
}

/// The limit for the whole demo with `--yes`, at the default lifetime.
const WHOLE: Duration = Duration::from_secs(36);
/// How long to wait for a person's click.
const CLICK: Duration = Duration::from_secs(600);
/// The polling interval for the token.
const GLANCE: Duration = Duration::from_millis(200);
/// The number of refreshes to show.
const REFRESHES: u32 = 2;

/// Runs the demo in a runtime of its own.
pub(super) fn run(args: &DemoArgs) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    runtime.block_on(perform(args))
}

/// Runs all steps and cleans up, whatever happens.
async fn perform(args: &DemoArgs) -> CommandResult {
    let mut teller = Teller { start: Clock::System.now().boot, step: "preparing" };
    let interrupted = signals::stop()?;
    let mut stage = DemoStage::build(args.lifetime)?;
    teller.tell(&format!("temporary folder {}", stage.folder().display()));
    let ended = tokio::select! {
        ended = play(args, &mut stage, &mut teller) => ended,
        () = interrupted => Ok(End::Interrupted),
    };
    let ended = ended.map_err(|failure| {
        stage.show_logs();
        failure.during(teller.step)
    });
    stage.strike().await;
    match ended? {
        End::Complete => teller.tell("done: both stopped, the folder is removed"),
        End::Interrupted => teller.tell("stopped; the folder is removed"),
    }
    Ok(ExitCode::SUCCESS)
}

/// How a demo can end without an error.
enum End {
    /// Everything was shown.
    Complete,
    /// The user pressed Ctrl-C.
    Interrupted,
}

async fn play(args: &DemoArgs, stage: &mut DemoStage, teller: &mut Teller) -> Result<End, Failure> {
    let show = show(args, stage, teller);
    if args.yes {
        let whole = WHOLE + args.lifetime.saturating_sub(Duration::from_secs(6)) * 3;
        let late = || message::demo_failed("it took too long");
        tokio::time::timeout(whole, show).await.map_err(|_| late())??;
        return Ok(End::Complete);
    }
    let (visitor, token) = show.await?;
    teller.tell("press Ctrl-C to stop");
    watch(&visitor, token, args.lifetime, u32::MAX, teller).await?;
    Ok(End::Complete)
}

/// The steps of every demo.
async fn show(
    args: &DemoArgs,
    stage: &mut DemoStage,
    teller: &mut Teller,
) -> Result<(Visitor, Zeroizing<String>), Failure> {
    teller.begin("starting the practice provider");
    stage.start_sandbox().await?;
    teller.tell(&format!("practice provider at {}", stage.sandbox_url()));
    teller.begin("starting the daemon");
    stage.start_daemon().await?;
    let visitor = Visitor::new(&stage.endpoint()?)?;
    teller.tell(&format!("daemon at {}", visitor.base()));
    teller.begin("logging in");
    log_in(args, &visitor, teller).await?;
    teller.begin("fetching the token");
    let token = visitor.token().await?;
    teller.tell(&format!("GET /token says {}", shortened(&token)));
    let said = stage.ringback_token().await?;
    if *said != *token {
        // There may have been a refresh between the two.
        let again = visitor.token().await?;
        same(&said, &again)?;
    }
    teller.tell(&format!("`ringback token` says {}", shortened(&said)));
    teller.begin("waiting for the refreshes");
    let token = watch(&visitor, said, args.lifetime, REFRESHES, teller).await?;
    Ok((visitor, token))
}

async fn log_in(args: &DemoArgs, visitor: &Visitor, teller: &mut Teller) -> Result<(), Failure> {
    let started: LoginStarted = visitor.post("/v1/accounts/default/login", r#"{"via":"caller_browser"}"#).await?;
    let url = StartUrl::parse(started.start_url.as_deref().unwrap_or_default())
        .map_err(|unfit| message::demo_surprised(unfit.to_string()))?;
    if args.yes {
        click::through(&url).await?;
        teller.tell("clicked Allow on the practice provider's page");
    } else {
        invite(&url, teller);
    }
    let deadline = Clock::System.now().boot.plus(CLICK);
    while !Clock::System.now().boot.until(deadline).is_zero() {
        let reply: LoginReply = visitor.get(&format!("/v1/logins/{}?wait=5", started.login_id)).await?;
        match (reply.status, reply.failure) {
            (LoginStatus::Succeeded, _) => {
                let scope = reply.scope.unwrap_or_else(|| "unknown".into());
                teller.tell(&format!("logged in to `{}`, scope {scope}", reply.account));
                return Ok(());
            }
            (_, Some(failure)) => return Err(failure.into()),
            (LoginStatus::Failed, None) => break,
            (LoginStatus::Pending, None) => tokio::time::sleep(GLANCE).await,
        }
    }
    Err(message::demo_failed("the login did not finish"))
}

/// Opens the page in the browser, or prints its URL.
fn invite(url: &StartUrl, teller: &Teller) {
    if UsersBrowser.open(url, None).is_ok() {
        teller.tell("the browser is open: choose a user and click Allow");
    } else {
        teller.tell("open this URL in a browser on this machine, choose a user and click Allow:");
        report::say(url.as_str());
    }
}

/// Polls the token until it has changed `times` times; returns the last one.
async fn watch(
    visitor: &Visitor,
    mut token: Zeroizing<String>,
    lifetime: Duration,
    times: u32,
    teller: &Teller,
) -> Result<Zeroizing<String>, Failure> {
    for number in 1..=times {
        let deadline = Clock::System.now().boot.plus(lifetime + Duration::from_secs(10));
        loop {
            let seen = visitor.token().await?;
            if *seen != *token {
                token = seen;
                break;
            }
            if Clock::System.now().boot.until(deadline).is_zero() {
                return Err(message::demo_failed("the token was not refreshed within its lifetime"));
            }
            tokio::time::sleep(GLANCE).await;
        }
        teller.tell(&format!("refresh {number}: GET /token says {}", shortened(&token)));
    }
    Ok(token)
}

fn same(one: &str, other: &str) -> Result<(), Failure> {
    if one == other { Ok(()) } else { Err(message::demo_surprised("HTTP and CLI gave different tokens")) }
}

/// The beginning of a token: enough to compare it, not enough to use it.
fn shortened(token: &str) -> String {
    token.chars().take(6).chain(['\u{2026}']).collect()
}

/// Prints each step with the time since the start.
struct Teller {
    start: Boot,
    /// The current step, for a failure.
    step: &'static str,
}

impl Teller {
    fn begin(&mut self, step: &'static str) {
        self.step = step;
    }

    fn tell(&self, line: &str) {
        let since = self.start.until(Clock::System.now().boot);
        report::say(&format!("{:6.1} s  {line}", since.as_secs_f64()));
    }
}
