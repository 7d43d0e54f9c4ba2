//! Names that only this machine knows, such as those of accounts: asked of the daemon, or read from the config. A shell
//! waits for them, so nothing takes long, and nothing is printed.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::cli::config_source::ConfigSource;
use crate::client::{Client, DaemonOptions};
use crate::config::known_providers;
use crate::config_file;

/// How long the daemon may take. It answers within a millisecond, unless it is starting or stuck.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a value is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameKind {
    Account,
    App,
    Provider,
    Consent,
}

impl NameKind {
    /// What the help calls each kind of value.
    const OF: [(&str, &[Self]); 5] = [
        ("ACCOUNT", &[Self::Account]),
        ("APP", &[Self::App]),
        ("PROVIDER", &[Self::Provider]),
        ("PROVIDER|ACCOUNT", &[Self::Provider, Self::Account]),
        ("ID", &[Self::Consent]),
    ];

    /// The kinds of names that a value with this name in the help can have; none if only the user knows it.
    pub(super) fn of(value_name: &str) -> &'static [Self] {
        Self::OF.iter().find(|(name, _)| *name == value_name).map_or(&[], |(_, kinds)| kinds)
    }
}

/// Where the command line says that the daemon and the config are.
pub(super) struct Sources {
    pub(super) socket: Option<PathBuf>,
    pub(super) config: Option<PathBuf>,
}

/// Each name, and what to say about it.
type Names = Vec<(String, String)>;

pub(super) fn names(kind: NameKind, sources: &Sources) -> Names {
    let names = match kind {
        NameKind::Account => asked(sources, accounts).or_else(|| accounts_in_config(sources)),
        NameKind::App => asked(sources, apps),
        NameKind::Consent => asked(sources, consents),
        NameKind::Provider => providers(sources),
    };
    names.unwrap_or_default()
}

/// What the daemon says, if it says so soon.
fn asked(sources: &Sources, ask: fn(&Client) -> Option<Names>) -> Option<Names> {
    let (tell, told) = mpsc::channel();
    let options = DaemonOptions { socket: sources.socket.clone() };
    // Not joined: it ends with the process.
    thread::spawn(move || tell.send(Client::find(&options).ok().and_then(|client| ask(&client))));
    told.recv_timeout(PATIENCE).ok().flatten()
}

fn accounts(client: &Client) -> Option<Names> {
    let reply = client.accounts().ok()?;
    let skipped = reply.mistakes.into_iter().filter_map(|mistake| Some((mistake.account?, "skipped".to_owned())));
    Some(reply.accounts.into_iter().map(|account| (account.account, account.provider)).chain(skipped).collect())
}

fn apps(client: &Client) -> Option<Names> {
    let rights = |write: bool| if write { "reads and changes" } else { "reads" }.to_owned();
    Some(client.apps().ok()?.apps.into_iter().map(|app| (app.name, rights(app.write))).collect())
}

fn consents(client: &Client) -> Option<Names> {
    let reply = client.consents().ok()?;
    let pending = reply.pending.into_iter().map(|asked| (asked.id, asked.who));
    Some(pending.chain(reply.remembered.into_iter().map(|known| (known.id, known.who))).collect())
}

fn accounts_in_config(sources: &Sources) -> Option<Names> {
    let source = ConfigSource { config: sources.config.clone() };
    let (config, _) = config_file::load_what_works(&source.env()).ok()?;
    let working = config.accounts.iter().map(|(name, account)| (name.clone(), account.dialect.provider.clone()));
    let skipped = config.broken.keys().map(|name| (name.clone(), "skipped".to_owned()));
    Some(working.chain(skipped).collect())
}

fn providers(sources: &Sources) -> Option<Names> {
    let source = ConfigSource { config: sources.config.clone() };
    let found = config_file::find_if_there(&source.env()).ok()?;
    let (known, _) = known_providers(&found.sources());
    Some(known.into_iter().map(|provider| (provider.name, provider.label)).collect())
}
