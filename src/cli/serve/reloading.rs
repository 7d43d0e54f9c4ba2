//! SIGHUP: the config is read again, and what of it can be is taken over.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::cli::audit_log::audit_limits;
use crate::cli::config_source::ConfigSource;
use crate::config::{Config, ProblemScope, needs_restart};
use crate::config_file::ConfigFileError;
use crate::contract::ConfigMistake;

/// Logs what works and should not be done.
pub(super) fn warn(config: &Config) {
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
}

/// Reads the config again at every SIGHUP, and rings `heard`. A bad one is told and changes nothing. Never ends.
pub(super) async fn on_hangup(
    source: &ConfigSource,
    started: Arc<Config>,
    broker: &Broker,
    audit: &AuditLog,
    mut hangup: Signal,
    heard: &watch::Sender<()>,
) {
    while hangup.recv().await.is_some() {
        heard.send_replace(());
        let env = source.env();
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
