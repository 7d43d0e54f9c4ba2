//! `ringback mcp add`: an account for an MCP server, by its URL.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::find::{Finder, McpClient, McpServer, Registration, server_url};
use crate::cli::account::change::{Change, ChangeOptions, Written};
use crate::cli::account::secret::{self, SecretPlan};
use crate::cli::command_result::CommandResult;
use crate::cli::dialogue::Dialogue;
use crate::cli::failure::Failure;
use crate::cli::reload::{Expected, reload};
use crate::cli::{login, message, report, waiting};
use crate::config::{
    AccountConfig, Config, ConfigEdit, assemble, client_auth_word, default_redirect_uri, known_providers,
};
use crate::contract::{DEFAULT_ACCOUNT, is_name};
use crate::reverse_proxy::upstream::Upstream;

/// Three requests to the server and its issuer, each with its own limit.
const LONGEST: Duration = Duration::from_secs(30);

/// Add an account for an MCP server
///
/// Asks the server which authorization server issues its tokens (RFC 9728), reads the metadata of that one (RFC 8414), and
/// registers a client there: the one of `--client-id`, else the document of `--client-metadata-url` if the server takes
/// such documents, else by dynamic registration (RFC 7591). Then writes the account and its proxy into the config. For an
/// account that is there, looks again, and registers anew if the server gets its tokens from another issuer now.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct AddArgs {
    /// The account's name
    name: String,

    /// The MCP server's URL, as its documentation has it
    url: String,

    /// The issuer to use, of those that the server names
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,

    /// The client id, if you registered a client by hand
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// A file with that client's secret, readable by you alone; the config names it
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,

    /// Read that client's secret from standard input, and keep it in a private file beside the config
    #[arg(long, requires = "client_id", conflicts_with = "client_secret_file")]
    client_secret_stdin: bool,

    /// The https URL of a client ID metadata document of yours
    #[arg(long, value_name = "URL", conflicts_with = "client_id", env = "RINGBACK_CLIENT_METADATA_URL")]
    client_metadata_url: Option<String>,

    /// A scope to request instead of those that the server names; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Bind the tokens to a key (DPoP, RFC 9449), also if the server does not ask for it
    #[arg(long)]
    dpop: bool,

    /// Log in at once
    #[arg(long, conflicts_with = "json")]
    login: bool,

    #[command(flatten)]
    options: ChangeOptions,
}

const HELP: &str = "\
Examples:
  ringback mcp add tracker https://mcp.example.com/mcp --login
  pass show tracker | ringback mcp add tracker https://mcp.example.com/mcp --client-id ID \\
    --client-secret-stdin

The clients of the server then use http://127.0.0.1:7464/proxy/NAME.";

/// Finds, registers, shows, writes, and offers the login.
pub(super) fn run(args: &AddArgs) -> CommandResult {
    let url = server_url(&args.url)?;
    let mut change = Change::open(&args.options.source, &args.name)?;
    let config = assemble(&change.draft.before()).config;
    let old = old(args, config.as_ref(), &url)?;
    let document = args.client_metadata_url.as_deref().map(document_url).transpose()?;
    let finder = Finder::new()?;
    let asked = || format!("{url} and its authorization server");
    let mut server = waiting::told(LONGEST, asked, || finder.server(&url, args.issuer.as_deref()))?;
    if !args.scopes.is_empty() {
        server.scopes =
            args.scopes.iter().flat_map(|scopes| scopes.split_ascii_whitespace()).map(str::to_owned).collect();
    }
    server.dpop |= args.dpop;
    let bound = if server.dpop { ", bound to a key (DPoP)" } else { "" };
    report::say(&format!("The tokens of {url} come from {}{bound}.", report::plain(&server.issuer)));
    let provider = old.map_or_else(|| free_provider(&change), |old| old.dialect.provider.clone());
    let is_known = old.is_some_and(|old| is_known(args, old, &server));
    change.edit(&server_edits(&args.name, &provider, &url, &server))?;
    if !is_known || !args.scopes.is_empty() {
        // Otherwise they stay: somebody may have added what a request needed.
        change.edit(&[ConfigEdit::set(&["accounts", &args.name, "scope"], list(&server.scopes))])?;
    }
    let secret = if is_known {
        SecretPlan::Unchanged
    } else {
        let how = (args, document.as_ref());
        let client = client(how, old, &finder, &server, &usual_redirect_uri(&change, &provider))?;
        become_client(args, &mut change, &provider, client)?
    };
    change.edit(&secret.edits(&args.name))?;
    let dialogue = Dialogue::open();
    let Written::Yes(config) = change.write(dialogue.as_ref(), &args.options, || secret.store())? else {
        return Ok(ExitCode::SUCCESS);
    };
    let expected = if old.is_some() { Expected::Changed } else { Expected::Added(&args.name) };
    let is_running = reload(&args.options.reach, &config, expected);
    if args.options.json.is_chosen() {
        return change.tell(args.options.json, &config, is_running);
    }
    report::say(&format!(
        "Its clients reach it through the daemon, each with a key of its own: `ringback mcp config CLIENT {}` sets one up.",
        args.name
    ));
    login::offer(&args.name, &args.options.reach, args.login, dialogue.as_ref().filter(|_| is_running))
}

/// The account of this name, which has to be one for this server.
fn old<'a>(args: &AddArgs, config: Option<&'a Config>, url: &Url) -> Result<Option<&'a Arc<AccountConfig>>, Failure> {
    if !is_name(&args.name) || args.name == DEFAULT_ACCOUNT {
        return Err(message::account_name_unfit(&args.name));
    }
    let Some(config) = config else { return Ok(None) };
    let upstream = Upstream::new(url);
    match config.accounts.get(&args.name) {
        Some(old) if old.proxied.as_ref().is_some_and(|proxied| Ok(&proxied.upstream) == upstream.as_ref()) => {
            Ok(Some(old))
        }
        Some(_) => Err(message::account_taken(&args.name)),
        None if config.broken.contains_key(&args.name) => Err(message::account_taken(&args.name)),
        None => Ok(None),
    }
}

/// A provider of its own, so that registration and tokens belong to this server's issuer alone.
fn free_provider(change: &Change) -> String {
    let (known, _) = known_providers(&change.draft.before());
    let account = &change.account;
    let names = std::iter::once(account.clone()).chain([format!("{account}-mcp")]);
    let mut names = names.chain((2_u32..).map(|n| format!("{account}-mcp-{n}")));
    names.find(|name| known.iter().all(|provider| provider.name != *name)).unwrap_or_default()
}

/// Whether the client of the account stays: the issuer is the same, and no other client is named.
fn is_known(args: &AddArgs, old: &AccountConfig, server: &McpServer) -> bool {
    old.dialect.issuer.as_deref() == Some(&server.issuer)
        && args.client_id.is_none()
        && args.client_metadata_url.is_none()
}

/// What the config says of the server.
fn server_edits(account: &str, provider: &str, url: &Url, server: &McpServer) -> Vec<ConfigEdit> {
    let of_provider = |key: &str, value: &str| ConfigEdit::set(&["providers", provider, key], value);
    let dpop = server.dpop.then(|| ConfigEdit::set(&["accounts", account, "dpop"], true));
    let edits = vec![
        of_provider("preset", "oidc"),
        of_provider("issuer", &server.issuer),
        of_provider("pkce", "required"),
        ConfigEdit::set(&["accounts", account, "provider"], provider),
        ConfigEdit::set(&["accounts", account, "resource"], list(std::slice::from_ref(&server.resource))),
        ConfigEdit::set(&["accounts", account, "proxy", "upstream"], url.as_str()),
    ];
    edits.into_iter().chain(dpop).collect()
}

fn list(values: &[String]) -> toml::Value {
    toml::Value::Array(values.iter().map(|value| value.as_str().into()).collect())
}

/// The redirect URI that is registered. Where the daemon takes any port, or none, a login opens this one.
fn usual_redirect_uri(change: &Change, provider: &str) -> String {
    let config = assemble(&change.draft.after()).config;
    let first = config.as_ref().and_then(|config| config.listen.tcp.first().copied());
    let first = first.filter(|address| address.port() != 0);
    let usual = std::net::SocketAddr::from(([127, 0, 0, 1], crate::config::DEFAULT_PORT));
    default_redirect_uri(first.unwrap_or(usual), provider)
}

fn client(
    (args, document): (&AddArgs, Option<&Url>),
    old: Option<&Arc<AccountConfig>>,
    finder: &Finder,
    server: &McpServer,
    redirect_uri: &str,
) -> Result<McpClient, Failure> {
    // A client that is known by a document is known everywhere.
    let portable = old.and_then(|old| document_url(old.client_id.known()?).ok());
    let document = document.or(portable.as_ref());
    let how = match (&args.client_id, document) {
        (Some(client_id), _) => {
            let has_secret = args.client_secret_file.is_some() || args.client_secret_stdin;
            Registration::Known { client_id, has_secret }
        }
        (None, _) if args.options.dry_run => Registration::Dry,
        (None, Some(document)) => Registration::Document(document),
        (None, None) => Registration::Dynamic,
    };
    let made = waiting::told(LONGEST, || server.issuer.clone(), || finder.client(server, &how, redirect_uri));
    match (made, old) {
        (Err(_), Some(_)) if !server.can_register() => Err(message::mcp_moved(&args.name, &server.issuer)),
        (made, _) => made,
    }
}

/// The URL of a client ID metadata document: https, with a path.
fn document_url(text: &str) -> Result<Url, Failure> {
    let url =
        Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.path() != "/" && url.fragment().is_none());
    url.ok_or_else(|| message::mcp_document(report::plain(text), "it is not an https URL with a path"))
}

/// What the config says of the client; and what becomes of its secret.
fn become_client(
    args: &AddArgs,
    change: &mut Change,
    provider: &str,
    client: McpClient,
) -> Result<SecretPlan, Failure> {
    let account = change.account.clone();
    change.edit(&[
        ConfigEdit::set(&["providers", provider, "client_auth"], client_auth_word(client.client_auth)),
        ConfigEdit::set(&["accounts", &account, "client_id"], client.client_id),
        ConfigEdit::set(&["accounts", &account, "redirect_uri"], client.redirect_uri),
    ])?;
    let keep = |secret| SecretPlan::keep(secret, &account, &change.path(), false);
    Ok(match (client.client_secret, &args.client_secret_file) {
        (Some(secret), _) => keep(secret),
        (None, Some(file)) => SecretPlan::Named(std::path::absolute(file).unwrap_or_else(|_| file.clone())),
        (None, None) if args.client_secret_stdin => keep(secret::of_stdin()?),
        (None, None) => SecretPlan::Removed,
    })
}
