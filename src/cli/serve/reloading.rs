//! SIGHUP: the config is read again, and what of it can be is taken over.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use super::{ServeArgs, audit_limits, warn};
use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::config::{Config, ProblemScope, needs_restart};
use crate::config_file::ConfigFileError;
use crate::contract::ConfigMistake;

/// Reads the config again at every SIGHUP, and rings `heard`. A bad one is told and changes nothing. Never ends.
pub(super) async fn on_hangup(
    args: &ServeArgs,
    started: Arc<Config>,
    broker: &Broker,
    audit: &AuditLog,
    mut hangup: Signal,
    heard: &watch::Sender<()>,
) {
    while hangup.recv().await.is_some() {
        heard.send_replace(());
        let env = args.source.env();
        let read = tokio::task::spawn_blocking(move || crate::config_file::load(&env)).await;
        match read {
            Ok(Ok(new)) => {
                for key in needs_restart(&started, &new) {
                    tracing::warn!("`{key}` changed: it takes effect after a restart");
                }
                warn(&new);
                if let Err(error) = audit.change(audit_limits(&new)).await {
                    tracing::error!("the new `[audit]` could not be taken over: {error}");
                }
                let accounts = new.accounts.len();
                broker.reload(Arc::new(new)).await;
                tracing::info!(accounts, "the config was read again");
            }
            Ok(Err(error)) => {
                tracing::error!("the config was not taken over, the old one stays: {error}");
                broker.reload_refused(mistakes(&error));
            }
            Err(_) => {
                let message = "the config could not be read: the reader crashed".to_owned();
                tracing::error!("{message}");
                broker.reload_refused(vec![ConfigMistake { account: None, message }]);
            }
        }
    }
    std::future::pending::<()>().await;
}

/// Why a config was not taken over, for the status.
fn mistakes(error: &ConfigFileError) -> Vec<ConfigMistake> {
    let ConfigFileError::Mistakes(mistakes) = error else {
        return vec![ConfigMistake { account: None, message: error.to_string() }];
    };
    let told = mistakes.iter().map(|mistake| {
        let account = if let ProblemScope::Account(name) = &mistake.blame { Some(name.clone()) } else { None };
        ConfigMistake { account, message: mistake.to_string() }
    });
    told.collect()
}
