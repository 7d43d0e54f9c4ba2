//! `ringback mcp config`: what a client of MCP servers needs in its own config, with a key of its own.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use zeroize::Zeroizing;

use super::clients::{CLIENTS, ClientKind, Format, Value};
use super::json_merge::merged;
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::dialogue::Dialogue;
use crate::cli::diff::{self, Side};
use crate::cli::failure::Failure;
use crate::cli::{message, report};
use crate::client::Client;
use crate::config::{ConfigEdit, apply_edits};
use crate::contract::{AppRequest, ProxyRules};
use crate::os::{atomic_file, private_file};
use crate::secret::AppKey;

/// The largest config of a client that is changed, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// What is shown in the place of the key.
const HIDDEN: &str = "...";

/// Print what a client of MCP servers needs in its config
///
/// Makes a key for this client alone, and prints the entry with the key in it. With `--write`, puts it into the client's own
/// config file instead, after showing the difference. Running it again makes another key, and the earlier one of this
/// client and account stops working.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ConfigArgs {
    /// The client
    #[arg(value_parser = PossibleValuesParser::new(CLIENTS.iter().map(|client| client.name)))]
    client: String,

    /// The account of the MCP server
    #[arg(value_name = "ACCOUNT")]
    account: String,

    /// Put the entry into the client's config file
    #[arg(long)]
    write: bool,

    /// The client's config file, if it is not in the usual place
    #[arg(long, value_name = "FILE", requires = "write")]
    file: Option<PathBuf>,

    #[command(flatten)]
    reach: DaemonChoice,
}

const HELP: &str = "\
Examples:
  ringback mcp config claude-code tracker --write
  ringback mcp config goose tracker";

/// Prints or writes the entry. The key is made last: until then, the one of an earlier run works.
pub(super) fn run(args: &ConfigArgs) -> CommandResult {
    let Some(kind) = CLIENTS.iter().find(|client| client.name == args.client) else { return Ok(ExitCode::FAILURE) };
    let client = args.reach.client()?;
    let account = client.account(&args.account)?;
    let name = account.account;
    let proxy = account.proxy.ok_or_else(|| message::mcp_no_proxy(&name))?;
    let url = proxy.base_url.ok_or_else(message::mcp_no_port)?;
    let hidden = Entry { url: &url, key: HIDDEN };
    if !args.write {
        let key = key(&client, &name, kind)?;
        report::say(&format!("For {}, in ~/{}:", kind.label, kind.file));
        report::answer(shown(kind, &name, &Entry { key: key.expose(), ..hidden }).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let target = Target::find(kind, args.file.as_deref())?;
    if !target.is_wanted(kind, &name, &hidden)? {
        report::say("Nothing was written.");
        return Ok(ExitCode::SUCCESS);
    }
    let key = key(&client, &name, kind)?;
    target.write(kind, &name, &Entry { key: key.expose(), ..hidden })
}

/// A key that opens this account's proxy alone.
fn key(client: &Client, account: &str, kind: &ClientKind) -> Result<AppKey, Failure> {
    let name = format!("{account}.{}", kind.name);
    if client.apps()?.apps.iter().any(|app| app.name == name) {
        client.remove_app(&name)?;
    }
    let request = AppRequest {
        name: name.clone(),
        accounts: Some(vec![account.to_owned()]),
        proxy: Some(ProxyRules::default()),
        ..AppRequest::default()
    };
    client.add_app(&request)?.key.map(AppKey::taken).ok_or_else(|| message::mcp_no_key(&name))
}

/// What belongs into the file.
#[derive(Clone, Copy)]
struct Entry<'a> {
    url: &'a str,
    key: &'a str,
}

impl Entry<'_> {
    fn filled(&self, template: &str, name: &str) -> Zeroizing<String> {
        Zeroizing::new(template.replace("{name}", name).replace("{url}", self.url).replace("{key}", self.key))
    }
}

/// The entry in a file that has nothing else.
fn shown(kind: &ClientKind, name: &str, entry: &Entry<'_>) -> Zeroizing<String> {
    Zeroizing::new(with_entry("", kind, name, entry).unwrap_or_default())
}

/// The text with the entry in it. The error is one clause.
fn with_entry(text: &str, kind: &ClientKind, name: &str, entry: &Entry<'_>) -> Result<String, String> {
    match &kind.format {
        Format::Json(path, template) => merged(text, path, name, &entry.filled(template, name)),
        Format::Toml(table, keys) => {
            let edits: Vec<ConfigEdit> =
                keys.iter().map(|(key, value)| toml_edit(table, name, key, value, entry)).collect();
            apply_edits(text, &edits).map(|text| text.to_string()).map_err(|error| error.to_string())
        }
        Format::Yaml(template) if text.is_empty() => Ok(entry.filled(template, name).to_string()),
        Format::Yaml(_) => Err("is YAML, which is not changed here".into()),
    }
}

fn toml_edit(table: &str, name: &str, key: &str, value: &Value, entry: &Entry<'_>) -> ConfigEdit {
    let value = match value {
        Value::Url => toml::Value::from(entry.url),
        Value::Headers => {
            let header = ("Authorization".to_owned(), format!("Bearer {}", entry.key).into());
            toml::Value::Table([header].into_iter().collect())
        }
    };
    ConfigEdit::set(&[table, name, key], value)
}

/// The client's config file, as it was read.
struct Target {
    path: PathBuf,
    /// `None`: there is none yet.
    before: Option<(Zeroizing<String>, u32)>,
}

impl Target {
    fn find(kind: &ClientKind, named: Option<&Path>) -> Result<Self, Failure> {
        let home = || std::env::home_dir().ok_or_else(|| message::mcp_file(kind.file, "there is no home folder"));
        let path = match named {
            Some(path) => path.to_owned(),
            None => home()?.join(kind.file),
        };
        let unread =
            |why: &dyn std::fmt::Display| message::mcp_file(path.display(), format!("it can't be read: {why}"));
        let before = match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(unread(&error)),
            Ok(found) if !found.is_file() => return Err(message::mcp_file(path.display(), "it is a link, or no file")),
            Ok(found) => {
                let file = std::fs::File::open(&path).map_err(|error| unread(&error))?;
                let bytes = private_file::read_wiped(file, LARGEST, LARGEST).map_err(|error| unread(&error))?;
                let text = std::str::from_utf8(&bytes).map_err(|error| unread(&error))?;
                Some((Zeroizing::new(text.to_owned()), found.permissions().mode() & 0o777))
            }
        };
        Ok(Self { path, before })
    }

    fn text(&self) -> &str {
        self.before.as_ref().map_or("", |(text, _)| text)
    }

    fn with(&self, kind: &ClientKind, name: &str, entry: &Entry<'_>) -> Result<Zeroizing<String>, Failure> {
        let with = with_entry(self.text(), kind, name, entry).map(Zeroizing::new);
        with.map_err(|why| message::mcp_file(self.path.display(), format!("it {why}")))
    }

    /// Shows the difference without the key, and asks if somebody is there.
    fn is_wanted(&self, kind: &ClientKind, name: &str, hidden: &Entry<'_>) -> Result<bool, Failure> {
        let (path, old, new) = (self.path.display().to_string(), self.text(), self.with(kind, name, hidden)?);
        let difference = diff::unified(&path, Side { text: old, shown: old }, Side { text: &new, shown: &new });
        difference.lines().for_each(report::say);
        Dialogue::open().map_or(Ok(true), |dialogue| dialogue.says_yes(&format!("Write this to {path}?"), true))
    }

    fn write(&self, kind: &ClientKind, name: &str, entry: &Entry<'_>) -> CommandResult {
        let after = self.with(kind, name, entry)?;
        // There is a key in it now.
        let mode = self.before.as_ref().map_or(0o600, |(_, mode)| mode & 0o700);
        let written = atomic_file::create_folder(&self.path)
            .and_then(|()| atomic_file::replace(&self.path, after.as_bytes(), mode));
        written.map_err(|why| message::mcp_file(self.path.display(), format!("it can't be written: {why}")))?;
        if self.before.as_ref().is_some_and(|(_, before)| before & 0o077 != 0) {
            report::say("Others could read the file; now only you can, since a key is in it.");
        }
        report::say(&format!("{} has `{name}` from its next start on.", kind.label));
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_gets_url_and_key_where_it_looks_for_them() {
        let entry = Entry { url: "http://127.0.0.1:7464/proxy/tracker", key: "rk_key" };
        for kind in &CLIENTS {
            let text = shown(kind, "tracker", &entry);
            for part in ["tracker", entry.url, "Bearer rk_key"] {
                assert!(text.contains(part), "{}: {}", kind.name, *text);
            }
            let reads = match &kind.format {
                Format::Json(path, _) => {
                    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
                    let servers = path.iter().fold(&whole, |value, name| &value[name]);
                    servers["tracker"]["headers"]["Authorization"] == "Bearer rk_key"
                }
                Format::Toml(table, _) => {
                    let whole: toml::Table = toml::from_str(&text).unwrap();
                    whole[*table]["tracker"]["http_headers"]["Authorization"].as_str() == Some("Bearer rk_key")
                }
                Format::Yaml(_) => !text.contains('{'),
            };
            assert!(reads, "{}: {}", kind.name, *text);
        }
    }

    #[test]
    fn what_is_in_the_file_stays() {
        let entry = Entry { url: "u", key: "k" };
        for (name, before, after) in [
            ("codex", "# mine\nmodel = \"x\"\n", "# mine\nmodel = \"x\"\n\n[mcp_servers.tracker]\nurl = \"u\"\n"),
            ("cursor", "{ \"other\": [1] }", "\"other\": [1],"),
        ] {
            let kind = CLIENTS.iter().find(|kind| kind.name == name).unwrap();
            let text = with_entry(before, kind, "tracker", &entry).unwrap();
            assert!(text.contains(after), "{text}");
        }
        let goose = CLIENTS.iter().find(|kind| kind.name == "goose").unwrap();
        assert!(with_entry("extensions: {}\n", goose, "tracker", &entry).is_err());
    }
}
