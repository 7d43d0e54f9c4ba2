//! The config file as a whole: from text to [`Config`], with every mistake in it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::account::{Context, NoAccount, account, refuse_shared_redirects};
use super::catalog::{self, Catalog, PresetText};
use super::problem::{ConfigErrors, Diagnostics, Problem, ProblemScope, nearest};
use super::reader::SectionReader;
use super::schema;
use super::value::{Base, addresses, command, count, credential, duration, flag, path, text};
use super::{
    AccountConfig, AuditConfig, Config, FilePrivacy, Listen, Parsed, Serving, SocketChoice, Sources, StoreConfig,
};
use crate::secret::source::KeySource;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// RING on a telephone's keypad.
const PORT: u16 = 7464;

/// Reads a config file's text. `source` is its absolute path: messages name it, and relative paths are
/// relative to its folder. `home` is what `~/` stands for.
///
/// All mistakes are found at once, except that bad TOML hides the others. One in one account is one of
/// the whole file; [`assemble`] tells them apart.
pub fn parse(text: &str, source: &Path, privacy: FilePrivacy, home: Option<&Path>) -> Result<Config, ConfigErrors> {
    assemble(&Sources { text, path: source, privacy, home, providers: &[] }).strictly()
}

/// Puts a config together from all that it is made of. A mistake in an account or a provider takes out
/// the accounts that it concerns; any other takes out all of it.
pub fn assemble(sources: &Sources<'_>) -> Parsed {
    let built_in = catalog::built_in_names();
    let texts = catalog::texts(&built_in, sources.providers);
    let sheet = Diagnostics::new(sources.path, sources.text);
    let config = read(sources, &sheet, &texts);
    let mistakes = ConfigErrors(sheet.errors().into_iter().chain(catalog::mistakes(&texts)).collect());
    Parsed { config: config.filter(|_| !mistakes.is_fatal()), mistakes }
}

pub(super) fn read(sources: &Sources<'_>, sheet: &Diagnostics<'_>, texts: &[PresetText<'_>]) -> Option<Config> {
    let document = document(sources.text, sheet)?;
    let top = SectionReader::new(schema::top(), String::new(), 0, &document, sheet, ProblemScope::Everything);
    let base = Base { folder: sources.path.parent().unwrap_or(Path::new("")), home: sources.home };
    let (listen, tcp) = listen(top.child("listen").as_ref(), &base);
    let store = store(top.child("store").as_ref(), &base);
    let serve = serving(top.child("serve").as_ref());
    let audit = audit(top.child("audit").as_ref());
    let catalog = Catalog::new(texts, top.children("providers", ProblemScope::Provider));
    let context = Context { base, privacy: sources.privacy, catalog: &catalog, tcp };
    let sections = top.children("accounts", ProblemScope::Account);
    let default_account = default_account(&top, &sections);
    let (accounts, broken) = accounts(&sections, &context, sheet);
    let warnings = sheet.warnings().iter().map(ToString::to_string).collect();
    Some(Config { default_account, listen, store, serve, audit, accounts, broken, warnings })
}

/// The text as TOML; `None`: it is none, which was reported.
pub(super) fn document<'a>(text: &'a str, sheet: &Diagnostics<'_>) -> Option<DeTable<'a>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        // `message`, not `Display`: the latter shows the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        sheet.report(at, "", Problem::new(error.message()), &ProblemScope::Everything);
    }
    syntax.is_empty().then(|| document.into_inner())
}

/// The listeners; beside them the TCP addresses again, `None` if they were reported as wrong.
fn listen(section: Option<&SectionReader<'_>>, base: &Base<'_>) -> (Listen, Option<Vec<SocketAddr>>) {
    let usual = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))];
    let tcp = match section.filter(|section| section.field("tcp").is_some()) {
        Some(section) => section.read("tcp", addresses),
        None => Some(usual.clone()),
    };
    let listen = Listen {
        tcp: tcp.clone().unwrap_or(usual),
        socket: section.and_then(|s| s.read("socket", |v| socket(v, base))).unwrap_or(SocketChoice::Default),
        other_users: section.and_then(|s| s.read("other_users", flag)).unwrap_or(false),
        max_connections: section.and_then(|s| s.read("max_connections", count)).unwrap_or(256),
    };
    if let Some(section) = section
        && tcp.as_ref().is_some_and(Vec::is_empty)
        && listen.socket == SocketChoice::Off
    {
        let problem = Problem::new("is off, and `tcp` is empty: nobody could reach the daemon");
        section.refuse("socket", problem.expected("one of the two"));
    }
    (listen, tcp)
}

fn socket(value: &DeValue<'_>, base: &Base<'_>) -> Result<SocketChoice, Problem> {
    match value {
        DeValue::String(_) => path(value, base).map(SocketChoice::At),
        _ => flag(value).map(|on| if on { SocketChoice::Default } else { SocketChoice::Off }),
    }
}

fn store(section: Option<&SectionReader<'_>>, base: &Base<'_>) -> StoreConfig {
    let Some(section) = section else {
        return StoreConfig { folder: None, key: KeySource::File, lock_on_suspend: false, lock_after_idle: None };
    };
    let folder = section.read("folder", |v| path(v, base));
    let name = section.read("key_credential", credential);
    let argv = section.read("key_command", |v| command(v, base));
    let word = section.choice("key", |word| Some(word.to_owned())).unwrap_or_else(|| "file".to_owned());
    for (key, needed_by) in [("key_credential", "credential"), ("key_command", "command")] {
        match (section.field(key), word == needed_by) {
            (None, true) => section.missing(key),
            (Some(_), false) => {
                let problem = Problem::new("has no use").expected(format!("it only with `key = \"{needed_by}\"`"));
                section.lacks(key, &["key"], problem);
            }
            _ => {}
        }
    }
    let key = match word.as_str() {
        "auto" => KeySource::Auto,
        "keyring" => KeySource::Keyring,
        // What is missing or wrong was reported.
        "credential" => KeySource::Credential(name.unwrap_or_default()),
        "command" => KeySource::Command(argv.unwrap_or_default()),
        "passphrase" => KeySource::Passphrase,
        _ => KeySource::File,
    };
    let lock_on_suspend = section.read("lock_on_suspend", flag).unwrap_or(false);
    let lock_after_idle = section.read("lock_after_idle", |v| duration(v, MINUTE, 7 * 24 * HOUR));
    StoreConfig { folder, key, lock_on_suspend, lock_after_idle }
}

fn serving(section: Option<&SectionReader<'_>>) -> Serving {
    let read = |key, least, most| section.and_then(|section| section.read(key, |v| duration(v, least, most)));
    Serving {
        min_ttl: read("min_ttl", Duration::ZERO, 24 * HOUR).unwrap_or(10 * SECOND),
        wait: read("wait", Duration::ZERO, 10 * MINUTE).unwrap_or(10 * SECOND),
        login_timeout: read("login_timeout", SECOND, HOUR).unwrap_or(10 * MINUTE),
    }
}

fn audit(section: Option<&SectionReader<'_>>) -> Option<AuditConfig> {
    let number = |key| section.and_then(|section| section.read(key, count));
    let (max_mib, keep) = (number("max_mib").unwrap_or(8), number("keep").unwrap_or(4));
    let enabled = section.and_then(|section| section.read("enabled", flag)).unwrap_or(true);
    enabled.then_some(AuditConfig { max_mib, keep })
}

/// The accounts that can be used, and of the others the first mistake that stands in the way.
fn accounts(
    sections: &[(String, SectionReader<'_>)],
    context: &Context<'_>,
    sheet: &Diagnostics<'_>,
) -> (BTreeMap<String, Arc<AccountConfig>>, BTreeMap<String, String>) {
    let (mut sound, mut broken) = (Vec::new(), BTreeMap::new());
    for (name, section) in sections {
        match account(name, section, context) {
            Ok(account) => sound.push((account, section)),
            Err(NoAccount::NoProvider(mistake)) => _ = broken.insert(name.clone(), mistake),
            Err(NoAccount::Mistaken) => {}
        }
    }
    // An account that is taken out anyway takes no place from another.
    sound.retain(|(_, section)| section.first_mistake().is_none());
    refuse_shared_redirects(&sound, context.tcp.as_ref().and_then(|tcp| tcp.first()));
    sound.retain(|(_, section)| section.first_mistake().is_none());
    for mistake in sheet.errors() {
        if let ProblemScope::Account(name) = &mistake.blame {
            // In the order of the file, so the first one stays.
            broken.entry(name.clone()).or_insert_with(|| mistake.to_string());
        }
    }
    (sound.into_iter().map(|(account, _)| (account.name.clone(), Arc::new(account))).collect(), broken)
}

/// The account named, or the only one there is.
fn default_account(top: &SectionReader<'_>, sections: &[(String, SectionReader<'_>)]) -> Option<String> {
    let known = || sections.iter().map(|(name, _)| name.as_str());
    let Some(named) = top.read("default_account", text) else {
        return if let [(only, _)] = sections { Some(only.clone()) } else { None };
    };
    if known().any(|name| name == named) {
        return Some(named);
    }
    let problem = Problem::new(format!("is `{}`, and there is no such account", named.escape_debug()));
    let problem = problem.expected("the name of an `[accounts.NAME]`").nearest(nearest(&named, known()));
    top.lacks("default_account", &["accounts"], problem);
    None
}
