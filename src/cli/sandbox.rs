//! `ringback sandbox`: runs the practice provider (a mock authorization server).

use std::process::ExitCode;

use clap::Args;

use super::command_result::CommandResult;
use super::start_log::start_log;
use super::{report, signals};
use crate::cli::message;
use crate::log;
use crate::sandbox::{self, Facts, Options};

/// Run a practice provider that behaves like Phone.com
///
/// Listens on 127.0.0.1 only. Its users are not real, and it keeps everything in memory until it stops.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct SandboxArgs {
    #[command(flatten)]
    options: Options,

    #[command(flatten)]
    log: log::LogOptions,
}

const HELP: &str = "\
Examples:
  ringback sandbox
  ringback sandbox --access-lifetime 30s --rotate never
  ringback sandbox --latency 2s --rate-limit 1/10

docs/sandbox.md is its manual.";

/// Serves until it is stopped.
pub(super) fn run(args: &SandboxArgs) -> CommandResult {
    start_log(&args.log)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    runtime.block_on(serve(&args.options))
}

async fn serve(options: &Options) -> CommandResult {
    let stop = signals::stop()?;
    let bound = sandbox::bind(options).await;
    let sandbox = bound.map_err(|error| message::sandbox_port(options.port, error))?;
    introduce(&sandbox.facts(), options);
    let served = sandbox.run(stop).await;
    served.map_err(message::sandbox_stopped)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the settings that an app needs.
fn introduce(facts: &Facts, options: &Options) {
    report::say(&format!("practice provider at {}", facts.base_url));
    report::say(&format!("authorize URL: {}", facts.authorize_url));
    report::say(&format!("token URL:     {}", facts.token_url));
    report::say(&format!("client id:     {}", facts.client_id));
    match &options.client_secret_file {
        // A secret that the user chose may be in use elsewhere.
        Some(file) => report::say(&format!("client secret: in {}", file.display())),
        None => report::say(&format!("client secret: {}", facts.client_secret)),
    }
    report::say(&format!("redirect URI:  {}", facts.redirect_rule));
}
