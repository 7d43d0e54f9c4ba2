//! The questions of `account add` and `account edit`, each answered until the config accepts the answer.

use super::change::Change;
use super::secret::{self, SecretPlan};
use crate::cli::dialogue::Dialogue;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::config::{ClientIdSource, ConfigEdit};
use crate::os::clipboard;
use crate::os::support::Topic;

/// Asks for one key of the account and sets it. An empty answer keeps what is there. Whether it was set.
pub(super) fn key(
    dialogue: &Dialogue,
    change: &mut Change,
    key: &str,
    question: &str,
    usual: Option<&str>,
    value: impl Fn(&str) -> toml::Value,
) -> Result<bool, Failure> {
    loop {
        let answer = dialogue.ask(question, usual)?;
        let account = change.account.clone();
        if answer.is_empty() {
            // Asked again if the config needs it.
            match change.mistake_in(key) {
                None => return Ok(false),
                Some(_) => continue,
            }
        }
        change.edit(&[ConfigEdit::set(&["accounts", &account, key], value(&answer))])?;
        match change.mistake_in(key) {
            None => return Ok(true),
            Some(why) => report::say(&why),
        }
    }
}

/// An answer that is a text in the config.
pub(super) fn text(answer: &str) -> toml::Value {
    answer.into()
}

/// Asks for the client id. One that is typed replaces a command that prints it.
pub(super) fn client_id(dialogue: &Dialogue, change: &mut Change, old: Option<&ClientIdSource>) -> Result<(), Failure> {
    let question = match old {
        Some(ClientIdSource::Command(_)) => "Client id (empty to keep `client_id_command`)",
        Some(ClientIdSource::Written(_)) | None => "Client id",
    };
    if key(dialogue, change, "client_id", question, old.and_then(ClientIdSource::known), text)? {
        let account = change.account.clone();
        change.edit(&[ConfigEdit::remove(&["accounts", &account, "client_id_command"])])?;
    }
    Ok(())
}

/// Shows the redirect URI to register, and offers to copy it; asks which one is registered.
pub(super) fn redirect_uri(dialogue: &Dialogue, change: &mut Change, label: &str, usual: &str) -> Result<(), Failure> {
    report::say("");
    report::say(&format!("Register this redirect URI at {label}, exactly as it stands here:"));
    report::say("");
    report::say(usual);
    report::say("");
    if let Some(tool) = clipboard::find()
        && dialogue.says_yes("Copy it to the clipboard?", true)?
    {
        match tool.copy(usual) {
            Ok(()) => report::say("Copied."),
            Err(error) => report::say(&format!("It could not be copied: {error}")),
        }
    }
    key(dialogue, change, "redirect_uri", "Registered redirect URI", Some(usual), text).map(drop)
}

/// Asks for a client secret, and where to keep it. `keeps`: an empty line keeps what is there; otherwise it means that
/// the client has none.
pub(super) fn client_secret(
    dialogue: &Dialogue,
    change: &Change,
    in_keyring: bool,
    keeps: bool,
) -> Result<SecretPlan, Failure> {
    let hint = if keeps { "empty to keep it" } else { "empty if the client has none" };
    loop {
        let typed = dialogue.ask_hidden(&format!("Client secret (it is not shown; {hint}):"))?;
        if typed.trim_ascii().is_empty() {
            if keeps {
                return Ok(SecretPlan::Unchanged);
            }
            if dialogue.says_yes("Is it a public client, without a secret?", false)? {
                return Ok(SecretPlan::Removed);
            }
            continue;
        }
        let secret = match secret::of_bytes(&typed) {
            Ok(secret) => secret,
            Err(why) => {
                report::say(&why.reply().error_description);
                continue;
            }
        };
        let in_keyring = in_keyring || has_keyring() && asks_keyring(dialogue)?;
        return Ok(SecretPlan::keep(secret, &change.account, &change.path(), in_keyring));
    }
}

fn asks_keyring(dialogue: &Dialogue) -> Result<bool, Failure> {
    let unfit = |answer: &str| {
        let is_one = ["file", "keyring"].contains(&answer);
        (!is_one).then(|| "Type `file` or `keyring`.".to_owned())
    };
    let question = "Keep it in a private file beside the config, or in the desktop's keyring?";
    Ok(dialogue.ask_until(question, Some("file"), unfit)? == "keyring")
}

/// Whether there may be a keyring: it is not queried before somebody wants it.
fn has_keyring() -> bool {
    Topic::Keyring.missing_here().is_none()
        && std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty())
}
