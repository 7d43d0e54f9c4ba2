//! `ringback login --via`: the daemon is on another machine, and the browser here. One `ssh` connection runs the command
//! there, which says step by step how the login goes (`steps`); once the start URL is known, the connection also forwards
//! its port, which is the one that is registered at the provider. Keys and tokens stay there.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::ChildStdout;

use super::ended::tell;
use super::page;
use super::pending::{GRACE, Notices, announce, is_over, late};
use crate::cli::arguments::JsonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::{device, message, replace, report};
use crate::contract::{ErrorCode, ErrorReply, LoginReply, LoginStarted, is_name};
use crate::os::browser::StartUrl;
use crate::os::ports;
use crate::os::signals::{self, EndSignal};
use crate::os::sockets::is_absent;
use crate::os::ssh::{SshSession, SshTarget};

/// Longer than any step.
const LONGEST_LINE: u64 = 1024 * 1024;
/// No daemon lets a login take longer (`serve.login_timeout`). When this one ends is told by the other machine's clock,
/// which may be far from ours.
const LONGEST_LOGIN: Duration = Duration::from_secs(60 * 60);
/// How long the browser has after the login to load the page that says how it ended.
const LINGER: Duration = Duration::from_secs(3);
/// `ssh` exits with this if there is no connection, or no more.
const NO_CONNECTION: i32 = 255;
/// Shells exit with these if the command can't be run, or is not there.
const NO_COMMAND: [i32; 2] = [126, 127];

/// A login to an account of another machine's daemon.
pub(super) struct RemoteLogin<'a> {
    pub(super) target: &'a SshTarget,
    pub(super) account: &'a str,
    pub(super) replace: bool,
    pub(super) timeout: Option<Duration>,
    /// Whether the browser is opened; else the URL is shown.
    pub(super) opens: bool,
}

impl RemoteLogin<'_> {
    /// Runs it to its end and reports the result.
    pub(super) fn run(&self, json: JsonChoice) -> CommandResult {
        // It becomes part of a line for a shell.
        if !is_name(self.account) {
            return Err(message::via_no_such_account(self.account, self.target));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(message::no_async_runtime)?.block_on(self.perform(json))
    }

    async fn perform(&self, json: JsonChoice) -> CommandResult {
        let told = signals::end([EndSignal::Interrupt, EndSignal::Terminate]).map_err(message::no_signals)?;
        report::say(&format!("Connecting to {} with ssh.", self.target));
        let (mut session, output) = SshSession::start(self.target, &self.command()).map_err(message::via_no_ssh)?;
        let ended = tokio::select! {
            ended = self.lead(&mut session, output) => ended,
            signal = told => {
                session.end(Duration::ZERO).await;
                return Ok(ExitCode::from(u8::try_from(signal.exit_code()).unwrap_or(1)));
            }
        };
        let (result, linger) = match ended {
            Ok(reply) => (tell(reply, json), LINGER),
            Err(failure) => (Err(failure), Duration::ZERO),
        };
        session.end(linger).await;
        result
    }

    /// What is run there. The quotes mean the same to every usual shell. A shell that is not a login shell often lacks the
    /// folders that programs of the user are installed in.
    fn command(&self) -> String {
        let replace = if self.replace { " --replace" } else { "" };
        let timeout = self.timeout.map(|span| format!(" --timeout {}", span.as_secs())).unwrap_or_default();
        format!(
            "sh -c 'PATH=\"$PATH:$HOME/.local/bin:$HOME/.cargo/bin\" exec ringback login {} --json --steps{replace}{timeout}'",
            self.account
        )
    }

    async fn lead(&self, session: &mut SshSession, output: Option<ChildStdout>) -> Result<LoginReply, Failure> {
        let mut steps = Steps(BufReader::new(output.ok_or_else(|| message::via_broke_off(self.target))?));
        let Some(first) = steps.next().await else { return Err(self.unstarted(session).await) };
        let started: LoginStarted = self.read(first, true)?;
        announce(&started);
        if started.confirm.is_none() {
            self.show(session, &started).await?;
        }
        // The other end has this limit or an earlier one, and says so first.
        let patience = self.timeout.unwrap_or(LONGEST_LOGIN);
        let followed = tokio::time::timeout(patience + 2 * GRACE, self.follow(&mut steps, started.start_url.is_some()));
        followed.await.unwrap_or_else(|_| Err(late(&started, patience)))
    }

    /// Tells the user what to do for this login, or opens the browser.
    async fn show(&self, session: &SshSession, started: &LoginStarted) -> Result<(), Failure> {
        match (&started.device, &started.password, &started.start_url) {
            (Some(prompt), ..) => device::show(prompt),
            (_, Some(_), _) => return Err(message::via_password(&started.account, self.target)),
            (.., Some(url)) => {
                let start = StartUrl::parse(url).map_err(|_| message::via_unreadable(self.target))?;
                self.forward(session, &start.addresses()).await?;
                if self.opens {
                    // An account of this machine that has the same name is another.
                    page::open(&started.account, start.as_str(), None);
                } else {
                    page::show(start.as_str());
                }
            }
            (.., None) => page::not_needed(&started.account),
        }
        Ok(())
    }

    /// Forwards each of these addresses that this machine has: for `localhost`, the browser may pick either family.
    async fn forward(&self, session: &SshSession, addresses: &[SocketAddr]) -> Result<(), Failure> {
        let mut absent = None;
        let mut forwarded = false;
        for address in addresses {
            match TcpListener::bind(address) {
                Ok(free) => drop(free),
                Err(error) if is_absent(&error) => {
                    absent = Some(message::via_port_closed(address, error));
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    return Err(message::via_port_taken(address.port(), holder(*address)));
                }
                Err(error) => return Err(message::via_port_closed(address, error)),
            }
            match session.forward(*address).await {
                Ok(true) => forwarded = true,
                Ok(false) => return Err(message::via_not_forwarded(address.port(), self.target)),
                Err(error) => return Err(message::via_no_ssh(error)),
            }
        }
        absent.filter(|_| !forwarded).map_or(Ok(()), Err)
    }

    /// Shows what happens, until the login has ended. A question is on a page only if this login has one (`has_page`).
    async fn follow(&self, steps: &mut Steps, has_page: bool) -> Result<LoginReply, Failure> {
        let (mut notices, mut asked) = (Notices::default(), None);
        loop {
            let step = steps.next().await.ok_or_else(|| message::via_broke_off(self.target))?;
            let reply: LoginReply = self.read(step, false)?;
            if is_over(&reply) {
                return Ok(reply);
            }
            if let Some(confirm) = reply.confirm.clone().filter(|confirm| asked.as_ref() != Some(confirm)) {
                replace::announce(&reply.account, &confirm);
                if has_page {
                    report::say("The page in the browser asks whether to replace the tokens.");
                } else {
                    let (account, target) = (&reply.account, self.target);
                    report::say(&format!(
                        "To replace the tokens, run `ringback login {account} --via {target} --replace` in another terminal."
                    ));
                }
                asked = Some(confirm);
            }
            notices.tell(reply);
        }
    }

    /// A step of the other end, or the failure that it is.
    fn read<T: DeserializeOwned>(&self, step: Value, is_first: bool) -> Result<T, Failure> {
        if step.get("error").is_none() {
            return serde_json::from_value(step).map_err(|_| message::via_unreadable(self.target));
        }
        let reply: ErrorReply = serde_json::from_value(step).map_err(|_| message::via_unreadable(self.target))?;
        // It does not know its part of this.
        if is_first && reply.error == ErrorCode::Usage {
            return Err(message::via_older(self.target));
        }
        Err(Failure::from(reply).during(&format!("logging in on {}", self.target)))
    }

    /// Why there was no step at all.
    async fn unstarted(&self, session: &mut SshSession) -> Failure {
        match session.ended().await.ok().and_then(|status| status.code()) {
            Some(NO_CONNECTION) => message::via_unconnected(self.target),
            Some(code) if NO_COMMAND.contains(&code) => message::via_no_ringback(self.target),
            _ => message::via_broke_off(self.target),
        }
    }
}

/// Who listens there, as far as the system tells.
fn holder(address: SocketAddr) -> String {
    let found = ports::listening_at(address).and_then(|all| all.first().map(ToString::to_string));
    found.unwrap_or_else(|| "the system does not tell by which user".into())
}

/// What the other end prints.
struct Steps(BufReader<ChildStdout>);

impl Steps {
    /// The next step. Lines that are none come from the start of the shell there. `None`: there are no more.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = Vec::new();
            let read: io::Result<usize> = (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line).await;
            if read.unwrap_or_default() == 0 {
                return None;
            }
            if let Ok(step @ Value::Object(_)) = serde_json::from_slice(&line) {
                return Some(step);
            }
        }
    }
}
