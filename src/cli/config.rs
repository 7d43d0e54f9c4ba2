//! `ringback config`: checks the config file, without a daemon.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::config_change::ConfigRepair;
use super::config_source::{ConfigSource, count, failure};
use super::fix::{self, Examined, Fix, FixOptions};
use super::named_files::{self, UnusableFile};
use super::platform;
use super::reload::{self, Expected, NotReloaded};
use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{self, Config as Effective};
use crate::config_file::{self, ConfigFileError};
use crate::contract::ErrorCode;

/// Check the config file, or show an example or the schema of one
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    act: ConfigCommand,
}

const HELP: &str = "\
Examples:
  ringback config check
  ringback config check --show   # with the redirect URI of every account
  ringback config check --fix
  mkdir -p ~/.config/ringback && ringback config example >~/.config/ringback/config.toml
  ringback config schema >~/.config/ringback/config.schema.json
  ringback config reload
  ringback config path";

#[derive(Subcommand)]
enum ConfigCommand {
    /// Check the config file
    ///
    /// Reports every mistake with its line, and exits with 2 if there is one. Warnings don't change the exit code. Files that
    /// the config names are checked: client secrets, passwords and private keys (not shown), and certificates. Commands are
    /// not run, and keyrings and systemd credentials are not queried.
    ///
    /// `--fix` puts right what is certain: a file with a secret that others can read, a key at the wrong level if it can
    /// belong to one place only, a key's earlier name. It shows the change and asks. Comments and order stay, and a
    /// running daemon reads the file again. What is only likely, such as a misspelled key, is left to you. It exits with
    /// 11 if there is no terminal to ask at.
    Check(CheckArgs),
    /// Print an example that explains every key
    Example,
    /// Print a JSON Schema, by which editors complete and check the config file
    ///
    /// Put it beside the config file, and `#:schema ./config.schema.json` into the file's first line: editors with
    /// Taplo (Even Better TOML for VS Code) then complete keys and words, show what they mean, and mark mistakes. What
    /// depends on other keys or on files, only `ringback config check` finds.
    Schema,
    /// Make the running daemon read the config file again
    ///
    /// Says whether it has: a config with a mistake is refused, and the daemon keeps the one that it has. The same as
    /// SIGHUP, or `systemctl --user reload ringback`, which say nothing.
    Reload(ReloadArgs),
    /// Print where the config file is
    Path(PathArgs),
}

#[derive(Args)]
struct PathArgs {
    #[command(flatten)]
    source: ConfigSource,

    #[command(flatten)]
    json: JsonChoice,
}

#[derive(Args)]
struct ReloadArgs {
    #[command(flatten)]
    source: ConfigSource,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// What to check, and what to print.
#[derive(Args)]
struct CheckArgs {
    #[command(flatten)]
    source: ConfigSource,

    /// Print the effective config, with presets and defaults filled in and secrets hidden
    #[arg(long, conflicts_with = "json")]
    show: bool,

    #[command(flatten)]
    fixing: FixOptions,

    #[command(flatten)]
    json: JsonChoice,
}

/// Runs the subcommand.
pub(super) fn run(args: &ConfigArgs) -> CommandResult {
    let text = match &args.act {
        ConfigCommand::Check(args) => return check(args),
        ConfigCommand::Reload(args) => return reload(args),
        ConfigCommand::Example => config::example(),
        ConfigCommand::Schema => config::json_schema(),
        ConfigCommand::Path(PathArgs { source, json }) => {
            let path = config_file::default_path(&source.env()).map_err(|error| failure(&error))?;
            if json.is_chosen() {
                report::json(&json!({ "path": path.display().to_string() }))?
            } else {
                format!("{}\n", path.display())
            }
        }
    };
    report::answer(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What a check finds.
#[derive(Default)]
struct Checked {
    /// What can be used of it; `None` if nothing can.
    config: Option<Effective>,
    mistakes: Vec<String>,
    /// Files that the daemon could not use.
    unusable: Vec<String>,
    warnings: Vec<String>,
}

/// Looks at the config and the files that it names, and finds what certainly puts something right.
fn look(source: &ConfigSource, may_fix: bool) -> Result<(Checked, Vec<Fix>), Failure> {
    let mut fixes = Vec::new();
    let (config, mistakes) = match source.load_with_mistakes() {
        Ok(loaded) => loaded,
        Err(error) => match &error {
            ConfigFileError::Unusable { fix: Some(fix), .. } if may_fix => {
                fix::add_mode(&mut fixes, fix);
                return Ok((Checked { mistakes: vec![error.to_string()], ..Checked::default() }, fixes));
            }
            _ => return Err(failure(&error)),
        },
    };
    let mut checked = Checked { mistakes: mistakes.iter().map(ToString::to_string).collect(), ..Checked::default() };
    if let Some(config) = &config {
        let file = source.file().unwrap_or_default();
        let of_file = |key: &str, why: &str| format!("{}: {key}: {why}", file.display());
        for UnusableFile { key, why, fix, .. } in &named_files::unusable(config) {
            checked.unusable.push(of_file(key, why));
            if let Some(fix) = fix {
                fix::add_mode(&mut fixes, fix);
            }
        }
        let programs = named_files::missing_programs(config);
        let programs = programs.iter().map(|(key, why)| of_file(key, why));
        let warnings = config.warnings.iter().map(ToString::to_string);
        checked.warnings = warnings.chain(platform::unmet(config)).chain(programs).collect();
    }
    fixes.extend(ConfigRepair::find(source).map(|repair| Fix::Config(Box::new(repair))));
    Ok((Checked { config, ..checked }, fixes))
}

fn check(args: &CheckArgs) -> CommandResult {
    let CheckArgs { source, show, json, fixing } = args;
    let examined = fixing.examine(&DaemonChoice::default(), || look(source, fixing.is_chosen()))?;
    if json.is_chosen() {
        return check_json(examined);
    }
    let found = &examined.found;
    found.mistakes.iter().chain(&found.unusable).for_each(|mistake| report::say(mistake));
    found.warnings.iter().for_each(|warning| report::say(&format!("warning: {warning}")));
    if !fixing.is_chosen() && examined.possible() > 0 {
        report::say(&can_be_fixed(examined.possible()));
    }
    let (text, result) = (summary(found, *show), examined.end(false, ExitCode::SUCCESS)?);
    report::answer(text?.as_bytes())?;
    Ok(result)
}

/// What goes to standard output if there is no mistake; fails if there is one.
fn summary(found: &Checked, show: bool) -> Result<String, Failure> {
    let config = match (&found.config, found.mistakes.len(), found.unusable.len()) {
        (Some(config), 0, 0) => config,
        (_, 0, files) => return Err(message::files_unusable(count(files))),
        (_, mistakes, files) => return Err(message::config_mistakes(count(mistakes + files))),
    };
    if config.accounts.is_empty() {
        report::say("There are no accounts yet: `ringback account add` adds one.");
    }
    if show {
        // Standard output has only TOML.
        report::say(&fine(config));
        Ok(config::describe(config))
    } else {
        Ok(fine(config) + "\n")
    }
}

/// The same as one object, also if there are mistakes; the exit code is the same.
fn check_json(examined: Examined<Checked>) -> CommandResult {
    let Checked { config, mistakes, unusable, warnings } = &examined.found;
    let accounts: Vec<&String> = config.iter().flat_map(|config| config.accounts.keys()).collect();
    let mistakes: Vec<&String> = mistakes.iter().chain(unusable).collect();
    let code = if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(ErrorCode::Usage.row().exit) };
    let checked = json!({ "accounts": accounts, "mistakes": mistakes, "warnings": warnings, "fixes": examined.fixes });
    report::answer(report::json(&checked)?.as_bytes())?;
    examined.end(true, code)
}

/// The daemon's own word counts: it may run in another version, or with another file.
fn reload(args: &ReloadArgs) -> CommandResult {
    let (config, mistakes) = args.source.load_with_mistakes().map_err(|error| failure(&error))?;
    let Some(config) = config else { return Err(failure(&ConfigFileError::Mistakes(mistakes))) };
    reload::ask(&args.reach, &config, Expected::Changed).map_err(|why| match why {
        NotReloaded::Unreached(failure) => failure,
        NotReloaded::Untold(why) => message::reload_untold(why),
        NotReloaded::Unseen => message::reload_unseen(),
        NotReloaded::Refused => message::reload_refused(),
    })?;
    args.json.tell(&json!({ "reloaded": true }), || report::say("The daemon has read the config."))
}

fn can_be_fixed(fixes: usize) -> String {
    let what = if fixes == 1 { "One thing".to_owned() } else { format!("{fixes} things") };
    format!("{what} can be fixed for certain: `ringback config check --fix` shows it and asks.")
}

/// The last line of a check without mistakes.
fn fine(config: &Effective) -> String {
    match config.accounts.len() {
        1 => "ok: 1 account".into(),
        accounts => format!("ok: {accounts} accounts"),
    }
}
