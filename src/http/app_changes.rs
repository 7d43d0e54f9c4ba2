//! Changes to the list of apps and to what the user said of them: on disk, off the runtime's threads. And how an app is
//! shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::state::Http;
use crate::apps::{App, Apps, AppsError, NotWatched, Process};
use crate::contract::{self, AppReply};
use crate::error::{Error, Obstacle};
use crate::reverse_proxy::rules::{PathGlob, ProxyRules};
use crate::reverse_proxy::tools::ToolGlob;

/// Removes an app and the user's answers about it: another app may have its name later.
pub(super) async fn remove_with_answers(http: &Http, apps: Apps, name: String) -> Result<(), Error> {
    let consents = http.consents.clone();
    on_disk(move || {
        // Both, even if one fails: the app is gone, and nobody can remove it again.
        let removed = apps.remove(&name);
        if matches!(removed, Err(AppsError::Unknown(_) | AppsError::Name)) {
            return removed;
        }
        removed.and(consents.forget_app(&name).map(drop))
    })
    .await
}

/// Runs `work` on a thread for blocking I/O. It runs to completion even if the caller disconnects.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppsError> + Send + 'static,
) -> Result<T, Error> {
    let died = |_| Error::Internal { what: "the thread that changes the apps crashed".into() };
    tokio::task::spawn_blocking(work).await.map_err(died)?.map_err(told)
}

/// The error that a caller gets.
pub(super) fn told(error: AppsError) -> Error {
    match error {
        AppsError::Exists(name) => Error::AppExists { name },
        AppsError::Unknown(name) => Error::UnknownApp { name },
        AppsError::Temporary(name) => Error::Obstacle(Obstacle::TemporaryApp { name }),
        AppsError::TooManyTemporary(most) => Error::Obstacle(Obstacle::TooManyTemporaryApps { most }),
        AppsError::Process { pid, why } => Error::Obstacle(Obstacle::Process { pid, why }),
        AppsError::TooManyProcesses(most) => Error::Obstacle(Obstacle::TooManyProcesses { most }),
        AppsError::Name => Error::Obstacle(Obstacle::AppName { why: error.to_string() }),
        AppsError::Folder(_) | AppsError::Malformed { .. } => Error::StoreUnavailable { why: error.to_string() },
        AppsError::Random(_) => Error::Internal { what: error.to_string() },
    }
}

/// Accounts by their own names, and all of them known: a key for a misspelt one would be good for nothing.
pub(super) fn own_names(http: &Http, names: Vec<String>) -> Result<BTreeSet<String>, Error> {
    names.into_iter().map(|name| Ok(http.broker.account(&name)?.account)).collect()
}

/// The process that a key ends with.
pub(super) fn process(pid: Option<i32>) -> Result<Option<Arc<Process>>, Error> {
    let refused = |pid, why: NotWatched| told(AppsError::Process { pid, why: why.to_string() });
    pid.map(|pid| Process::find(pid).map(Arc::new).map_err(|why| refused(pid, why))).transpose()
}

/// The rules of an app, which have to be such that no two readers understand them differently.
pub(super) fn rules(wanted: contract::ProxyRules) -> Result<ProxyRules, Error> {
    let usage = |what: String| Error::Usage { what };
    let fit =
        |method: &String| !method.is_empty() && method.len() <= 32 && method.bytes().all(|b| b.is_ascii_uppercase());
    if !wanted.methods.iter().all(fit) {
        return Err(usage("a method has to be in capital letters, such as `GET`".into()));
    }
    let paths: Result<_, String> = wanted.paths.into_iter().map(PathGlob::try_from).collect();
    let tools: Result<_, String> = wanted.tools.into_iter().map(ToolGlob::try_from).collect();
    let (paths, tools) = (paths.map_err(usage)?, tools.map_err(usage)?);
    Ok(ProxyRules { methods: wanted.methods.into_iter().collect(), paths, tools })
}

fn shown_rules(rules: &ProxyRules) -> contract::ProxyRules {
    contract::ProxyRules {
        methods: rules.methods.iter().cloned().collect(),
        paths: rules.paths.iter().map(ToString::to_string).collect(),
        tools: rules.tools.iter().map(ToString::to_string).collect(),
    }
}

/// An app, as its owner sees it.
pub(super) fn view(app: &App) -> AppReply {
    let usage = app.usage();
    AppReply {
        name: app.name.clone(),
        accounts: app.rights.accounts.clone().map(|accounts| accounts.into_iter().collect()),
        scopes: app.rights.scopes.clone().map(|scopes| scopes.into_iter().collect()),
        write: app.rights.write,
        proxy: app.rights.proxy.as_ref().map(shown_rules),
        temporary: app.is_temporary(),
        while_pid: app.pid(),
        created_at: app.created_at,
        expires_at: app.expires_at,
        uses: usage.uses,
        last_used_at: usage.last_used_at,
        last_address: usage.last_address.map(|address| address.to_string()),
    }
}
