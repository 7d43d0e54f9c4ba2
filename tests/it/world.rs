//! A private world: folders, a config, the real daemon, the real command line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use ringback::contract::{AccountReply, AccountState, Endpoint, LoginReply, LoginStarted, LoginStatus};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use tempfile::TempDir;

use crate::http::{Browser, Reply, Request, Wire};
use crate::idp::Idp;

/// Longer than anything may take; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The polling interval.
const GLANCE: Duration = Duration::from_millis(5);

pub(crate) const SECRET: &str = "SECRET~canary";

/// Polls `look` until it returns something.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look)
}

/// The same, with another limit.
pub(crate) fn until_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < patience, "timed out waiting until {what}");
        sleep(GLANCE);
    }
}

/// Waits until after this Unix time, such as a token's expiry.
pub(crate) fn until_past(second: Option<i64>) {
    let ends = Duration::from_secs(second.unwrap().unsigned_abs() + 1);
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    until("that second is over", || (now() > ends).then_some(()));
}

/// `[providers.NAME]` for `idp`, with the token endpoint at `path`, and `more` keys.
pub(crate) fn provider(name: &str, idp: &Idp, path: &str, more: &str) -> String {
    format!(
        "[providers.{name}]\npreset = \"generic\"\nauthorize_url = \"{}\"\ntoken_url = \"{}\"\n{more}\n",
        idp.url("/authorize"),
        idp.url(path),
    )
}

/// `[accounts.NAME]` of a provider, with `more` keys.
pub(crate) fn account(name: &str, provider: &str, more: &str) -> String {
    format!(
        "[accounts.{name}]\nprovider = \"{provider}\"\nclient_id = \"the client\"\n\
         client_secret = \"{SECRET}\"\nscope = [\"one\", \"two\"]\n{more}\n"
    )
}

/// The folders, and the daemon that runs in them, if any.
pub(crate) struct World {
    folder: TempDir,
    daemon: Option<Child>,
    starts: u32,
    /// A command prefix for starting the daemon through another program.
    pub(crate) through: Vec<String>,
    /// Standard input and output for `through` to pass on.
    pub(crate) passed: Option<[OwnedFd; 2]>,
    pub(crate) arguments: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- log of the daemon\n{}---", self.log());
        }
    }
}

impl World {
    /// A world with this config and no daemon. `[listen]` is added with a free port.
    pub(crate) fn with_config(config: &str) -> Self {
        Self::with_config_in(&std::env::temp_dir(), config)
    }

    /// Like [`Self::with_config`], in a folder inside `parent`.
    pub(crate) fn with_config_in(parent: &Path, config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("ringback-it-").tempdir_in(parent).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        for name in ["config/ringback", "state", "run"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for name in ["config", "config/ringback", "state", "run"] {
            std::fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(0o700)).unwrap();
        }
        let world = Self { folder, daemon: None, starts: 0, through: Vec::new(), passed: None, arguments: Vec::new() };
        world.configure(config);
        world
    }

    /// One account, `work`, at `idp`, and a running daemon.
    pub(crate) fn start(idp: &Idp) -> Self {
        Self::start_with(idp, "", "", "")
    }

    /// Like [`Self::start`], with more keys at the top of the config, for the provider and for the account.
    pub(crate) fn start_with(idp: &Idp, top: &str, of_provider: &str, of_account: &str) -> Self {
        let mut world = Self::with_config(&Self::config_of(idp, top, of_provider, of_account));
        world.run();
        world
    }

    /// For tests of requests that must not wait for a provider: this daemon would wait for an hour.
    pub(crate) fn start_patient(config: &str) -> Self {
        let mut world = Self::with_config(config);
        world.through = ["env", "RINGBACK_PATIENCE=endless"].map(str::to_owned).into();
        world.run();
        world
    }

    /// The config of [`Self::start_with`].
    pub(crate) fn config_of(idp: &Idp, top: &str, of_provider: &str, of_account: &str) -> String {
        [top, &provider("idp", idp, "/token", of_provider), &account("work", "idp", of_account)].join("\n")
    }

    pub(crate) fn configure(&self, config: &str) {
        let text = if config.contains("[listen]") {
            config.to_owned()
        } else {
            format!("{config}\n[listen]\ntcp = [\"127.0.0.1:0\"]\n")
        };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(self.config_file()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("config/ringback/config.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state/ringback")
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.path().join("run/ringback")
    }

    pub(crate) fn sealed(&self, account: &str) -> PathBuf {
        self.state().join(format!("accounts/{account}.sealed"))
    }

    /// The sorted names in the folder of sealed files.
    pub(crate) fn account_files(&self) -> Vec<String> {
        names(&self.state().join("accounts"))
    }

    fn environment(&self, command: &mut Command) {
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, folder) in
            [("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state"), ("XDG_RUNTIME_DIR", "run")]
        {
            command.env(name, self.folder.path().join(folder));
        }
    }

    /// `ringback` with these arguments, in this world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
        self.environment(&mut command);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A shell that runs `script` (`$0` is `ringback`) with its terminal as controlling terminal.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("setsid");
        self.environment(&mut command);
        command.args(["--ctty", "--wait", "sh", "-c", script, env!("CARGO_BIN_EXE_ringback")]);
        command
    }

    /// Runs `ringback` to its end: exit code, standard output, standard error.
    pub(crate) fn cli(&self, arguments: &[&str]) -> (i32, String, String) {
        told(self.command(arguments).output().unwrap())
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn run(&mut self) {
        self.spawn(None);
        self.until_ready();
    }

    /// Starts a daemon that kills itself at `step`.
    pub(crate) fn run_until(&mut self, step: &str) {
        self.spawn(Some(step));
        self.until_ready();
    }

    /// Starts the daemon without waiting for it.
    pub(crate) fn spawn(&mut self, failpoint: Option<&str>) {
        assert!(self.daemon.is_none(), "one daemon at a time");
        self.starts += 1;
        let log = File::create(self.folder.path().join(format!("log-{}", self.starts))).unwrap();
        let binary = env!("CARGO_BIN_EXE_ringback").to_owned();
        let mut words = self.through.iter().cloned().chain([binary]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg("serve").args(&self.arguments);
        self.environment(&mut command);
        if let Some(step) = failpoint {
            command.env("RINGBACK_FAILPOINT", step);
        }
        let [stdin, stdout] = match &self.passed {
            Some(sockets) => sockets.each_ref().map(|socket| Stdio::from(socket.try_clone().unwrap())),
            None => [Stdio::null(), Stdio::null()],
        };
        command.stdin(stdin).stdout(stdout).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
    }

    fn until_ready(&mut self) {
        until("the daemon is ready", || {
            let daemon = self.daemon.as_mut().unwrap();
            if let Some(status) = daemon.try_wait().unwrap() {
                panic!("the daemon ended with {status}: {}", self.log());
            }
            let pid = daemon.id();
            self.announced().filter(|endpoint| endpoint.pid == pid).map(drop)
        });
    }

    fn announced(&self) -> Option<Endpoint> {
        let text = std::fs::read(self.runtime().join("endpoint.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.announced().unwrap()
    }

    pub(crate) fn is_announced(&self) -> bool {
        self.announced().is_some()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.daemon.as_ref().unwrap().id()
    }

    fn kernel_pid(&self) -> Pid {
        Pid::from_child(self.daemon.as_ref().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.kernel_pid(), signal).unwrap();
    }

    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        assert_eq!(self.ended().signal(), Some(9));
    }

    /// Stops the daemon as a service manager would.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        let status = self.ended();
        assert!(status.success(), "{status}");
    }

    /// Waits until the daemon has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut daemon = self.daemon.take().unwrap();
        until("the daemon ends", || daemon.try_wait().unwrap())
    }

    pub(crate) fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Makes every write that grows a file beyond `bytes` fail, as on a full disk; `None` lifts the limit. The
    /// daemon must run through [`IGNORING_XFSZ`].
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(self.kernel_pid()), Resource::Fsize, limit).unwrap();
    }

    /// The log of all daemons of this world.
    pub(crate) fn log(&self) -> String {
        let logs = (1..=self.starts).map(|number| self.folder.path().join(format!("log-{number}")));
        logs.map(|path| std::fs::read_to_string(path).unwrap_or_default()).collect()
    }

    pub(crate) fn until_logged(&self, text: &str) {
        until(&format!("the log says {text:?}"), || self.log().contains(text).then_some(()));
    }

    /// Sends a request over the socket.
    pub(crate) fn ask(&self, request: &Request) -> Reply {
        self.wire().ask(&request.bytes("localhost"))
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::unix(&self.runtime().join("ringback.sock"))
    }

    pub(crate) fn authority(&self) -> String {
        self.endpoint().url.unwrap().trim_start_matches("http://").to_owned()
    }

    pub(crate) fn key(&self) -> String {
        std::fs::read_to_string(self.endpoint().key_file.unwrap()).unwrap().trim().to_owned()
    }

    /// Sends a request over TCP; the caller has to add a key.
    pub(crate) fn ask_tcp(&self, request: &Request) -> Reply {
        let authority = self.authority();
        Wire::tcp(&authority).ask(&request.bytes(&authority))
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.ask(&Request::get(target))
    }

    pub(crate) fn post(&self, target: &str) -> Reply {
        self.ask(&Request::new("POST", target))
    }

    /// The account's token, which must be available at once.
    pub(crate) fn token(&self, account: &str) -> String {
        let reply = self.get(&format!("/v1/accounts/{account}/token?wait=0"));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn account(&self, account: &str) -> AccountReply {
        self.get(&format!("/v1/accounts/{account}")).parse()
    }

    pub(crate) fn until_state(&self, account: &str, state: AccountState) -> AccountReply {
        until(&format!("{account} is {state:?}"), || Some(self.account(account)).filter(|view| view.state == state))
    }

    pub(crate) fn start_login(&self, account: &str, via: &str) -> LoginStarted {
        let request = Request::new("POST", &format!("/v1/accounts/{account}/login"));
        self.ask(&request.json(&format!("{{\"via\":\"{via}\"}}"))).parse()
    }

    /// Runs `ringback app add` with these arguments; returns the key.
    pub(crate) fn add_app(&self, arguments: &[&str]) -> String {
        let (code, key, said) = self.cli(&[&["app", "add"], arguments].concat());
        assert_eq!(code, 0, "{said}");
        key.trim().to_owned()
    }

    /// Waits for a login's outcome.
    pub(crate) fn login_end(&self, id: &str) -> LoginReply {
        let reply: LoginReply = self.get(&format!("/v1/logins/{id}?wait=15")).parse();
        assert_ne!(reply.status, LoginStatus::Pending);
        reply
    }

    pub(crate) fn login_status(&self, id: &str) -> LoginStatus {
        self.get(&format!("/v1/logins/{id}")).parse::<LoginReply>().status
    }

    /// Completes a login in the browser; returns the last page and the outcome.
    pub(crate) fn try_log_in(&self, account: &str) -> (Reply, LoginReply) {
        let started = self.start_login(account, "caller_browser");
        let page = Browser::default().go(started.start_url.as_deref().unwrap());
        (page, self.login_end(&started.login_id))
    }

    /// Completes a login, which must succeed.
    pub(crate) fn log_in(&self, account: &str) {
        let (page, end) = self.try_log_in(account);
        assert_eq!(end.status, LoginStatus::Succeeded, "{end:?}\n{page:?}");
    }
}

/// Runs its arguments with SIGXFSZ ignored, so that writing beyond the file size limit is an error and does not kill
/// the process.
pub(crate) const IGNORING_XFSZ: [&str; 4] = ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"];

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Types this into the program, and ends its input. One that fails early reads none of it: how it ended tells.
pub(crate) fn feed(child: &mut Child, input: &[u8]) {
    _ = child.stdin.take().unwrap().write_all(input);
}

pub(crate) fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}
