//! `ringback doctor`: looks at everything that a login or refresh depends on, and tells what needs a hand and
//! how to give it. Each check is a function from facts to findings; here they are run and told.

mod accounts;
mod finding;
mod logins;
mod machine;
mod providers;
mod setup;

use std::process::ExitCode;

use clap::Args;

use super::{CommandResult, DaemonChoice, config, report};
use crate::client::{Failure, message};
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::{DoctorReply, Finding, FindingState, VERSION};
use crate::os::paths::Paths;

/// Check everything that tokens depend on, and tell what to do
///
/// Looks at the config, files and their modes, port and redirect URIs, the clock, providers and their TLS,
/// browser, keyring and service, and at how the accounts stand. Nothing is changed, and no secret is sent
/// anywhere. Exits with 1 if something needs a hand.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct DoctorArgs {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    /// Ask no provider anything
    #[arg(long)]
    offline: bool,

    #[command(flatten)]
    source: config::ConfigSource,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback doctor
  ringback doctor --offline
  ringback doctor --json | jq '.findings[] | select(.state == \"needs_hand\")'";

/// Runs the checks and tells what they found.
pub(super) fn run(args: &DoctorArgs) -> CommandResult {
    let mut findings = Vec::new();
    if let Some(config) = setup::config(&args.source, &mut findings) {
        look_around(args, &config, &mut findings)?;
    }
    let attention_needed = findings.iter().any(|finding| finding.state == FindingState::NeedsHand);
    let reply = DoctorReply { version: VERSION, attention_needed, findings };
    let text = if args.json { report::json(&reply)? } else { finding::as_text(&reply.findings) };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::from(u8::from(attention_needed)))
}

fn look_around(args: &DoctorArgs, config: &Config, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let env = |name: &str| std::env::var_os(name);
    let paths = Paths::from_env(&env, config.store.folder.as_deref()).map_err(message::homeless)?;
    setup::files(config, &paths, findings);
    let daemon = accounts::daemon(&args.reach, findings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    runtime.block_on(async {
        setup::ports(config, daemon.is_some(), findings).await;
        setup::redirects(config, findings);
        if !args.offline {
            providers::reach(config, findings).await;
        }
    });
    providers::proxies(config, &env, findings);
    machine::system(findings);
    machine::clock(Clock::System.now().wall, findings);
    machine::browser(findings);
    machine::keyring(config, findings);
    machine::service(findings);
    accounts::standing(config, daemon.as_ref(), Clock::System.now().wall.unix_seconds(), findings);
    Ok(())
}
