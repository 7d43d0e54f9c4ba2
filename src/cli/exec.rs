//! `ringback exec`: runs a program with a token, with a file that holds the current one, or with a key of its own.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::Args;

use self::fresh::FreshFiles;
use self::key::HeldKey;
use super::arguments::{DaemonChoice, TokenChoice};
use super::autostart::{self, Announce};
use super::command_result::CommandResult;
use super::{report, waiting};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::{TemporaryApp, Token};
use crate::contract::{DEFAULT_ACCOUNT, ProxyRules, TemporaryAppRequest};
use crate::os::child_env::DAEMON_AND_KEY;
use crate::os::foreground::{self, ForegroundError};

mod folder;
mod fresh;
mod key;
mod variables;

/// The exit codes of a shell for a program that it does not find, or can't run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// Run a program with a token
///
/// The token is in the environment variable `ACCESS_TOKEN`; with several accounts, in `ACCOUNT_ACCESS_TOKEN` of each. It stays
/// as it was at the start: for a program that runs longer than a token, use --file or --url.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ExecArgs {
    /// The accounts' names in the config [default: default]
    #[arg(value_name = "ACCOUNT")]
    accounts: Vec<String>,

    /// The variable's name; with several accounts once for each, in their order
    #[arg(long, value_name = "NAME")]
    env: Vec<String>,

    /// Put the token into a private file that is kept fresh, and its path into `ACCESS_TOKEN_FILE`
    #[arg(long)]
    file: bool,

    /// Give the program no token, but a key with which it can ask for these accounts' tokens for as long as it runs
    #[arg(long, conflicts_with_all = ["file", "env", "min_ttl", "wait"])]
    url: bool,

    /// Give the program no token, but in this variable a base URL by which it uses the account through the proxy
    /// (docs/proxy.md), such as `OPENAI_BASE_URL`
    #[arg(long, value_name = "NAME", requires = "api_key", conflicts_with_all = ["file", "env", "url", "min_ttl", "wait"])]
    base_url: Option<String>,

    /// The variable for the key that goes with it, such as `OPENAI_API_KEY`; the key ends with the program
    #[arg(long, value_name = "NAME", requires = "base_url")]
    api_key: Option<String>,

    #[command(flatten)]
    token: TokenChoice,

    #[command(flatten)]
    reach: DaemonChoice,

    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const HELP: &str = "\
Examples:
  ringback exec -- ./report                        The default account's token in ACCESS_TOKEN
  ringback exec work --env GITHUB_TOKEN -- gh api user
  ringback exec work home -- ./sync                WORK_ACCESS_TOKEN and HOME_ACCESS_TOKEN
  ringback exec --file -- ./server                 ACCESS_TOKEN_FILE names a file with the current token
  ringback exec work --url -- ./worker             RINGBACK_URL and RINGBACK_KEY_FILE, for `work` alone
  ringback exec ai --base-url OPENAI_BASE_URL --api-key OPENAI_API_KEY -- ./agent

The exit code is the program's, or 128 and the number of the signal that ended it; 127 if there is no
such program, 126 if it can't be run. Before it is started, the usual ones.";

/// Runs the program.
pub(super) fn run(args: &ExecArgs) -> CommandResult {
    let Some((program, arguments)) = args.command.split_first() else { return Err(message::no_program()) };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in DAEMON_AND_KEY {
        command.env_remove(name);
    }
    if let (Some(base_url), Some(api_key)) = (&args.base_url, &args.api_key) {
        let app = args.proxy_key(base_url, api_key)?;
        let account = app.app.accounts.iter().flatten().next().map_or(DEFAULT_ACCOUNT, String::as_str);
        command.env(base_url, format!("{}/proxy/{account}", app.url));
        // Exposed, since handing it to this program is the purpose of the command.
        command.env(api_key, app.key.expose());
        let ended = stay(program, command);
        // The key works for as long as this is held.
        drop(app);
        return ended;
    }
    if args.url {
        let held = args.key()?;
        command.envs(held.variables());
        return stay(program, command);
    }
    let names = variables::names(&args.env, args.accounts().len(), args.file)?;
    let tokens = args.tokens()?;
    let variables = names.of(&tokens)?;
    if args.file {
        let files =
            FreshFiles::begin(&variables, &tokens, (args.reach.client()?, args.reach.client()?, args.token.options()))?;
        command.envs(files.variables());
        return stay(program, command);
    }
    for (name, token) in variables.iter().zip(&tokens) {
        // Exposed, since handing it to this program is the purpose of the command.
        command.env(name, token.access_token.expose());
    }
    // In place of this process: it has nothing left to do.
    Ok(not_started(program, &command.exec()))
}

impl ExecArgs {
    fn accounts(&self) -> Vec<String> {
        if self.accounts.is_empty() { vec![DEFAULT_ACCOUNT.to_owned()] } else { self.accounts.clone() }
    }

    /// The token of each account, in their order.
    fn tokens(&self) -> Result<Vec<Token>, Failure> {
        let (accounts, wish, longest) = (self.accounts(), self.token.options(), self.token.longest());
        autostart::or_start(&self.reach, Announce::Start, || {
            let client = self.reach.client()?;
            let tokens = accounts.iter().map(|account| {
                let what = || waiting::for_a_token(&client, account);
                Ok(waiting::told(longest, what, || client.token_with_lifetime(account, &wish))?)
            });
            tokens.collect()
        })
    }

    /// A key for the account's proxy alone.
    fn proxy_key(&self, base_url: &str, api_key: &str) -> Result<TemporaryApp, Failure> {
        let accounts = self.accounts();
        variables::names(&[base_url.to_owned(), api_key.to_owned()], 2, false)?;
        if let [_, _, ..] = accounts.as_slice() {
            return Err(message::one_account_for_base_url());
        }
        let scopes = self.token.scopes().map(<[_]>::to_vec);
        let wish = TemporaryAppRequest { accounts, scopes, proxy: Some(ProxyRules::default()) };
        autostart::or_start(&self.reach, Announce::Start, || Ok(self.reach.client()?.temporary_app(&wish)?))
    }

    /// A key for the accounts.
    fn key(&self) -> Result<HeldKey, Failure> {
        let wish = TemporaryAppRequest {
            accounts: self.accounts(),
            scopes: self.token.scopes().map(<[_]>::to_vec),
            proxy: None,
        };
        let app =
            autostart::or_start(&self.reach, Announce::Start, || Ok(self.reach.client()?.temporary_app(&wish)?))?;
        HeldKey::begin(app, self.reach.client()?, wish)
    }
}

/// Runs the program and waits for its end.
fn stay(program: &OsStr, command: Command) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(message::no_async_runtime)?.block_on(foreground::run(command)) {
        Ok(status) => Ok(ExitCode::from(foreground::exit_code(status))),
        Err(ForegroundError::NotStarted(error)) => Ok(not_started(program, &error)),
        Err(ForegroundError::Signals(error)) => Err(message::no_signals(error)),
        Err(ForegroundError::Unwatched(error)) => Err(message::end_unknown(error)),
    }
}

/// Says why, with the exit code of a shell.
fn not_started(program: &OsStr, error: &io::Error) -> ExitCode {
    report::failure(&message::program_not_started(program.display(), error));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUN })
}
