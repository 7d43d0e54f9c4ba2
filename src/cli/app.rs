//! `ringback app`: manages the keys of programs (API keys) and their rights.

mod words;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use self::words::{overview, rights, with_process};
use super::arguments::{DaemonChoice, JsonChoice};
use super::command_result::CommandResult;
use super::report;
use crate::apps::DEFAULT_APP;
use crate::apps::wording::KEY_FILE_AGAIN;
use crate::cli::failure::Failure;
use crate::client::Client;
use crate::clock::Clock;
use crate::contract::{AppMade, AppRequest, DEFAULT_ACCOUNT, ErrorCode, ProxyRules};

/// Manage the keys of programs and their rights
///
/// A program that can't use the unix socket, or should have limited rights, gets a key of its own. The key of the app
/// `default` is in the key file that endpoint.json names.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct AppArgs {
    #[command(subcommand)]
    command: AppCommand,
}

const HELP: &str = "\
Examples:
  ringback app add editor                       A key that may read the default account
  ringback app add backup --account work --account home --expires 90d
  (umask 077; ringback app add editor > editor.key)
  ringback app list
  ringback app remove editor                    Its key stops working at once
  ringback app rotate default                   A new key in the key file
  ringback app remove default                   Delete the key file; the socket and other keys remain
  ringback app add default --all-accounts --write   Make the key file again, with every right";

#[derive(Subcommand)]
enum AppCommand {
    Add(AddArgs),
    List(AppListArgs),
    Remove(RemoveArgs),
    Rotate(RotateArgs),
}

/// Make a key for a program, and print it once
///
/// It may read the default account unless you name others. Without `--write` it may change nothing.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback app add editor
  ringback app add mailer --account work --scope mail.send --expires 90d
  ringback app add agent --proxy work --method GET --path '/accounts/*/calls/**' --expires 2h
  ringback app add searcher --proxy tracker --tool 'search_*' --tool get_issue
  ringback app add build --account work --while-pid $$   A key that ends with this shell
  ringback app add panel --all-accounts --write
  ringback app add default --all-accounts --write   Make the key file again, after `app remove default`")]
struct AddArgs {
    /// The app's name
    name: String,

    /// An account that it may read; may be repeated
    #[arg(long = "account", value_name = "ACCOUNT", default_value = DEFAULT_ACCOUNT)]
    accounts: Vec<String>,

    /// It may read every account, including those that are added later
    #[arg(long, conflicts_with = "accounts")]
    all_accounts: bool,

    /// It gets only tokens with no more than this scope; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// It gets no token, and may only use this account through the proxy (docs/proxy.md); may be repeated
    #[arg(long = "proxy", value_name = "ACCOUNT", conflicts_with_all = ["accounts", "all_accounts", "write"])]
    proxied: Vec<String>,

    /// Through the proxy it may use only this method, such as `GET`; may be repeated
    #[arg(long = "method", value_name = "METHOD", requires = "proxied")]
    methods: Vec<String>,

    /// Through the proxy it may use only this path below the account's base URL; `*` stands for a segment or a part of
    /// one, `**` for any number of segments; may be repeated
    #[arg(long = "path", value_name = "GLOB", requires = "proxied")]
    paths: Vec<String>,

    /// Through the proxy it may call only this tool of an MCP server, such as `search_*`; `*` stands for any characters; may
    /// be repeated
    #[arg(long = "tool", value_name = "GLOB", requires = "proxied")]
    tools: Vec<String>,

    /// How long the key works, such as `90d` [default: until it is removed]
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,

    /// The key works as long as this process of yours runs, and no longer
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    while_pid: Option<i32>,

    /// It may also log in and out, refresh, and accept a provider's new address
    #[arg(long)]
    write: bool,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Show the programs that have a key, and when they last used it
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback app list
  ringback app list --json")]
struct AppListArgs {
    /// Print the daemon's reply as JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Remove a program's key at once
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback app remove editor
  ringback app remove default   Programs that use the key file are shut out, too
  ringback app add default --all-accounts --write   Make the key file again, with every right")]
struct RemoveArgs {
    /// The app's name
    #[arg(value_name = "APP")]
    name: String,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Make another key for a program, and print it once
///
/// The old key stops working at once. The key of `default` goes into the key file and is not printed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  ringback app rotate editor
  ringback app rotate default")]
struct RotateArgs {
    /// The app's name
    #[arg(value_name = "APP")]
    name: String,

    #[command(flatten)]
    json: JsonChoice,

    #[command(flatten)]
    reach: DaemonChoice,
}

/// Asks the daemon, over the unix socket.
pub(super) fn run(args: &AppArgs) -> CommandResult {
    match &args.command {
        AppCommand::Add(add) => tell_key(add.reach.client()?.add_app(&add.request())?, add.json),
        AppCommand::Rotate(rotate) => {
            let client = rotate.reach.client()?;
            let made = client.rotate_app(&rotate.name).map_err(|error| unknown(&client, &rotate.name, error.into()))?;
            tell_key(made, rotate.json)
        }
        AppCommand::Remove(remove) => {
            let client = remove.reach.client()?;
            let reply =
                client.remove_app(&remove.name).map_err(|error| unknown(&client, &remove.name, error.into()))?;
            remove.json.tell(&reply, || {
                report::say(&format!("{}: removed, its key no longer works", remove.name));
                if remove.name == DEFAULT_APP {
                    report::say(&format!("The key file is deleted, too. {KEY_FILE_AGAIN}"));
                }
            })
        }
        AppCommand::List(list) => {
            let reply = list.reach.client()?.apps()?;
            let now = Clock::System.unix_seconds();
            let text = if list.json { report::json(&reply)? } else { overview(&reply, now) };
            report::answer(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The failure, with the app that was probably meant if there is none of that name.
fn unknown(client: &Client, name: &str, failure: Failure) -> Failure {
    if failure.code() != ErrorCode::NotFound {
        return failure;
    }
    let apps = client.apps().map(|reply| reply.apps).unwrap_or_default();
    failure.or_meant(name, apps.iter().map(|app| app.name.as_str()))
}

impl AddArgs {
    fn request(&self) -> AppRequest {
        AppRequest {
            name: self.name.clone(),
            accounts: if self.proxied.is_empty() {
                (!self.all_accounts).then(|| self.accounts.clone())
            } else {
                Some(self.proxied.clone())
            },
            proxy: (!self.proxied.is_empty()).then(|| ProxyRules {
                methods: self.methods.clone(),
                paths: self.paths.clone(),
                tools: self.tools.clone(),
            }),
            scopes: (!self.scopes.is_empty()).then(|| self.scopes.clone()),
            write: self.write,
            expires_in: self.expires.map(|span| span.as_secs()),
            while_pid: self.while_pid,
        }
    }
}

/// Prints the key alone to standard output, so that it can be piped into a file or a password manager.
fn tell_key(made: AppMade, json: JsonChoice) -> CommandResult {
    let told = if json.is_chosen() { Some(report::secret_json(&made)?) } else { None };
    let AppMade { app, key, key_file, .. } = made;
    let key = key.map(Zeroizing::new);
    if let Some(told) = told {
        report::answer(&told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let ends = with_process(&app);
    if let Some(file) = key_file {
        report::say(&format!("{}: {}{ends}. Its new key is in {file}", app.name, rights(&app)));
        if !(app.write && app.accounts.is_none() && app.scopes.is_none()) {
            report::say(&format!("To give it every right, run `ringback app remove default` first. {KEY_FILE_AGAIN}"));
        }
    }
    if let Some(key) = key {
        let mut line = Zeroizing::new(Vec::with_capacity(key.len() + 1));
        line.extend_from_slice(key.as_bytes());
        line.push(b'\n');
        report::answer(&line)?;
        report::say(&format!("{}: {}{ends}. The key is shown only this once.", app.name, rights(&app)));
    }
    Ok(ExitCode::SUCCESS)
}
