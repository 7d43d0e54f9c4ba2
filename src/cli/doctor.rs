//! `ringback doctor`: checks everything that logins and refreshes depend on, and says how to fix what is wrong. Each
//! check is a function from facts to findings, and to fixes that are certain; this file runs them and prints the findings.

mod accounts;
mod files;
mod finding;
mod logins;
mod machine;
mod providers;
mod setup;
mod upstreams;

use std::process::ExitCode;

use clap::Args;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::fix::{Fix, FixOptions};
use super::{config_source, report};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::Config;
use crate::contract::{DoctorReply, Finding, FindingState, VERSION};
use crate::os::paths::Paths;

/// Find problems and say how to fix them
///
/// Checks the config, files and their modes, ports and redirect URIs, the clock, providers and their TLS, the proxy and
/// its upstreams, the browser, keyring and service, and the state of every account. It sends no secret anywhere. Exits
/// with 1 if something has to be fixed.
///
/// It changes nothing, unless `--fix` is given and you agree: that closes files and folders that others can read, corrects
/// the config as `ringback config check --fix` does, and writes outdated units again as `ringback service install` does.
/// Then it checks again. It exits with 11 if there is no terminal to ask at.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct DoctorArgs {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,

    /// Don't contact providers and upstreams
    #[arg(long)]
    offline: bool,

    #[command(flatten)]
    fixing: FixOptions,

    #[command(flatten)]
    source: config_source::ConfigSource,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback doctor
  ringback doctor --offline
  ringback doctor --fix
  ringback doctor --json | jq '.findings[] | select(.state == \"needs_hand\")'";

/// Runs the checks and prints their findings.
pub(super) fn run(args: &DoctorArgs) -> CommandResult {
    let mut examined = args.fixing.examine(&args.reach, || {
        let (mut findings, mut fixes) = (Vec::new(), Vec::new());
        if let Some(config) = setup::config(&args.source, &mut findings, &mut fixes) {
            look_around(args, &config, &mut findings, &mut fixes)?;
        }
        Ok((findings, fixes))
    })?;
    let findings = std::mem::take(&mut examined.found);
    let attention_needed = findings.iter().any(|finding| finding.state == FindingState::NeedsHand);
    let reply = DoctorReply { version: VERSION, attention_needed, findings, fixes: examined.fixes.clone() };
    let text = if args.json { report::json(&reply)? } else { finding::as_text(&reply.findings) };
    report::answer(text.as_bytes())?;
    examined.end(args.json, ExitCode::from(u8::from(attention_needed)))
}

fn look_around(
    args: &DoctorArgs,
    config: &Config,
    findings: &mut Vec<Finding>,
    fixes: &mut Vec<Fix>,
) -> Result<(), Failure> {
    let env = |name: &str| std::env::var_os(name);
    let paths = Paths::from_env(&env, config.store.folder.as_deref()).map_err(message::homeless)?;
    files::folders(config, &paths, findings, fixes);
    files::named(config, findings, fixes);
    let daemon = accounts::daemon(&args.reach, findings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    runtime.block_on(async {
        setup::ports(config, daemon.is_some(), findings).await;
        setup::redirects(config, findings);
        if !args.offline {
            providers::reach(config, findings).await;
            upstreams::reach(config, findings).await;
        }
    });
    providers::proxies(config, &env, findings);
    upstreams::paths(config, findings);
    // Only the socket tells; without a daemon, that is a finding already.
    if let Some(list) = daemon.as_ref().and_then(|_| args.reach.client().ok()?.apps().ok()) {
        upstreams::apps(config, &list.apps, findings);
    }
    machine::system(findings);
    machine::clock(Clock::System.now().wall, findings);
    machine::browser(findings);
    machine::keyring(config, findings);
    machine::service(&args.source, config, findings, fixes);
    accounts::standing(config, daemon.as_ref(), Clock::System.unix_seconds(), findings);
    Ok(())
}
