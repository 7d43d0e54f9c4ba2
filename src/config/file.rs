//! The config file as a whole: from text to [`Config`], with every mistake in it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::account::{Context, NoAccount, SharedSettings, account, refuse_shared_files, refuse_shared_redirects};
use super::catalog::{self, Catalog, PresetText};
use super::effective::{AccountConfig, Config, Parsed};
use super::input::{FilePrivacy, Sources};
use super::listener::{refuse_shared_places, refuse_unknown_accounts};
use super::problem::{ConfigErrors, Diagnostics, Problem, ProblemScope, nearest};
use super::reader::{Reading, SectionReader};
use super::sections::SCHEMA;
use super::sections::daemon::{self, AuditConfig, Listen, Serving, StoreConfig, TopKeys};
use super::value::SocketChoice;
use super::words::{self, KeyWord};

/// Reads a config file's text. `source` is its absolute path: messages name it, and relative paths are
/// relative to its folder. `home` is what `~/` stands for.
///
/// All mistakes are found at once, except that bad TOML hides the others. A mistake in one account fails the whole
/// file; [`assemble`] keeps the other accounts.
pub fn parse(text: &str, source: &Path, privacy: FilePrivacy, home: Option<&Path>) -> Result<Config, ConfigErrors> {
    assemble(&Sources { text, path: source, privacy, home, providers: &[] }).strictly()
}

/// Assembles a config from its sources. A mistake in an account or a provider disables the accounts that it concerns;
/// any other disables the whole config.
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
    let reading = Reading { sheet, base: sources.base(), schema: SCHEMA, document: Some(&document) };
    let top = SectionReader::of_text(&daemon::TOP, &document, reading, ProblemScope::Everything);
    let of_listen = top.child("listen");
    let (listen, tcp) = listen(of_listen.as_ref());
    let store = store(top.child("store").as_ref());
    let serve = Serving::read(top.child("serve").as_ref());
    let audit = AuditConfig::read(top.child("audit").as_ref());
    let catalog = Catalog::new(texts, top.children("providers", ProblemScope::Provider));
    let context = Context { privacy: sources.privacy, catalog: &catalog, tcp };
    let sections = top.children("accounts", ProblemScope::Account);
    if let Some(section) = &of_listen {
        let names: Vec<&str> = sections.iter().map(|(name, _)| name.as_str()).collect();
        refuse_unknown_accounts(&listen, section, &names);
    }
    let default_account = default_account(&top, &sections);
    let (accounts, broken) = accounts(&sections, &context, sheet);
    let warnings = sheet.warnings().into_iter().chain(catalog::warnings(texts));
    let warnings = warnings.collect();
    Some(Config { default_account, listen, store, serve, audit, accounts, broken, warnings })
}

/// Parses the text as TOML; `None` if it is not TOML, which is reported.
pub(super) fn document<'a>(text: &'a str, sheet: &Diagnostics<'_>) -> Option<DeTable<'a>> {
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        // `message`, not `Display`: the latter shows the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        sheet.report(at, "", Problem::new(error.message()), &ProblemScope::Everything);
    }
    syntax.is_empty().then(|| document.into_inner())
}

/// The listeners, and the TCP addresses once more: `None` if they were reported as wrong.
fn listen(section: Option<&SectionReader<'_>>) -> (Listen, Option<Vec<SocketAddr>>) {
    let listen = Listen::read(section);
    let is_wrong = section.is_some_and(|section| section.is_wrong("tcp"));
    if let Some(section) = section
        && !is_wrong
        && listen.tcp.is_empty()
        && listen.socket == SocketChoice::Off
    {
        let problem = Problem::new("is off, and `tcp` is empty: no program could reach the daemon");
        section.refuse("socket", problem.expected("one of the two"));
    }
    if let Some(section) = section {
        refuse_shared_places(&listen, section);
    }
    let tcp = (!is_wrong).then(|| listen.tcp.clone());
    (listen, tcp)
}

fn store(section: Option<&SectionReader<'_>>) -> StoreConfig {
    let store = StoreConfig::read(section);
    let Some(section) = section else { return store };
    for (key, needed_by) in [("key_credential", KeyWord::Credential), ("key_command", KeyWord::Command)] {
        match (section.field(key), store.key == needed_by) {
            (None, true) => section.missing(key),
            (Some(_), false) => {
                let word = words::word::<KeyWord>(needed_by).unwrap_or_default();
                let problem = Problem::new("has no use").expected(format!("it only with `key = \"{word}\"`"));
                section.lacks(key, &["key"], problem);
            }
            _ => {}
        }
    }
    store
}

/// The accounts that can be used, and for each of the others the first mistake that prevents it.
fn accounts(
    sections: &[(String, SectionReader<'_>)],
    context: &Context<'_>,
    sheet: &Diagnostics<'_>,
) -> (BTreeMap<String, Arc<AccountConfig>>, BTreeMap<String, String>) {
    let (mut sound, mut broken, mut shared) = (Vec::new(), BTreeMap::new(), SharedSettings::default());
    for (name, section) in sections {
        match account(name, section, context) {
            Ok(mut account) => {
                shared.share(&mut account);
                sound.push((account, section));
            }
            Err(NoAccount::NoProvider(mistake)) => _ = broken.insert(name.clone(), mistake),
            Err(NoAccount::Mistaken) => {}
        }
    }
    // An account that is disabled anyway must not disable another.
    sound.retain(|(_, section)| section.first_mistake().is_none());
    refuse_shared_redirects(&sound, context.tcp.as_ref().and_then(|tcp| tcp.first()));
    sound.retain(|(_, section)| section.first_mistake().is_none());
    refuse_shared_files(&sound);
    sound.retain(|(_, section)| section.first_mistake().is_none());
    for mistake in sheet.errors() {
        if let ProblemScope::Account(name) = &mistake.blame {
            // In the order of the file, so the first one stays.
            broken.entry(name.clone()).or_insert_with(|| mistake.to_string());
        }
    }
    (sound.into_iter().map(|(account, _)| (account.name.to_string(), Arc::new(account))).collect(), broken)
}

/// The account named, or the only one there is.
fn default_account(top: &SectionReader<'_>, sections: &[(String, SectionReader<'_>)]) -> Option<String> {
    let known = || sections.iter().map(|(name, _)| name.as_str());
    let Some(named) = TopKeys::read(Some(top)).default_account else {
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
