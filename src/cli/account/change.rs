//! A change of the config file: checked as by `ringback config check`, shown, and only then written.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::list::redirect_uri;
use super::secret::StoredSecret;
use crate::cli::arguments::{DaemonChoice, JsonChoice};
use crate::cli::command_result::CommandResult;
use crate::cli::config_source::{self, ConfigSource, count};
use crate::cli::dialogue::Dialogue;
use crate::cli::failure::Failure;
use crate::cli::{config_change, message, named_files, report};
use crate::config::{Config, ConfigEdit, ConfigError, Parsed, assemble, segment};
use crate::config_file::draft::ConfigDraft;

/// Options of every command that changes the file.
#[derive(Args)]
pub(in crate::cli) struct ChangeOptions {
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    #[command(flatten)]
    pub(in crate::cli) json: JsonChoice,

    #[command(flatten)]
    pub(in crate::cli) source: ConfigSource,

    #[command(flatten)]
    pub(in crate::cli) reach: DaemonChoice,
}

/// The file, and the account that the change is about.
pub(in crate::cli) struct Change {
    pub(in crate::cli) draft: ConfigDraft,
    pub(in crate::cli) account: String,
}

/// What was written, or that it was only to be shown.
pub(in crate::cli) enum Written {
    /// The file has it.
    Yes(Box<Config>),
    /// It was shown, or declined.
    No,
}

/// What a change came to, for `--json`.
#[derive(Serialize)]
struct ChangeReply<'a> {
    account: &'a str,
    file: String,
    /// `false`: it was only to be shown, or was declined.
    written: bool,
    /// Whether a running daemon has read it.
    reloaded: bool,
    /// Line by line, without secrets; empty if nothing changes.
    difference: String,
    /// The one to register at the provider, if there is one.
    redirect_uri: Option<String>,
}

impl Change {
    /// Reads the config file; there need not be one.
    pub(in crate::cli) fn open(source: &ConfigSource, account: &str) -> Result<Self, Failure> {
        let draft = ConfigDraft::open(&source.env()).map_err(|error| config_source::failure(&error))?;
        Ok(Self { draft, account: account.to_owned() })
    }

    /// The config file's path.
    pub(in crate::cli) fn path(&self) -> PathBuf {
        self.draft.before().path.to_owned()
    }

    /// The dotted path of a key of the account, as in messages.
    pub(in crate::cli) fn key(&self, key: &str) -> String {
        format!("accounts.{}.{key}", segment(&self.account))
    }

    /// Changes what the file is to say.
    pub(in crate::cli) fn edit(&mut self, edits: &[ConfigEdit]) -> Result<(), Failure> {
        let path = self.path();
        self.draft.edit(edits).map_err(|error| message::config_form(path.display(), error))
    }

    /// Mistakes that the file would have and does not have now.
    pub(in crate::cli) fn new_mistakes(&self) -> Vec<ConfigError> {
        config_change::new_mistakes(&self.draft)
    }

    /// The first new mistake in one of the account's keys: what is wrong with an answer.
    pub(in crate::cli) fn mistake_in(&self, key: &str) -> Option<String> {
        let path = self.key(key);
        self.new_mistakes().into_iter().find(|mistake| mistake.key == path).map(|mistake| {
            // Line and column are those of a text that nobody has seen.
            format!("`{key}` {}", mistake.problem)
        })
    }

    /// The config as it would be, if it has no new mistake; each is told. Mistakes that it has already stay.
    pub(in crate::cli) fn checked(&self) -> Result<Config, Failure> {
        let mistakes = self.new_mistakes();
        if !mistakes.is_empty() {
            for mistake in &mistakes {
                report::say(&mistake.to_string());
            }
            return Err(message::change_mistaken(count(mistakes.len())));
        }
        let Parsed { config, mistakes } = assemble(&self.draft.after());
        let config = config.ok_or_else(|| {
            mistakes.iter().for_each(|mistake| report::say(&mistake.to_string()));
            message::config_mistakes(count(mistakes.iter().count()))
        })?;
        let about = self.key("");
        config.warnings.iter().filter(|warning| warning.key.starts_with(&about)).for_each(|warning| {
            report::say(&format!("warning: {warning}"));
        });
        Ok(config)
    }

    /// Shows the change and writes it. Somebody at the terminal is asked first. With `--dry-run`, and where the file is not
    /// to be replaced, the difference goes to standard output instead.
    pub(in crate::cli) fn write(
        &self,
        dialogue: Option<&Dialogue>,
        options: &ChangeOptions,
        prepare: impl FnOnce() -> Result<StoredSecret, Failure>,
    ) -> Result<Written, Failure> {
        let config = self.checked()?;
        let (path, difference, json) = (self.path(), config_change::difference(&self.draft), options.json);
        if options.dry_run {
            if !json.is_chosen() {
                report::answer(difference.as_bytes())?;
            }
            return self.tell_unwritten(json, &config);
        }
        let say = || difference.lines().for_each(report::say);
        if let Some(why) = self.draft.fixed() {
            // With `--json`, standard output gets the error.
            if json.is_chosen() {
                say();
            } else {
                report::answer(difference.as_bytes())?;
            }
            return Err(message::config_fixed(path.display(), why));
        }
        say();
        if let Some(dialogue) = dialogue
            && !dialogue.says_yes(&format!("Write this to {}?", path.display()), true)?
        {
            report::say("Nothing was written.");
            return self.tell_unwritten(json, &config);
        }
        let secret = prepare()?;
        let unusable = named_files::unusable(&config);
        let unusable: Vec<_> = unusable.iter().filter(|file| *file.account.name == *self.account).collect();
        if !unusable.is_empty() {
            for file in &unusable {
                report::say(&format!("{}: {}: {}", path.display(), file.key, file.why));
            }
            secret.undo();
            return Err(message::change_unusable(count(unusable.len())));
        }
        let written = if difference.is_empty() { Ok(()) } else { self.draft.write() };
        if let Err(error) = written {
            secret.undo();
            return Err(config_change::unwritten(&path, &error));
        }
        Ok(Written::Yes(Box::new(config)))
    }

    /// With `--json`, says what became of the change that was written.
    pub(in crate::cli) fn tell(&self, json: JsonChoice, config: &Config, reloaded: bool) -> CommandResult {
        json.tell(&self.reply(config, true, reloaded), || {})
    }

    fn tell_unwritten(&self, json: JsonChoice, config: &Config) -> Result<Written, Failure> {
        json.tell(&self.reply(config, false, false), || {}).map(|_| Written::No)
    }

    fn reply(&self, config: &Config, written: bool, reloaded: bool) -> ChangeReply<'_> {
        let account = self.account.as_str();
        let redirect_uri = config.accounts.get(account).and_then(|account| redirect_uri(config, account));
        let (file, difference) = (self.path().display().to_string(), config_change::difference(&self.draft));
        ChangeReply { account, file, written, reloaded, difference, redirect_uri }
    }
}
