//! SIGHUP: reloads the config and applies what can be changed without a restart.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::audit::AuditLog;
use crate::broker::handle::Broker;

use crate::cli::audit_log::audit_limits;
use crate::cli::config_source::ConfigSource;
use crate::cli::platform;
use crate::config::{Config, ExtraListener, ProblemScope, needs_restart};
use crate::config_file::ConfigFileError;
use crate::contract::ConfigMistake;

/// Logs the config's warnings.
pub(super) fn warn(config: &Config) {
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    for unmet in platform::unmet(config) {
        tracing::warn!("{unmet}");
    }
}

/// Reloads the config at every SIGHUP, rings `heard`, and tells which additional `listeners` there are to be. A config with
/// mistakes is reported and changes nothing. Never returns.
pub(super) async fn on_hangup(
    source: &ConfigSource,
    started: Arc<Config>,
    broker: &Broker,
    audit: &AuditLog,
    mut hangup: Signal,
    (heard, listeners): (&watch::Sender<()>, &watch::Sender<Vec<ExtraListener>>),
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
                    tracing::error!("the new `[audit]` could not be applied: {error}");
                }
                listeners.send_replace(ExtraListener::all(&new.listen));
                let accounts = new.accounts.len();
                broker.reload(Arc::new(new)).await;
                tracing::info!(accounts, "the config was reloaded");
            }
            Ok(Err(error)) => {
                tracing::error!("the config was refused, the old one stays in effect: {error}");
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

/// Why a config was refused, for the status.
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
