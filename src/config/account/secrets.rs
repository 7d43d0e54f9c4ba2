//! Where an account's secrets come from: its client's, and its user's.

use super::super::problem::Problem;
use super::super::reader::SectionReader;
use super::super::value::{Base, command, credential, path, text};
use super::super::{AccountConfig, FilePrivacy, KeyFile, PasswordUser};
use super::Context;
use crate::oauth::dialect::ClientAuth;
use crate::oauth::exchange::User;
use crate::oauth::grant::GrantType;
use crate::secret::source::SecretSource;
use crate::secret::text::Rule;
use crate::secret::{self, ClientSecret};

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

/// Any of which may be meant where there is none; `grant` says whether there has to be one.
const SOURCES: &[&str] = &[
    CLIENT_SECRET.file,
    CLIENT_SECRET.command,
    CLIENT_SECRET.credential,
    CLIENT_SECRET.keyring,
    "client_secret",
    "grant",
];

const PASSWORD: Keys = Keys {
    file: "password_file",
    command: "password_command",
    credential: "password_credential",
    keyring: "password_keyring",
};

impl Keys {
    /// The key that gives `source`, with what it says. A command's arguments may be secret.
    fn told(&self, source: &SecretSource, inline: &str) -> String {
        match source {
            SecretSource::Inline(_) => format!("`{inline}`"),
            SecretSource::File(path) => format!("`{}` ({})", self.file, path.display()),
            SecretSource::Command(argv) => {
                format!("`{}` (`{}`)", self.command, argv.first().map(String::as_str).unwrap_or_default())
            }
            SecretSource::Credential(name) => format!("`{}` (`{name}`)", self.credential),
            SecretSource::Keyring { service, user } => {
                format!("`{}` (service `{service}`, username `{user}`)", self.keyring)
            }
        }
    }
}

impl AccountConfig {
    /// Where the client's id, secret and key stand, in words.
    pub fn client_origin(&self) -> String {
        let secret = self.client_secret.as_ref().map(|source| CLIENT_SECRET.told(source, "client_secret"));
        let key = self.client_key.as_ref().map(|key| format!("`client_key_file` ({})", key.path.display()));
        let all: Vec<String> = [Some("`client_id`".to_owned()), secret, key].into_iter().flatten().collect();
        format!("{} of `[accounts.{}]`", all.join(" and "), self.name)
    }
}

/// A source, if it can be used, under the key that gives it.
type Given = (&'static str, Option<SecretSource>);

/// Every source that is given.
fn sources(keys: &Keys, section: &SectionReader<'_>, base: &Base<'_>) -> Vec<Given> {
    let all = [
        (keys.file, section.read(keys.file, |v| path(v, base)).map(SecretSource::File)),
        (keys.command, section.read(keys.command, |v| command(v, base)).map(SecretSource::Command)),
        (keys.credential, section.read(keys.credential, credential).map(SecretSource::Credential)),
        (keys.keyring, keyring_item(section, keys.keyring)),
    ];
    all.into_iter().filter(|(key, _)| section.field(key).is_some()).collect()
}

/// The only one; reports the others.
fn only(given: Vec<Given>, what: &str, section: &SectionReader<'_>) -> Option<SecretSource> {
    if let [(first, _), more @ ..] = given.as_slice() {
        for (second, _) in more {
            let problem = Problem::new(format!("stands beside `{first}`"));
            section.refuse(second, problem.expected(format!("one source of the {what}")));
        }
    }
    given.into_iter().find_map(|(_, source)| source)
}

/// The one source of the client secret; none for a client that has none. `auth` is `None` where the
/// provider is wrong already.
pub(super) fn client_secret(
    section: &SectionReader<'_>,
    context: &Context<'_>,
    grant: GrantType,
    auth: Option<ClientAuth>,
) -> Option<SecretSource> {
    let mut given = sources(&CLIENT_SECRET, section, &context.base);
    if section.field("client_secret").is_some() {
        given.push(("client_secret", inline(section, context.privacy)));
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
        // Where the browser brings the token, no secret is sent.
        (None, None, Some(_)) if grant != GrantType::Implicit => {
            let problem = Problem::new("is missing, and so is every other source of the client secret");
            let expected = "one of `client_secret_file`, `client_secret_command`, `client_secret_credential`, \
                            `client_secret_keyring`, `client_secret`";
            section.lacks("client_secret_file", SOURCES, problem.expected(expected));
        }
        _ => {}
    }
    only(given, "client secret", section)
}

/// The client's private key, where it signs.
pub(super) fn client_key(section: &SectionReader<'_>, base: &Base<'_>, auth: Option<ClientAuth>) -> Option<KeyFile> {
    let path = section.read("client_key_file", |v| path(v, base));
    let id = section.read("client_key_id", text);
    let signs = auth == Some(ClientAuth::PrivateKeyJwt);
    if signs && section.field("client_key_file").is_none() {
        section.missing("client_key_file");
    }
    for key in ["client_key_file", "client_key_id"] {
        if auth.is_some() && !signs && section.field(key).is_some() {
            let problem = Problem::new("has no use");
            section.refuse(key, problem.expected("it only where the provider has `client_auth = \"private_key_jwt\"`"));
        }
    }
    Some(KeyFile { path: path?, id })
}

/// Whose password is used, and where it comes from.
pub(super) fn password_user(section: &SectionReader<'_>, base: &Base<'_>, grant: GrantType) -> Option<PasswordUser> {
    let name = section.read("username", text).map(User::Name);
    let number = section.read("phonenumber", text).map(User::PhoneNumber);
    let given = sources(&PASSWORD, section, base);
    let keys = ["username", "phonenumber"].into_iter().filter(|key| section.field(key).is_some());
    let keys: Vec<&'static str> = keys.chain(given.iter().map(|(key, _)| *key)).collect();
    if grant != GrantType::Password {
        for key in keys {
            let problem = Problem::new("has no use");
            section.lacks(key, &["grant"], problem.expected("it only with `grant = \"password\"`"));
        }
        return None;
    }
    match keys.as_slice() {
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
    Some(PasswordUser { user: name.or(number)?, password })
}

fn keyring_item(section: &SectionReader<'_>, key: &'static str) -> Option<SecretSource> {
    section.field(key)?;
    let item = section.child(key)?;
    let (service, user) = (item.require("service", text), item.require("user", text));
    Some(SecretSource::Keyring { service: service?, user: user? })
}

/// The secret in the config file itself, if nobody else can have read it.
fn inline(section: &SectionReader<'_>, privacy: FilePrivacy) -> Option<SecretSource> {
    let secret = section.read("client_secret", |value| {
        let secret = text(value)?;
        let unfit = |why: secret::text::Unfit| Problem::new(why.to_string());
        secret::text::check(&secret, Rule::ClientSecret).map_err(unfit)?;
        Ok(ClientSecret::new(secret))
    })?;
    let exposed = match privacy {
        FilePrivacy::Private => return Some(SecretSource::Inline(secret)),
        FilePrivacy::Exposed { mode } => format!("stands in a file that others can read (mode {mode:04o})"),
        FilePrivacy::Foreign { uid } => format!("stands in a file of another user (uid {uid})"),
    };
    let expected = "a file of yours with mode 0600 (`chmod 600`), or `client_secret_file`";
    section.refuse("client_secret", Problem::new(exposed).expected(expected));
    None
}
