//! The audit log: one line of JSON for every token that was handed out or refused, and for everything that
//! changes who gets one. `docs/api.md` describes a line.
//!
//! A line is queued by whoever answers and written by a thread of its own. A full queue makes the next one
//! wait: no line is dropped. A disk that fails does not keep tokens back, since a full disk would then stop
//! everything that needs one; it is said once a minute, and how many lines are missing.
//!
//! Nobody pushes out anybody else's history by asking without end. Refusals of strangers, who showed no good key, go to
//! files of their own; what an app did or did not get stays with the rest. Of either only so many lines of a kind are
//! written a minute, and then one that counts the rest. Tokens that were handed out are never counted together.

mod file;
mod limits;
pub(crate) mod reader;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::contract::{AuditEvent, AuditLine};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::rate_limit::{LeftOut, LogRateLimit};
use file::Series;
use writer::{AuditMessage, Writer};

pub use limits::AuditLimits;
pub(crate) use writer::AuditGap;

/// Lines that wait to be written.
const WAITING: usize = 4096;
/// Lines of one kind that are written in a minute.
const REPEATED: u32 = 10;
/// Takes lines. Cheap to clone. The default takes them and writes nothing.
#[derive(Debug, Clone, Default)]
pub struct AuditLog {
    open: Option<OpenLog>,
    /// Whether lines are wanted. [`AuditLog::change`] may say otherwise while the daemon runs.
    on: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
struct OpenLog {
    queue: mpsc::Sender<AuditMessage>,
    repeated: LogRateLimit<Repeated>,
    clock: Clock,
}

/// What lines that are counted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Repeated {
    /// Of somebody without a good key: why, which is one of a few texts.
    Stranger { event: AuditEvent, result: String, why: &'static str },
    /// Of an app, by its name. `account`: where it got its way, and so did not make the name up.
    App { app: String, event: AuditEvent, result: String, account: Option<String> },
}

impl AuditLog {
    /// Writes to the log in `state`, from a thread that ends with the last clone. Without limits nothing is written,
    /// until [`AuditLog::change`] gives some. Blocks on the disk.
    pub fn open(
        state: &std::path::Path,
        limits: impl Into<Option<AuditLimits>>,
        clock: Clock,
    ) -> Result<Self, FolderError> {
        let folder = Folder::open(state)?;
        let writer = Writer::open(folder, limits.into(), clock.clone())?;
        let on = Arc::new(AtomicBool::new(writer.is_writing()));
        let (queue, lines) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("audit".into()).stack_size(256 * 1024);
        let repeated = LogRateLimit::new(REPEATED, clock.clone());
        let open = OpenLog { queue, repeated, clock };
        let started = thread.spawn(move || writer.run(lines));
        started.map_err(|error| FolderError::Io { path: PathBuf::from("audit"), why: error.to_string() })?;
        Ok(Self { open: Some(open), on })
    }

    /// Whether lines are kept.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Queues a line; waits only where thousands wait already. What an app does but for getting tokens is only counted,
    /// once it had enough lines of the kind in this minute.
    pub async fn note(&self, line: AuditLine) {
        let Some(open) = self.wanted() else { return };
        if Repeated::of_app(&line).is_none_or(|kind| open.repeated.admits(kind)) {
            open.write(Series::Main, line).await;
        }
    }

    /// Where lines go, if they are wanted.
    fn wanted(&self) -> Option<&OpenLog> {
        self.open.as_ref().filter(|_| self.is_on())
    }

    /// The same for the refusal of somebody who showed no good key. `why` is one of a few texts.
    pub(crate) async fn note_stranger(&self, why: &'static str, line: AuditLine) {
        let Some(open) = self.wanted() else { return };
        let kind = Repeated::Stranger { event: line.event, result: line.result.clone(), why };
        if open.repeated.admits(kind) {
            open.write(Series::Denied, line).await;
        }
    }

    /// Writes down how many lines were left out, as each minute ends. Never ends.
    pub(crate) async fn count_repeated(&self) {
        let Some(open) = &self.open else { return std::future::pending().await };
        loop {
            let ended = open.repeated.ended().await;
            open.write_counts(ended).await;
        }
    }

    /// As [`AuditLog::flush`], with what has been counted so far. For the end of the process.
    pub(crate) async fn close(&self) -> Result<(), AuditGap> {
        if let Some(open) = &self.open {
            open.write_counts(open.repeated.rest()).await;
        }
        self.flush().await
    }

    /// Takes over other limits, or the end of all writing; what was noted before is written first. Older files beyond
    /// what is to be kept are deleted. After an error nothing is written.
    pub(crate) async fn change(&self, limits: Option<AuditLimits>) -> Result<(), AuditGap> {
        let Some(open) = &self.open else { return Ok(()) };
        self.on.store(self.is_on() && limits.is_some(), Ordering::Release);
        let result = open.ask(|done| AuditMessage::Change(limits, done)).await;
        self.on.store(limits.is_some() && result.is_ok(), Ordering::Release);
        result
    }

    /// Waits until every line so far is written; tells if one is missing since the last time.
    pub async fn flush(&self) -> Result<(), AuditGap> {
        let Some(open) = &self.open else { return Ok(()) };
        open.ask(AuditMessage::Flush).await
    }
}

impl OpenLog {
    async fn write(&self, series: Series, line: AuditLine) {
        // The thread ends with the daemon alone.
        _ = self.queue.send(AuditMessage::Line(series, Box::new(line))).await;
    }

    /// Waits until the thread has done what it is asked.
    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<(), AuditGap>>) -> AuditMessage,
    ) -> Result<(), AuditGap> {
        let (done, answer) = oneshot::channel();
        let ended = || AuditGap::new("its thread has ended");
        self.queue.send(message(done)).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    async fn write_counts(&self, counts: Vec<LeftOut<Repeated>>) {
        for LeftOut { kind, count, since } in counts {
            let mut line = AuditLine::new(AuditEvent::Denied, self.clock.now().wall.rfc3339());
            let series = match kind {
                Repeated::Stranger { event, result, why } => {
                    (line.event, line.result, line.reason) = (event, result, Some(why.to_owned()));
                    Series::Denied
                }
                Repeated::App { app, event, result, account } => {
                    (line.event, line.result, line.app, line.account) = (event, result, Some(app), account);
                    Series::Main
                }
            };
            (line.more, line.since) = (Some(count), Some(since.rfc3339()));
            self.write(series, line).await;
        }
    }
}

impl Repeated {
    /// What a line of an app is counted by, unless it got a token. What an owner's program does is not counted:
    /// nothing tells one from the other but what they say of themselves.
    fn of_app(line: &AuditLine) -> Option<Self> {
        let ok = line.is_good();
        let app = line.app.as_ref().filter(|_| !ok || line.event != AuditEvent::Token)?.clone();
        let account = line.account.clone().filter(|_| ok);
        Some(Self::App { app, event: line.event, result: line.result.clone(), account })
    }
}

#[cfg(test)]
mod tests;
