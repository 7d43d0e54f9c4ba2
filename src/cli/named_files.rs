//! Checks the files that the config names before a login needs them. The content of secret files is not shown.

use std::collections::BTreeSet;
use std::path::Path;

use ring::rand::SystemRandom;

use crate::config::{AccountConfig, Config, segment};
use crate::credentials::{self, CredentialError};
use crate::oauth::assertion;
use crate::os::child_env;
use crate::os::mode_fix::ModeFix;
use crate::provider::check_ca_file;
use crate::secret::source::SecretSource;
use crate::secret::text::Rule;

/// A file that the daemon could not use.
pub(super) struct UnusableFile<'a> {
    /// The account that needs it.
    pub(super) account: &'a AccountConfig,
    /// The dotted path of the key that names it.
    pub(super) key: String,
    /// One clause.
    pub(super) why: String,
    /// What to do.
    pub(super) advice: &'static str,
    /// What certainly puts it right.
    pub(super) fix: Option<ModeFix>,
}

/// Why a file can't be used, and what certainly puts that right.
struct Unfit(String, Option<ModeFix>);

impl From<CredentialError> for Unfit {
    fn from(error: CredentialError) -> Self {
        Self(error.to_string(), error.fix().cloned())
    }
}

const SECRET: &str = "Put only the secret into the file, and make it readable by you alone (`chmod 600`).";
const KEY: &str = "Put only the private key in PEM into the file, and make it readable by you alone (`chmod 600`).";
const CERTIFICATES: &str = "Name a file with certificates in PEM.";

/// Checks all of them, account by account. Commands are not run, and keyrings and systemd credentials not queried: that
/// is up to the daemon.
pub(super) fn unusable(config: &Config) -> Vec<UnusableFile<'_>> {
    let mut seen = BTreeSet::new();
    let mut unusable = Vec::new();
    for account in config.accounts.values() {
        let mut note = |key: String, checked: Result<(), Unfit>, advice| {
            let unfit = checked.err();
            unusable.extend(unfit.map(|Unfit(why, fix)| UnusableFile { account, key, why, advice, fix }));
        };
        let of_account = |key: &str| format!("accounts.{}.{key}", segment(&account.name));
        let password = account.user.as_ref().and_then(|user| user.password.as_ref());
        for (key, rule, source) in [
            ("client_secret_file", Rule::ClientSecret, account.client_secret.as_ref()),
            ("password_file", Rule::Password, password),
        ] {
            if let Some(SecretSource::File(path)) = source {
                note(of_account(key), credentials::check_file(path, rule).map_err(Unfit::from), SECRET);
            }
        }
        if let Some(key) = &account.client_key {
            note(of_account("client_key_file"), check_key(&key.path), KEY);
        }
        // Accounts of one provider share the file.
        let provider = account.dialect.provider.as_str();
        if let Some(path) = &account.dialect.reach.ca_file
            && seen.insert((provider, path))
        {
            note(
                format!("providers.{}.ca_file", segment(provider)),
                check_ca_file(path).map_err(|why| Unfit(why, None)),
                CERTIFICATES,
            );
        }
    }
    unusable
}

/// Programs that the config names and that can't be found, by the key. Only a warning, since the daemon's `PATH` may
/// differ. None is run.
pub(super) fn missing_programs(config: &Config) -> Vec<(String, String)> {
    let mut named: Vec<(String, &[String])> = Vec::new();
    if let Some(argv) = &config.store.key_command {
        named.push(("store.key_command".into(), argv));
    }
    for account in config.accounts.values() {
        let password = account.user.as_ref().and_then(|user| user.password.as_ref());
        let commands = [
            ("client_id_command", account.keys.client_id_command.as_ref()),
            ("client_secret_command", argv(account.client_secret.as_ref())),
            ("password_command", argv(password)),
            ("hook", account.keys.hook.as_ref()),
            ("browser", account.keys.browser.as_ref()),
        ];
        let of_account = |key| format!("accounts.{}.{key}", segment(&account.name));
        named.extend(commands.into_iter().filter_map(|(key, argv)| Some((of_account(key), argv?.as_slice()))));
    }
    let missing =
        named.into_iter().filter_map(|(key, argv)| Some((key, argv.first().filter(|first| !is_there(first))?)));
    missing
        .map(|(key, program)| (key, format!("names the program `{program}`, which does not exist{}", in_path(program))))
        .collect()
}

fn argv(source: Option<&SecretSource>) -> Option<&Vec<String>> {
    if let Some(SecretSource::Command(argv)) = source { Some(argv) } else { None }
}

fn in_path(program: &str) -> &'static str {
    if program.contains('/') { " or can't be run" } else { ": it is in no folder of PATH" }
}

/// Looks for a program as the daemon does.
fn is_there(program: &str) -> bool {
    child_env::finds(program, &std::env::var_os("PATH").unwrap_or_default())
}

fn check_key(path: &Path) -> Result<(), Unfit> {
    let pem = credentials::private_text(path)?;
    let checked = assertion::check_key(&pem, &SystemRandom::new());
    checked.map_err(|error| Unfit(format!("{}: {error}", path.display()), None))
}
