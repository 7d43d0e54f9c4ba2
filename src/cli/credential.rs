//! `ringback credential`: credential helpers, in the protocol of each program that calls one. The account is the one
//! that the URL is for (`cli::api_url`).

mod cargo;
mod docker;
mod found;
mod git;
mod input;
mod keyring;
mod kubectl;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Args, Subcommand};

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;

/// Give tokens to git, docker, kubectl, cargo, pip and uv
///
/// Each program runs its own part by itself once it is told to (docs/credential-helpers.md). Accounts are found by the
/// URL that the program is about to use: `api_urls` in the config.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
#[command(after_help = HELP)]
pub(super) struct CredentialArgs {
    #[command(subcommand)]
    protocol: Protocol,

    #[command(flatten)]
    reach: DaemonChoice,
}

#[derive(Subcommand)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
enum Protocol {
    /// A git credential helper: also as `git-credential-ringback`
    Git {
        /// What git wants: get, store or erase; anything else is ignored
        operation: String,
    },
    /// A Docker credential helper: also as `docker-credential-ringback`
    Docker {
        /// What docker wants: get, list, store or erase
        action: String,
    },
    /// An exec credential plugin for kubectl
    Kubectl {
        /// The account, or a URL of it [default: by the cluster's URL, if kubectl gives it, else the default account]
        account: Option<String>,
    },
    /// A cargo credential provider: also as `ringback --cargo-plugin`, which cargo runs
    Cargo {
        /// Given by cargo
        #[arg(long, hide = true)]
        cargo_plugin: bool,
    },
    /// The command `keyring`, as pip and uv run it: `keyring get SERVICE USER`
    Keyring {
        /// Only `get`
        operation: String,

        /// The URL of the package index, or its host
        service: String,

        /// The user name
        username: Option<String>,

        #[command(flatten)]
        form: keyring::Form,
    },
}

const HELP: &str = "\
Examples:
  git config --global credential.helper '!ringback credential git'
  echo url=https://git.example.com | git credential fill
  ringback credential kubectl work
  ringback credential keyring get https://pypi.example.com/simple oauth2";

/// The names under which the program is a credential helper, and what stands for each.
const LINKS: [(&str, &str); 4] = [
    ("git-credential-ringback", "git"),
    ("docker-credential-ringback", "docker"),
    ("cargo-credential-ringback", "cargo"),
    ("keyring", "keyring"),
];
/// The argument that cargo gives every credential provider.
const CARGO_PLUGIN: &str = "--cargo-plugin";

/// The command line as it would be without a link: `git-credential-ringback get` is `ringback credential git get`.
pub(super) fn unlinked(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    let linked = LINKS.iter().find(|(link, _)| name == Some(OsStr::new(link))).map(|(_, protocol)| *protocol);
    let of_cargo = || arguments.get(1).is_some_and(|first| first == CARGO_PLUGIN).then_some("cargo");
    if let Some(protocol) = linked.or_else(of_cargo) {
        arguments.splice(..1, ["ringback", "credential", protocol].map(OsString::from));
    }
    arguments
}

impl CredentialArgs {
    /// As [`TokenArgs::short`](super::token::TokenArgs::short): what the programs send, without the command tree.
    pub(super) fn short(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut next = || arguments.next().map(|word| word.into_string().map_err(|_| ())).transpose();
        let protocol = next().ok()??;
        let words: Vec<String> = std::iter::from_fn(|| next().transpose()).collect::<Result<_, _>>().ok()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let is_plain = |word: &&str| !word.is_empty() && !word.starts_with('-');
        let protocol = match (protocol.as_str(), words.as_slice()) {
            ("git", [operation]) if is_plain(operation) => Protocol::Git { operation: (*operation).to_owned() },
            ("docker", [action]) if is_plain(action) => Protocol::Docker { action: (*action).to_owned() },
            ("kubectl", []) => Protocol::Kubectl { account: None },
            ("kubectl", [account]) if is_plain(account) => Protocol::Kubectl { account: Some((*account).to_owned()) },
            ("cargo", []) => Protocol::Cargo { cargo_plugin: false },
            ("cargo", [CARGO_PLUGIN]) => Protocol::Cargo { cargo_plugin: true },
            // pip from 26 on, pip before that, and uv.
            ("keyring", ["--mode=creds", "--output=json", "get", rest @ ..]) => {
                keyring_get(rest, keyring::Form { mode: keyring::Mode::Creds, output: keyring::Output::Json })?
            }
            ("keyring", ["get", service, "--mode", "creds"]) => {
                keyring_get(&[service], keyring::Form { mode: keyring::Mode::Creds, output: keyring::Output::Plain })?
            }
            ("keyring", ["get", rest @ ..]) => keyring_get(rest, keyring::Form::default())?,
            _ => return None,
        };
        Some(Self { protocol, reach: DaemonChoice::default() })
    }
}

/// `keyring get SERVICE [USER]`, if that is what the words behind `get` are.
fn keyring_get(words: &[&str], form: keyring::Form) -> Option<Protocol> {
    let (service, username) = match words {
        [service] => (service, None),
        [service, username] => (service, Some((*username).to_owned())),
        _ => return None,
    };
    let is_plain = |word: &str| !word.is_empty() && !word.starts_with('-');
    if !is_plain(service) || username.as_deref().is_some_and(|username| !is_plain(username)) {
        return None;
    }
    Some(Protocol::Keyring { operation: "get".to_owned(), service: (*service).to_owned(), username, form })
}

/// Answers the program that asks.
pub(super) fn run(args: &CredentialArgs) -> CommandResult {
    let reach = &args.reach;
    match &args.protocol {
        Protocol::Git { operation } => git::run(operation, reach),
        Protocol::Docker { action } => docker::run(action, reach),
        Protocol::Kubectl { account } => kubectl::run(account.as_deref(), reach),
        Protocol::Cargo { .. } => cargo::run(reach),
        Protocol::Keyring { operation, service, username, form } => {
            keyring::run(operation, service, username.as_deref(), *form, reach)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn by_clap(arguments: &[&str]) -> Option<CredentialArgs> {
        let command = CredentialArgs::augment_args(Command::new("credential").no_binary_name(true));
        CredentialArgs::from_arg_matches(&command.try_get_matches_from(arguments).ok()?).ok()
    }

    #[test]
    fn the_fast_path_reads_what_the_programs_send_as_clap_does() {
        for (line, is_short) in [
            (&["git", "get"][..], true),
            (&["git", "capability"], true),
            (&["git", "--help"], false),
            (&["git"], false),
            (&["docker", "list"], true),
            (&["docker", "get", "more"], false),
            (&["kubectl"], true),
            (&["kubectl", "work"], true),
            (&["kubectl", "https://k8s.example"], true),
            (&["kubectl", "--socket", "/s"], false),
            (&["cargo"], true),
            (&["cargo", "--cargo-plugin"], true),
            (&["keyring", "get", "https://pypi.example/simple", "user"], true),
            (&["keyring", "get", "pypi.example", "--mode", "creds"], true),
            (&["keyring", "--mode=creds", "--output=json", "get", "https://pypi.example/simple"], true),
            (&["keyring", "--mode=creds", "--output=json", "get", "pypi.example", "user"], true),
            (&["keyring", "get", "--mode", "creds", "pypi.example"], false),
            (&["keyring", "get"], false),
            (&["keyring", "set", "pypi.example", "user"], false),
            (&["--help"], false),
            (&[], false),
        ] {
            let short = CredentialArgs::short(line.iter().map(OsString::from));
            assert_eq!(short.is_some(), is_short, "{line:?}");
            if is_short {
                assert_eq!(short, by_clap(line), "{line:?}");
            }
        }
    }

    #[test]
    fn a_link_stands_for_its_command() {
        for (line, expected) in [
            (&["/usr/bin/git-credential-ringback", "get"][..], &["ringback", "credential", "git", "get"][..]),
            (&["docker-credential-ringback"], &["ringback", "credential", "docker"]),
            (&["./keyring", "get", "s", "u"], &["ringback", "credential", "keyring", "get", "s", "u"]),
            (&["ringback", "--cargo-plugin"], &["ringback", "credential", "cargo", "--cargo-plugin"]),
            (&["cargo-credential-ringback", "--cargo-plugin"], &["ringback", "credential", "cargo", "--cargo-plugin"]),
            (&["ringback", "token", "--cargo-plugin"], &["ringback", "token", "--cargo-plugin"]),
            (&["/opt/keyring/ringback", "status"], &["/opt/keyring/ringback", "status"]),
            (&["ringback"], &["ringback"]),
            (&[], &[]),
        ] {
            assert_eq!(unlinked(line.iter().map(OsString::from).collect()), expected, "{line:?}");
        }
    }
}
