//! `apps.json`: every app but its key, of which only the SHA-256 is kept.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::app::{App, Usage};
use super::error::AppsError;
use super::key::Digest;
use super::rights::Rights;

use crate::os::folder::Folder;
use crate::os::process::{Process, ProcessId};
use crate::reverse_proxy::rules::ProxyRules;

/// The file in the state folder.
pub(super) const FILE: &str = "apps.json";
/// Room for some thousand apps; a larger file is not ringback's.
const LIMIT: usize = 4 * 1024 * 1024;
const VERSION: u32 = 3;
/// An older version is written as long as it says all: an older ringback can read it then. One that does not know of rules
/// for tools would forward any call, one that does not know of processes would accept a key for ever,
const WITHOUT_TOOLS: u32 = 2;
/// and one that does not know of the proxy's rules at all would hand out tokens.
const WITHOUT_RULES: u32 = 1;

#[derive(Serialize, Deserialize)]
struct AppsDocument {
    version: u32,
    apps: Vec<AppEntry>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct AppEntry {
    name: String,
    key_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    accounts: Option<std::collections::BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    scopes: Option<std::collections::BTreeSet<String>>,
    write: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    proxy: Option<ProxyRules>,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    expires_at: Option<i64>,
    /// The process that its key ends with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    process: Option<ProcessId>,
    #[serde(flatten)]
    usage: Usage,
}

/// The apps of `folder`; `None` if there is no such file yet.
pub(super) fn read(folder: &Folder) -> Result<Option<Vec<App>>, AppsError> {
    let Some(bytes) = folder.read(FILE, LIMIT)? else { return Ok(None) };
    let malformed = |why: String| AppsError::Malformed { path: folder.file(FILE), why };
    let unread = |error: serde_json::Error| malformed(format!("it is not what ringback writes ({error})"));
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(unread)?;
    if version > VERSION {
        return Err(malformed(format!(
            "it has format version {version}, but this version of ringback supports up to {VERSION}"
        )));
    }
    let document: AppsDocument = serde_json::from_slice(&bytes).map_err(unread)?;
    let mut apps: Vec<App> = Vec::new();
    for entry in document.apps {
        let digest = Digest::parse(&entry.key_sha256);
        let digest = digest.ok_or_else(|| malformed("a `key_sha256` in it is not 64 hex digits".into()))?;
        if apps.iter().any(|app| app.name == entry.name || app.digest == digest) {
            return Err(malformed("it contains an app twice".into()));
        }
        let app = App::new(
            entry.name,
            Rights { accounts: entry.accounts, scopes: entry.scopes, write: entry.write, proxy: entry.proxy },
            (entry.created_at, entry.expires_at),
            digest,
            entry.usage,
        );
        apps.push(app.while_runs(entry.process.map(|id| Arc::new(Process::again(id)))));
    }
    Ok(Some(apps))
}

/// The lowest version whose readers hold the app to what it may do.
fn version_of(app: &AppEntry) -> u32 {
    match &app.proxy {
        _ if app.process.is_some() => VERSION,
        Some(rules) if !rules.tools.is_empty() => VERSION,
        Some(_) => WITHOUT_TOOLS,
        None => WITHOUT_RULES,
    }
}

/// Replaces the file, durably.
pub(super) fn write<'a>(folder: &Folder, apps: impl Iterator<Item = &'a App>) -> Result<(), AppsError> {
    let apps = apps.map(|app| AppEntry {
        name: app.name.clone(),
        key_sha256: app.digest.to_string(),
        accounts: app.rights.accounts.clone(),
        scopes: app.rights.scopes.clone(),
        write: app.rights.write,
        proxy: app.rights.proxy.clone(),
        created_at: app.created_at,
        expires_at: app.expires_at,
        process: app.process.as_ref().map(|process| process.id().clone()),
        usage: app.usage(),
    });
    let apps: Vec<AppEntry> = apps.collect();
    let version = apps.iter().map(version_of).max().unwrap_or(WITHOUT_RULES);
    let document = AppsDocument { version, apps };
    let text = serde_json::to_vec_pretty(&document)
        .map_err(|error| AppsError::Malformed { path: folder.file(FILE), why: error.to_string() })?;
    Ok(folder.write(FILE, &text)?)
}
