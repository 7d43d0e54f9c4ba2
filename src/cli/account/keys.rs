//! The keys of an account, as options of `add` and `edit`.

use std::path::{Path, PathBuf};

use clap::Args;
use toml::{Table, Value};

use super::secret::{self, SecretPlan};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{CLIENT_SECRET_KEYS, ConfigEdit, grant_type};
use crate::oauth::grant::GrantType;

/// Keys of an account.
#[derive(Args)]
pub(super) struct KeyArgs {
    /// The client id that the provider assigned
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,

    /// A file with the client secret, readable by you alone; the config names it
    #[arg(long, value_name = "FILE", group = "secret")]
    client_secret_file: Option<PathBuf>,

    /// Read the client secret from standard input, and keep it in a private file beside the config
    #[arg(long, group = "secret")]
    client_secret_stdin: bool,

    /// The client has no secret (a public client)
    #[arg(long, group = "secret", conflicts_with = "keyring")]
    pub(super) no_client_secret: bool,

    /// Keep the client secret in the desktop's keyring instead of a file
    #[arg(long, conflicts_with = "client_secret_file")]
    pub(super) keyring: bool,

    /// A scope to request; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// How the account gets its tokens, such as `device_code` [default: `authorization_code`]
    #[arg(long, value_name = "GRANT")]
    grant: Option<String>,

    /// The redirect URI that is registered at the provider [default: `http://ADDRESS/callback/PROVIDER`]
    #[arg(long, value_name = "URI")]
    redirect_uri: Option<String>,

    /// Set any other key of the account, in TOML, such as `--set 'notify="off"'`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl KeyArgs {
    /// Where the client secret comes from, if the options say so.
    pub(super) fn secret(&self, account: &str, config: &Path) -> Result<Option<SecretPlan>, Failure> {
        if let Some(file) = &self.client_secret_file {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            return Ok(Some(SecretPlan::Named(file)));
        }
        if self.client_secret_stdin {
            return Ok(Some(SecretPlan::keep(secret::of_stdin()?, account, config, self.keyring)));
        }
        let set = self.sets_secret().then_some(SecretPlan::Unchanged);
        Ok(self.no_client_secret.then_some(SecretPlan::Removed).or(set))
    }

    /// Whether the options say where the client secret, or the key of a client that signs, comes from.
    pub(super) fn names_secret(&self) -> bool {
        self.client_secret_file.is_some() || self.client_secret_stdin || self.no_client_secret || self.sets_secret()
    }

    /// Whether the secret comes from standard input.
    pub(super) fn reads_secret(&self) -> bool {
        self.client_secret_stdin
    }

    /// Whether the options say what the client id is, or which program prints it.
    pub(super) fn names_client_id(&self) -> bool {
        self.client_id.is_some() || self.sets(|key| ["client_id", "client_id_command"].contains(&key))
    }

    /// Whether the options say how the account gets its tokens.
    pub(super) fn names_grant(&self) -> bool {
        self.grant.is_some() || self.sets(|key| key == "grant")
    }

    /// Whether the options say where the browser comes back.
    pub(super) fn names_redirect_uri(&self) -> bool {
        self.redirect_uri.is_some() || self.sets(|key| key == "redirect_uri")
    }

    /// Whether the options say what to request.
    pub(super) fn names_scope(&self) -> bool {
        !self.scopes.is_empty() || self.sets(|key| key == "scope")
    }

    /// The grant that the options choose, unless the config will refuse it.
    pub(super) fn grant(&self) -> Option<GrantType> {
        // As in `edits`, `--set` comes last.
        let set = self.set.iter().filter_map(|pair| assignment(pair).ok()).rfind(|(key, _)| key == "grant");
        match set {
            Some((_, value)) => grant_type(value.as_str()?),
            None => grant_type(self.grant.as_deref()?),
        }
    }

    /// Whether `--set` names a source of the secret.
    fn sets_secret(&self) -> bool {
        self.sets(|key| CLIENT_SECRET_KEYS.contains(&key) || key == "client_key_file")
    }

    /// Whether `--set` names such a key.
    fn sets(&self, is_such: impl Fn(&str) -> bool) -> bool {
        self.set.iter().filter_map(|pair| Some(pair.split_once('=')?.0.trim())).any(is_such)
    }

    /// What the options change besides the secret.
    pub(super) fn edits(&self, account: &str) -> Result<Vec<ConfigEdit>, Failure> {
        let of_account = |key: &str, value: Value| ConfigEdit::set(&["accounts", account, key], value);
        let texts = [("grant", &self.grant), ("client_id", &self.client_id), ("redirect_uri", &self.redirect_uri)];
        let mut edits: Vec<ConfigEdit> =
            texts.into_iter().filter_map(|(key, text)| Some(of_account(key, text.as_deref()?.into()))).collect();
        // One source of the client id replaces the other; if both are given, the config refuses them.
        let by_command = self.sets(|key| key == "client_id_command");
        let replaced = match self.client_id.is_some() || self.sets(|key| key == "client_id") {
            true if !by_command => Some("client_id_command"),
            false if by_command => Some("client_id"),
            _ => None,
        };
        edits.extend(replaced.map(|key| ConfigEdit::remove(&["accounts", account, key])));
        if !self.scopes.is_empty() {
            edits.push(of_account("scope", scope(&self.scopes)));
        }
        for pair in &self.set {
            let (key, value) = assignment(pair)?;
            edits.push(of_account(&key, value));
        }
        Ok(edits)
    }

    /// Whether no option is given.
    pub(super) fn is_empty(&self) -> bool {
        let texts = [&self.client_id, &self.grant, &self.redirect_uri];
        texts.into_iter().all(Option::is_none) && self.scopes.is_empty() && self.set.is_empty() && !self.names_secret()
    }
}

/// Scopes as the config has them. One option may have several, separated by spaces.
pub(super) fn scope(scopes: &[String]) -> Value {
    Value::Array(scopes.iter().flat_map(|scope| scope.split_ascii_whitespace()).map(Value::from).collect())
}

/// `KEY=VALUE` in TOML; a value that is not TOML is a text. A secret is refused: arguments can be read by others.
fn assignment(pair: &str) -> Result<(String, Value), Failure> {
    let Some((key, text)) = pair.split_once('=') else { return Err(message::set_unfit("it is not KEY=VALUE")) };
    let (key, text) = (key.trim(), text.trim());
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(message::set_unfit("its key is not the name of a key"));
    }
    if key == "client_secret" {
        return Err(message::set_secret());
    }
    let read = toml::from_str::<Table>(&format!("v = {text}")).ok();
    let value = read.filter(|table| table.len() == 1).and_then(|mut table| table.remove("v"));
    Ok((key.to_owned(), value.unwrap_or_else(|| text.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_toml_or_text_and_never_a_secret() {
        for (pair, value) in [
            ("open_login=true", Some(("open_login", "true"))),
            ("notify = off", Some(("notify", r#""off""#))),
            (r#"notify="off""#, Some(("notify", r#""off""#))),
            (r#"variables={ tenant = "x" }"#, Some(("variables", r#"{ tenant = "x" }"#))),
            ("audience=https://a/?b=c", Some(("audience", r#""https://a/?b=c""#))),
            ("remind_after=1\nx=2", Some(("remind_after", "\"\"\"\n1\nx=2\"\"\""))),
            ("novalue", None),
            ("a.b=1", None),
            ("client_secret=canary", None),
        ] {
            let read = assignment(pair).ok().map(|(key, value)| (key, value.to_string()));
            assert_eq!(read, value.map(|(key, text)| (key.to_owned(), text.to_owned())), "{pair}");
        }
        let refused = format!("{:?}", assignment("client_secret=canary"));
        assert!(!refused.contains("canary"), "{refused}");
    }
}
