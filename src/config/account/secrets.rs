//! Sources of an account's secrets: its client's, and its user's.

use std::path::PathBuf;

use crate::config::effective::{AccountConfig, ClientIdSource, KeyFile, PasswordUser};
use crate::config::fix::ConfigFix;
use crate::config::input::FilePrivacy;
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::sections::accounts::{AccountKeys, KeyringItem};
use crate::oauth::dialect::ClientAuth;
use crate::oauth::exchange::User;
use crate::oauth::grant::GrantType;
use crate::secret::ClientSecret;
use crate::secret::source::SecretSource;

/// The keys of one secret's sources outside the config.
struct Keys {
    file: &'static str,
    command: &'static str,
    credential: &'static str,
    keyring: &'static str,
}

const CLIENT_SECRET: Keys = Keys {
    file: "client_secret_file",
    command: "client_secret_command",
    credential: "client_secret_credential",
    keyring: "client_secret_keyring",
};

/// The keys of which an account has one, or none for a client without a secret.
pub(crate) const CLIENT_SECRET_KEYS: [&str; 5] =
    [CLIENT_SECRET.file, CLIENT_SECRET.command, CLIENT_SECRET.credential, CLIENT_SECRET.keyring, "client_secret"];

const PASSWORD: Keys = Keys {
    file: "password_file",
    command: "password_command",
    credential: "password_credential",
    keyring: "password_keyring",
};

impl Keys {
    /// The key that gives `source`, with its value.
    fn told(&self, source: &SecretSource, inline: &str) -> String {
        match source {
            SecretSource::Inline(_) => format!("`{inline}`"),
            SecretSource::File(path) => format!("`{}` ({})", self.file, path.display()),
            SecretSource::Command(argv) => of_command(self.command, argv),
            SecretSource::Credential(name) => format!("`{}` (`{name}`)", self.credential),
            SecretSource::Keyring { service, user } => {
                format!("`{}` (service `{service}`, username `{user}`)", self.keyring)
            }
        }
    }
}

/// The key of a command, with its program: the arguments may be secret.
fn of_command(key: &str, argv: &[String]) -> String {
    format!("`{key}` (`{}`)", argv.first().map(String::as_str).unwrap_or_default())
}

impl AccountConfig {
    /// Where the client's id, secret and key come from, in words.
    pub(crate) fn client_origin(&self) -> String {
        let secret = self.client_secret.as_ref().map(|source| CLIENT_SECRET.told(source, "client_secret"));
        let key = self.client_key.as_ref().map(|key| format!("`client_key_file` ({})", key.path.display()));
        let id = match &self.client_id {
            ClientIdSource::Written(_) => "`client_id`".to_owned(),
            ClientIdSource::Command(argv) => of_command("client_id_command", argv),
        };
        let all: Vec<String> = [Some(id), secret, key].into_iter().flatten().collect();
        format!("{} of `[accounts.{}]`", all.join(" and "), self.name)
    }
}

/// The values of the keys for one secret's sources: file, command, credential and item of the keyring.
#[derive(Clone, Copy)]
struct Sources<'a>(&'a Option<PathBuf>, &'a Option<Vec<String>>, &'a Option<String>, &'a Option<KeyringItem>);

/// The key of a source, and the source if it can be used.
type Given = (&'static str, Option<SecretSource>);

/// Every given source outside the config.
fn sources(names: &Keys, keys: Sources<'_>, section: &SectionReader<'_>) -> Vec<Given> {
    let Sources(file, command, credential, item) = keys;
    let all = [
        (names.file, file.clone().map(SecretSource::File)),
        (names.command, command.clone().map(SecretSource::Command)),
        (names.credential, credential.clone().map(SecretSource::Credential)),
        (names.keyring, item.as_ref().and_then(of_keyring)),
    ];
    all.into_iter().filter(|(key, _)| section.field(key).is_some()).collect()
}

fn of_keyring(item: &KeyringItem) -> Option<SecretSource> {
    Some(SecretSource::Keyring { service: item.service.clone()?, user: item.user.clone()? })
}

/// The single source that is given; reports any others.
fn only(given: Vec<Given>, what: &str, section: &SectionReader<'_>) -> Option<SecretSource> {
    if let [(first, _), more @ ..] = given.as_slice() {
        for (second, _) in more {
            let problem = Problem::new(format!("stands beside `{first}`"));
            section.refuse(second, problem.expected(format!("one source of the {what}")));
        }
    }
    given.into_iter().find_map(|(_, source)| source)
}

/// The one source of the client secret; `None` for a client without a secret. `auth` is `None` if the provider is wrong
/// already.
pub(super) fn client_secret(
    keys: &mut AccountKeys,
    section: &SectionReader<'_>,
    privacy: FilePrivacy,
    auth: Option<ClientAuth>,
) -> Option<SecretSource> {
    let outside = Sources(
        &keys.client_secret_file,
        &keys.client_secret_command,
        &keys.client_secret_credential,
        &keys.client_secret_keyring,
    );
    let mut given = sources(&CLIENT_SECRET, outside, section);
    if section.field("client_secret").is_some() {
        given.push(("client_secret", keys.client_secret.take().and_then(|secret| inline(secret, section, privacy))));
    }
    let without = match auth {
        Some(ClientAuth::None) => Some("none"),
        Some(ClientAuth::PrivateKeyJwt) => Some("private_key_jwt"),
        Some(ClientAuth::Basic | ClientAuth::Post) | None => None,
    };
    match (given.first(), without, auth) {
        (Some((first, _)), Some(word), _) => {
            let problem = Problem::new(format!("is given, and the provider has `client_auth = \"{word}\"`"));
            let expected = if word == "none" { "no client secret for a public client" } else { "`client_key_file`" };
            section.refuse(first, problem.expected(expected));
        }
        // In the implicit flow, no secret is sent.
        (None, None, Some(_)) if keys.grant != GrantType::Implicit => {
            let problem = Problem::new("is missing, and so is every other source of the client secret");
            let expected = "one of `client_secret_file`, `client_secret_command`, `client_secret_credential`, \
                            `client_secret_keyring`, `client_secret`";
            // A mistake in one of them may explain it; `grant` says whether there has to be one.
            let sources: Vec<_> = CLIENT_SECRET_KEYS.into_iter().chain(["grant"]).collect();
            section.lacks("client_secret_file", &sources, problem.expected(expected));
        }
        _ => {}
    }
    only(given, "client secret", section)
}

/// The client's private key, if the client signs.
pub(super) fn client_key(keys: &AccountKeys, section: &SectionReader<'_>, auth: Option<ClientAuth>) -> Option<KeyFile> {
    let signs = auth == Some(ClientAuth::PrivateKeyJwt);
    if signs && section.field("client_key_file").is_none() {
        section.missing("client_key_file");
    }
    for key in ["client_key_file", "client_key_id"] {
        if auth.is_some() && !signs && section.field(key).is_some() {
            let problem = Problem::new("has no use");
            section.refuse(key, problem.expected("it only if the provider has `client_auth = \"private_key_jwt\"`"));
        }
    }
    Some(KeyFile { path: keys.client_key_file.clone()?, id: keys.client_key_id.clone() })
}

/// The user whose password is used, and where the password comes from.
pub(super) fn password_user(keys: &AccountKeys, section: &SectionReader<'_>) -> Option<PasswordUser> {
    let outside =
        Sources(&keys.password_file, &keys.password_command, &keys.password_credential, &keys.password_keyring);
    let given = sources(&PASSWORD, outside, section);
    let users = ["username", "phonenumber"].into_iter().filter(|key| section.field(key).is_some());
    let present: Vec<&'static str> = users.chain(given.iter().map(|(key, _)| *key)).collect();
    if keys.grant != GrantType::Password {
        for key in present {
            let problem = Problem::new("has no use");
            section.lacks(key, &["grant"], problem.expected("it only with `grant = \"password\"`"));
        }
        return None;
    }
    match present.as_slice() {
        ["username", "phonenumber", ..] => {
            section.refuse("phonenumber", Problem::new("stands beside `username`").expected("one of the two"));
        }
        ["username" | "phonenumber", ..] => {}
        _ => {
            let problem = Problem::new("is missing, and so is `phonenumber`");
            let expected = "one of the two, for `grant = \"password\"`";
            section.lacks("username", &["username", "phonenumber"], problem.expected(expected));
        }
    }
    let password = only(given, "password", section);
    let name = keys.username.clone().map(User::Name);
    let number = keys.phonenumber.clone().map(User::PhoneNumber);
    Some(PasswordUser { user: name.or(number)?, password })
}

/// The secret in the config file itself, if nobody else can have read it.
fn inline(secret: ClientSecret, section: &SectionReader<'_>, privacy: FilePrivacy) -> Option<SecretSource> {
    let (exposed, fix) = match privacy {
        FilePrivacy::Private => return Some(SecretSource::Inline(secret)),
        FilePrivacy::Exposed { mode } => {
            (format!("stands in a file that others can read (mode {mode:04o})"), Some(ConfigFix::Close))
        }
        FilePrivacy::Foreign { uid } => (format!("stands in a file of another user (uid {uid})"), None),
    };
    let expected = "a file of your own with mode 0600 (`chmod 600`), or `client_secret_file`";
    section.refuse("client_secret", Problem::new(exposed).expected(expected).fixed_by(fix));
    None
}
