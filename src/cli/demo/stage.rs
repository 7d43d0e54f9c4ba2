//! The environment of the demo: a private folder with a config, and two child processes of this same program.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::super::report;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::read_endpoint;
use crate::clock::Clock;
use crate::contract::Endpoint;

/// The sandbox's well-known client. Practice data: worthless anywhere else.
const CLIENT_ID: &str = "00000000-0000-4000-8000-000000000001";
const CLIENT_SECRET: &str = "practice-secret";
/// A debug build on a busy machine takes a few seconds to start.
const READY: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(50);
/// How long a child may take to stop by itself (the daemon promises 2 s).
const LEAVE: Duration = Duration::from_secs(3);
/// How much of each log is shown when something fails.
const TAIL: usize = 15;

/// The folder and the children. Dropping it kills the children and removes the folder.
pub(super) struct DemoStage {
    // Declared before the folder, so that the children have ended when it is removed.
    sandbox: Option<Child>,
    daemon: Option<Child>,
    folder: TempDir,
    program: PathBuf,
    lifetime: Duration,
    sandbox_port: u16,
    daemon_port: u16,
}

impl DemoStage {
    /// Creates the folder and the config. Nothing runs yet.
    pub(super) fn build(lifetime: Duration) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| broken("this program can't be found", &error))?;
        let folder = tempfile::Builder::new().prefix("ringback-demo-").tempdir();
        let folder = folder.map_err(|error| broken("no temporary folder can be made", &error))?;
        let [sandbox_port, daemon_port] = free_ports().map_err(|error| broken("there is no free port", &error))?;
        let stage = Self { sandbox: None, daemon: None, folder, program, lifetime, sandbox_port, daemon_port };
        stage.furnish().map_err(|error| broken("the folder can't be filled", &error))?;
        Ok(stage)
    }

    /// The folder of the demo.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of the practice provider.
    pub(super) fn sandbox_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.sandbox_port)
    }

    fn furnish(&self) -> std::io::Result<()> {
        for name in ["config", "state", "runtime"] {
            let mut builder = std::fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700).create(self.folder().join(name))?;
        }
        self.put("client.secret", CLIENT_SECRET)?;
        self.put("config.toml", &self.config())
    }

    fn put(&self, name: &str, text: &str) -> std::io::Result<()> {
        let path = self.folder().join(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    }

    fn config(&self) -> String {
        let (daemon, sandbox) = (self.daemon_port, self.sandbox_url());
        format!(
            "[listen]\ntcp = [\"127.0.0.1:{daemon}\"]\n\n\
             [store]\nkey = \"file\"\n\n\
             # Tokens that last seconds are good enough to the last of them.\n\
             [serve]\nmin_ttl = \"0s\"\n\n\
             [providers.practice]\npreset = \"phonecom\"\n\
             authorize_url = \"{sandbox}/v4/oauth/authorization\"\n\
             token_url = \"{sandbox}/v4/oauth/access-token\"\n\
             upstream = \"{sandbox}/v4\"\n\
             revoke_url = \"{sandbox}/v4/oauth/access-token\"\n\n\
             [accounts.demo]\nprovider = \"practice\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret_file = \"client.secret\"\nscope = [\"account-owner\"]\n"
        )
    }

    /// Starts the practice provider and waits until it answers.
    pub(super) async fn start_sandbox(&mut self) -> Result<(), Failure> {
        let (port, lifetime) = (self.sandbox_port.to_string(), format!("{}ms", self.lifetime.as_millis()));
        // Many short lifetimes would come close to the documented rate limits.
        let args = ["sandbox", "--port", &port, "--access-lifetime", &lifetime, "--rate-limit", "off"];
        let mut child = self.spawn(&args, "sandbox.log")?;
        let ready = until_open(&mut child, self.sandbox_port).await;
        self.sandbox = Some(child);
        ready
    }

    /// Starts the daemon and waits until it answers and has written `endpoint.json`.
    pub(super) async fn start_daemon(&mut self) -> Result<(), Failure> {
        let config = self.folder().join("config.toml");
        let mut child = self.spawn(&["serve", "--config", &config.to_string_lossy()], "daemon.log")?;
        let mut ready = until_open(&mut child, self.daemon_port).await;
        let deadline = Clock::System.now().boot.plus(READY);
        while ready.is_ok() && !self.endpoint_file().exists() {
            if Clock::System.now().boot.until(deadline).is_zero() {
                ready = Err(message::demo_failed("the daemon wrote no endpoint.json"));
            }
            tokio::time::sleep(GLANCE).await;
        }
        self.daemon = Some(child);
        ready
    }

    /// The daemon's `endpoint.json`.
    pub(super) fn endpoint(&self) -> Result<Endpoint, Failure> {
        let missing = || message::demo_failed("endpoint.json is gone");
        read_endpoint(&self.endpoint_file())?.ok_or_else(missing)
    }

    fn endpoint_file(&self) -> PathBuf {
        self.folder().join("runtime/ringback/endpoint.json")
    }

    /// What `ringback token` prints.
    pub(super) async fn ringback_token(&self) -> Result<Zeroizing<String>, Failure> {
        let output = self.command(&["token"]).output().await;
        let output = output.map_err(|error| broken("`ringback token` can't be started", &error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(message::demo_failed(format!("`ringback token`: {}: {said}", output.status)));
        }
        let text = String::from_utf8(output.stdout).map(Zeroizing::new);
        let text = text.map_err(|_| message::demo_surprised("`ringback token` printed no text"))?;
        Ok(Zeroizing::new(text.trim_end().to_owned()))
    }

    /// This program with `args`, in the environment of the demo.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        // Ctrl-C goes to this process, which then stops the children in order.
        command.process_group(0);
        for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")]
        {
            command.env(name, self.folder().join(folder));
        }
        command.env("XDG_RUNTIME_DIR", self.folder().join("runtime"));
        // Variables that point to a real daemon or its data.
        for name in ["RINGBACK_URL", "RINGBACK_KEY_FILE", "RINGBACK_CONFIG", "RINGBACK_LOG"] {
            command.env_remove(name);
        }
        for name in [
            "STATE_DIRECTORY",
            "RUNTIME_DIRECTORY",
            "CACHE_DIRECTORY",
            "CREDENTIALS_DIRECTORY",
            "LISTEN_FDS",
            "NOTIFY_SOCKET",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn spawn(&self, args: &[&str], log: &str) -> Result<Child, Failure> {
        let path = self.folder().join(log);
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|error| broken("the log can't be made", &error))?;
        let spawned = self.command(args).stdout(Stdio::null()).stderr(file).spawn();
        spawned.map_err(|error| broken("this program can't be started again", &error))
    }

    /// Prints the end of both logs.
    pub(super) fn show_logs(&self) {
        for name in ["sandbox.log", "daemon.log"] {
            let bytes = std::fs::read(self.folder().join(name)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().collect();
            report::say(&format!("--- the end of {name}:"));
            lines.iter().skip(lines.len().saturating_sub(TAIL)).for_each(|line| report::say(line));
        }
    }

    /// Stops the children in order and removes the folder.
    pub(super) async fn strike(mut self) {
        for child in [self.daemon.take(), self.sandbox.take()].into_iter().flatten() {
            stop(child).await;
        }
        if let Err(error) = self.folder.close() {
            report::say(&format!("the folder could not be removed: {error}"));
        }
    }
}

/// Asks the child to stop, and kills it if it does not.
async fn stop(mut child: Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(LEAVE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Waits until the port accepts connections, or the child has ended.
async fn until_open(child: &mut Child, port: u16) -> Result<(), Failure> {
    let deadline = Clock::System.now().boot.plus(READY);
    while !Clock::System.now().boot.until(deadline).is_zero() {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(message::demo_failed(format!("it ended at once ({status})")));
        }
        if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(GLANCE).await;
    }
    Err(message::demo_failed(format!("nobody listened at port {port} in {}", report::span(READY))))
}

/// Ports that were free a moment ago; both are bound at the same time, so that they differ.
fn free_ports() -> std::io::Result<[u16; 2]> {
    let (one, other) = (free_port()?, free_port()?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}

/// A port below those that the kernel hands out (from 32768 on, as a rule): the child listens on it a moment later, and
/// until then nothing else takes it.
fn free_port() -> std::io::Result<TcpListener> {
    let attempt = || TcpListener::bind((Ipv4Addr::LOCALHOST, rand::random_range(20_000..32_000)));
    (0..100).map(|_| attempt()).find(Result::is_ok).unwrap_or_else(attempt)
}

fn broken(what: &str, error: &std::io::Error) -> Failure {
    message::demo_unprepared(what, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_writes_a_config_that_the_daemon_takes() {
        let stage = DemoStage::build(Duration::from_secs(6)).unwrap();
        let path = stage.folder().join("config.toml");
        let (text, privacy) = crate::config_file::read(&path).unwrap();
        let config =
            crate::config::parse(&text, &path, privacy, None).map_err(|mistakes| mistakes.to_string()).unwrap();
        assert_eq!(config.default_account.as_deref(), Some("demo"));
        let effective = crate::config::describe(&config);
        assert!(!effective.contains("phone.com/"), "nothing may leave the machine:\n{effective}");
    }
}
