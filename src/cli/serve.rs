//! `ringback serve`: the daemon's composition root. All parts are created and connected here.

mod announced;
mod binding;
mod bound_keys;
#[cfg(test)]
mod docs_test;
mod extra;
mod init;
mod key_file;
mod reloading;
mod stored;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use announced::Announced;
use clap::Args;
use extra::ExtraListeners;
use stored::Opened;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::audit_log::open_audit;
use super::command_result::CommandResult;
use super::config_source::ConfigSource;
use super::signals;
use super::start_log::start_log;
use crate::apps::Apps;
use crate::apps::consent::Consents;
use crate::attention;
use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::broker::{World, wakeups};
use crate::callback_certificate::CallbackCertificates;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::{Config, ExtraListener, StoreConfig};
use crate::contract::{Endpoint, StoreState, VERSION};
use crate::credentials::CredentialEnv;
use crate::http::callback_listener::CallbackListeners;
use crate::http::extra_states::ExtraStates;
use crate::http::listen::{BoundListener, ConnectionLimits, Passed, ServedListener, Server, SocketId};
use crate::http::session::Sessions;
use crate::http::{self, Gate, Guarded, Http, HttpState, LogLimit, RequestCounts, ReverseProxy, Waiting};
use crate::log;
use crate::os::browser::UsersBrowser;
use crate::os::hardening;
use crate::os::paths::{NoHome, Paths};
use crate::os::support::Topic;
use crate::os::{service_manager, suspend};
use crate::provider::{HttpProvider, ProviderLatency};
use crate::random::Randomness;
use crate::token_files::TokenFiles;

/// Worker threads. They mostly wait; disk and keyring access have threads of their own.
const THREADS: usize = 2;
/// Grace period for a refresh in flight after SIGTERM (graceful shutdown). Connections are drained at the same time, so
/// that a stop takes less than 2 s.
const LAST_REFRESH: Duration = Duration::from_millis(1500);

/// Grace period for the audit log's last lines after SIGTERM.
const AUDIT_WRITTEN: Duration = Duration::from_millis(300);
/// How long key usage may be in memory only, before it is written.
const USAGE_KEPT: Duration = Duration::from_secs(60);
/// When the start is over, and programs have got what they were waiting for.
const AFTER_START: Duration = Duration::from_millis(200);

/// Run the daemon
///
/// Listens on loopback and on a unix socket of the user. SIGHUP reloads the config; SIGTERM and Ctrl-C stop the
/// daemon.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) source: ConfigSource,

    #[command(flatten)]
    pub(super) log: log::LogOptions,
}

impl ServeArgs {
    /// `serve` alone, without building the command tree; all else is for [`clap`], as is a filter that the environment
    /// has `set`.
    pub(super) fn short(mut arguments: impl Iterator<Item = OsString>, set: bool) -> Option<Self> {
        let is_short = arguments.next().is_none() && !set;
        is_short.then(|| Self { source: ConfigSource { config: None }, log: log::LogOptions::default() })
    }
}

const HELP: &str = "\
Examples:
  ringback serve
  ringback serve --config ./config.toml --log debug
  ringback serve --log-format json 2>>ringback.log
  systemctl --user start ringback  In the background, if the service is installed";

/// Sets up the client for providers once the start is over: it parses every certificate that the system trusts, which takes
/// as long as all the rest of a start. A request that comes before does it by itself.
async fn warm_up(provider: Arc<HttpProvider>) {
    tokio::time::sleep(AFTER_START).await;
    provider.warm_up().await;
}

/// Serves until it is stopped.
pub(super) fn run(args: &ServeArgs) -> CommandResult {
    if init::is_first() {
        return init::run();
    }
    // Before a second thread exists.
    let passed = Passed::take().map_err(|error| binding::refused(&error))?;
    start_log(&args.log)?;
    // Before any secret is read.
    hardening::close_memory();
    let (config, mistakes) = args.source.load_what_works()?;
    mistakes.iter().for_each(|mistake| tracing::error!("config mistake, the affected accounts are skipped: {mistake}"));
    reloading::warn(&config);
    let config = Arc::new(config);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    let outcome = runtime.block_on(start(args, config, passed));
    // A keyring or password program that still blocks must not hold up the stop.
    runtime.shutdown_timeout(Duration::from_millis(100));
    outcome
}

async fn start(args: &ServeArgs, config: Arc<Config>, passed: Passed) -> CommandResult {
    // First: an uncaught signal would end the process, even SIGHUP.
    let hangup = signal(SignalKind::hangup()).map_err(message::no_signals)?;
    let signals = Signals { stop: signals::stop()?, hangup };
    let folder = config.store.folder.as_deref();
    let paths = Paths::from_env(&|name| std::env::var_os(name), folder).map_err(homeless)?;
    let store = stored::open(&config, &paths)?;
    let listeners = binding::bind(&config, &paths, passed).await?;
    let apps = Apps::open(&paths.state, Clock::System.now().wall).map_err(|error| broken_store(&error))?;
    let consents = Consents::open(&paths.state).map_err(|error| broken_store(&error))?;
    let audit = open_audit(&config, &paths).map_err(|error| broken_store(&error))?;
    serve(args, config, &paths, store, listeners, (apps, consents, audit), signals).await
}

/// The signals that the daemon handles. Caught as soon as this exists.
struct Signals<Stop> {
    /// SIGTERM or Ctrl-C.
    stop: Stop,
    /// SIGHUP.
    hangup: Signal,
}

fn homeless(error: NoHome) -> Failure {
    message::homeless(error)
}

fn broken_store(error: &dyn std::error::Error) -> Failure {
    message::start_failed(error)
}

async fn serve(
    args: &ServeArgs,
    config: Arc<Config>,
    paths: &Paths,
    Opened { store, key_not_yet }: Opened,
    listeners: Vec<BoundListener>,
    (apps, consents, audit): (Apps, Consents, AuditLog),
    signals: Signals<impl Future<Output = ()>>,
) -> CommandResult {
    let log = LogLimit::new(Clock::System);
    let limits = ConnectionLimits { connections: config.listen.max_connections, ..ConnectionLimits::default() };
    let server = Server::new(limits).with_log(log.clone());
    let tcp: Vec<SocketAddr> = listeners.iter().filter_map(BoundListener::tcp_address).collect();
    let callback_listeners = Arc::new(CallbackListeners::new(
        server.clone(),
        tcp.clone(),
        CallbackCertificates::in_folder(&paths.state),
        Clock::System,
    ));
    let (requests, latency) = (RequestCounts::default(), ProviderLatency::default());
    let provider = HttpProvider::new(Clock::System).with_cache(paths.state.join("metadata"));
    let provider = Arc::new(provider.with_latency(latency.clone()));
    let world = World {
        store,
        provider: Arc::clone(&provider) as Arc<_>,
        credentials: Arc::new(CredentialEnv::from_process()),
        opener: Arc::new(UsersBrowser),
        callback_listener: Arc::clone(&callback_listeners) as Arc<_>,
        runtime: Some(paths.runtime.clone()),
        clock: Clock::System,
        randomness: Randomness::System,
        audit: audit.clone(),
    };
    let first = tcp.first().copied();
    let stirs = wakeups::watch();
    let broker =
        Broker::start(Arc::clone(&config), world, stirs.clone(), move |account| account.redirect_uri_at(first)).await;
    let (jumps, state) = (stirs.clone(), paths.state.as_path());
    let token_files = TokenFiles::open(state, broker.clone(), audit.clone(), Clock::System);
    let mut token_files = token_files.map_err(|error| broken_store(&error))?;
    // Who starts after this daemon finds them; those of a daemon that was killed may be out of date.
    token_files.update().await;
    let asked_again = Arc::clone(&provider);
    tokio::spawn(async move { asked_again.try_again_at(stirs).await });
    let sessions = Sessions::default();
    let gate = Gate::new(apps.clone(), audit.clone(), sessions.clone(), Clock::System)
        .with_log(log.clone())
        .with_counts(requests.clone())
        .with_other_users(config.listen.other_users);
    warn_unless_told(&server);
    let http = Http::from(HttpState {
        broker: broker.clone(),
        apps: apps.clone(),
        audit: audit.clone(),
        consents: consents.clone(),
        sessions,
        own_origin: first.map(|address| format!("http://{address}")),
        socket: listeners.iter().find_map(BoundListener::socket_path).map(Arc::from),
        extra_listeners: ExtraStates::default(),
        tells_users: server.tells_users(),
        clock: Clock::System,
        waiting: Waiting::of_connections(config.listen.max_connections),
        requests,
        latency,
        proxy: ReverseProxy::new(provider.upstreams()),
    });
    callback_listeners.serve(http::callback_router(http.clone(), gate.clone()));
    let endpoint = endpoint(&listeners, apps.key_file().as_deref());
    let mut extra = ExtraListeners::new(&server, http.clone(), gate.clone());
    let wanted = watch::Sender::new(ExtraListener::all(&config.listen));
    extra.apply(&ExtraListener::all(&config.listen)).await;
    let router = http::router(http, gate);
    let (own_socket, open) = open_all(&server, listeners, &router);
    let mut announced = Announced::new(endpoint, paths.clone(), own_socket, (server.clone(), router))
        .map_err(|error| broken_store(&error))?;
    service_manager::ready();
    tell_ready(config.accounts.len(), announced.endpoint());
    wait_for_key(key_not_yet, &broker);
    tokio::spawn(warm_up(provider));
    lock_by_itself(&config.store, &broker);
    tokio::spawn(http::show_questions(consents.clone()));
    tokio::spawn(attention::run(broker.clone()));
    let hangups = watch::Sender::new(());
    tokio::select! {
        () = signals.stop => {}
        () = reloading::on_hangup(&args.source, config, &broker, &audit, signals.hangup, (&hangups, &wanted)) => {}
        () = extra.keep(wanted.subscribe()) => {}
        () = announced.keep(hangups.subscribe(), &apps) => {}
        () = keep_usage(&apps) => {}
        () = bound_keys::keep(&apps, &consents, &audit) => {}
        () = token_files.follow(jumps) => {}
        () = async { tokio::join!(audit.count_repeated(), log.count()); } => {}
    }
    tracing::info!("stopping");
    service_manager::stopping();
    drop(open);
    announced.withdraw();
    token_files.withdraw().await;
    tokio::join!(server.shut_down(), extra.shut_down(), broker.shut_down(LAST_REFRESH));
    log.close();
    save_usage(apps).await;
    _ = tokio::time::timeout(AUDIT_WRITTEN, audit.close()).await;
    Ok(ExitCode::SUCCESS)
}

/// Serves the daemon's own listeners. The unix socket that we bound is apart: its file may have to be made again.
fn open_all(
    server: &Server,
    listeners: Vec<BoundListener>,
    router: &Guarded,
) -> (Option<(SocketId, ServedListener)>, Vec<ServedListener>) {
    let (mut own_socket, mut open) = (None, Vec::new());
    for listener in listeners {
        let bound = listener.socket().filter(|socket| socket.is_ours()).cloned();
        let opened = server.spawn(listener, router.clone());
        match bound {
            Some(id) => own_socket = Some((id, opened)),
            None => open.push(opened),
        }
    }
    (own_socket, open)
}

fn tell_ready(accounts: usize, Endpoint { url, socket, pid, .. }: &Endpoint) {
    tracing::info!(accounts, url, socket, pid, "ready");
}

/// Says what a locked store waits for. `not_yet`: why its key is not there yet.
fn wait_for_key(not_yet: Option<impl std::fmt::Display>, broker: &Broker) {
    if let Some(why) = not_yet {
        tracing::warn!("the store is locked until its key is available: {why}");
        tokio::spawn(broker.clone().unlock_when_it_can_be());
    } else if broker.store_state() != StoreState::Unlocked {
        tracing::warn!("the store is locked and waits for its passphrase: run `ringback unlock`");
    }
}

/// Warns on systems that do not tell which local user a connection belongs to.
fn warn_unless_told(server: &Server) {
    if !server.tells_users() {
        tracing::warn!(
            "this system does not tell which user a TCP connection belongs to: only keys and one-time URLs keep other \
             users of the machine out"
        );
    }
}

/// Locks the store on suspend, if the config says so. Never returns.
fn lock_by_itself(config: &StoreConfig, broker: &Broker) {
    if let Some(span) = config.lock_after_idle {
        tokio::spawn(broker.clone().lock_after_idle(span));
    }
    if config.lock_on_suspend && Topic::Sleep.missing_here().is_none() {
        tokio::spawn(broker.clone().lock_after_sleep());
        let broker = broker.clone();
        tokio::spawn(async move {
            let lock = || async {
                tracing::info!("the machine is about to sleep");
                // A failure was logged; the machine sleeps anyway.
                _ = broker.lock().await;
            };
            let why = suspend::before_each(lock).await;
            tracing::warn!("the store will be locked after the machine has slept, not before: {why}");
        });
    }
}

/// Stores key usage some time after a key was used. Never returns.
async fn keep_usage(apps: &Apps) {
    loop {
        apps.wait_for_use().await;
        tokio::time::sleep(USAGE_KEPT).await;
        save_usage(apps.clone()).await;
    }
}

async fn save_usage(apps: Apps) {
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || apps.save_usage()).await {
        tracing::warn!("key usage could not be stored: {error}");
    }
}

fn endpoint(listeners: &[BoundListener], key_file: Option<&Path>) -> Endpoint {
    let url = listeners.iter().find_map(BoundListener::tcp_address).map(|address| format!("http://{address}"));
    let socket = listeners.iter().find_map(BoundListener::socket_path).map(|path| path.to_string_lossy().into_owned());
    let (key_file_named, key_hint) = key_file::named(url.is_some(), key_file);
    Endpoint { version: VERSION, key_file: key_file_named, key_hint, url, socket, pid: std::process::id() }
}
