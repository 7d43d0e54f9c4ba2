//! The audit log: one line of JSON for every token that was handed out or refused, and for everything that
//! changes who gets one. `docs/api.md` describes a line.
//!
//! A line is queued before the token leaves, and a thread writes it within 50 ms: a `kill -9` loses at most what is
//! queued. When the queue is full the next caller waits: no line is dropped. A disk that fails does not keep tokens back,
//! since a full disk would then stop everything that needs one; the daemon's log says so once a minute, with the number of
//! missing lines.
//!
//! No caller can push out the history of another by sending requests without end. Refusals of callers without a valid
//! key go to files of their own; everything that concerns an app stays with the rest. Of either, only a limited number
//! of lines of one kind is written in a minute, and then one line that counts the rest. Tokens that were handed out are
//! never counted together.

mod counts;
mod file;
mod limits;
mod queue;
pub(crate) mod reader;
mod request;
mod tail;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::contract::{AuditEvent, AuditLine};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::rate_limit::{LeftOut, LogRateLimit};
use counts::AuditCounts;
use file::Series;
use queue::{Queue, QueueEnd};
use request::WriterRequest;
use writer::Writer;

pub use limits::AuditLimits;
pub(crate) use request::AuditGap;

/// Most lines of one kind that are written in a minute.
const REPEATED: u32 = 10;
/// The audit log. Cheap to clone. The default accepts lines and writes nothing.
#[derive(Debug, Clone, Default)]
pub struct AuditLog {
    open: Option<OpenLog>,
    /// Whether lines are written. [`AuditLog::change`] may change it while the daemon runs.
    on: Arc<AtomicBool>,
}

#[derive(Debug, Clone)]
struct OpenLog {
    folder: Folder,
    queue: Arc<QueueEnd>,
    /// Signals that lines were written.
    written: watch::Sender<()>,
    repeated: LogRateLimit<Repeated>,
    counts: Arc<AuditCounts>,
    clock: Clock,
}

/// The key by which lines are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Repeated {
    /// From a caller without a valid key. `why` is one of a few texts.
    Stranger { event: AuditEvent, result: String, why: &'static str },
    /// From an app, by its name. `account` is set only if the request succeeded, since any other name may be made up.
    App { app: String, event: AuditEvent, result: String, account: Option<String> },
}

impl AuditLog {
    /// Writes to the log in `state`, from a thread that ends with the last clone. Without limits nothing is written,
    /// until `AuditLog::change` gives some. Blocks on the disk.
    pub fn open(
        state: &std::path::Path,
        limits: impl Into<Option<AuditLimits>>,
        clock: Clock,
    ) -> Result<Self, FolderError> {
        let folder = Folder::open(state)?;
        let written = watch::Sender::new(());
        let counts = Arc::<AuditCounts>::default();
        let signals = (clock.clone(), written.clone());
        let writer = Writer::open(folder.clone(), limits.into(), signals, Arc::clone(&counts))?;
        let on = Arc::new(AtomicBool::new(writer.is_writing()));
        let lines = Arc::new(Queue::new());
        let queue = Arc::new(QueueEnd::of(&lines));
        let thread = std::thread::Builder::new().name("audit".into()).stack_size(256 * 1024);
        let repeated = LogRateLimit::new(REPEATED, clock.clone());
        let open = OpenLog { folder, queue, written, repeated, counts, clock };
        let started = thread.spawn(move || writer.run(&lines));
        started.map_err(|error| FolderError::Io { path: PathBuf::from("audit"), why: error.to_string() })?;
        Ok(Self { open: Some(open), on })
    }

    /// Whether lines are written.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Queues a line; waits only if a megabyte of lines is queued already. An app's lines, except for the tokens that it
    /// got and the requests that were forwarded for it, are only counted after the first `REPEATED` of one kind in a minute.
    pub async fn note(&self, line: &AuditLine) {
        let Some(open) = self.wanted() else { return };
        if Repeated::of_app(line).is_none_or(|kind| open.repeated.admits(kind)) {
            open.queue.push(Series::Main, line).await;
        }
    }

    /// Queues a line about a token that is handed out. `false`: the queue is full, and [`Self::note`] would wait.
    pub fn try_note(&self, line: &AuditLine) -> bool {
        self.wanted().is_none_or(|open| open.queue.try_push(Series::Main, line))
    }

    /// How many lines were written since the daemon started, and how many could not be.
    pub(crate) fn lines(&self) -> (u64, u64) {
        self.open.as_ref().map_or((0, 0), |open| (open.counts.written(), open.counts.missing()))
    }

    /// Signals that lines were written; `None`: none ever will be.
    pub(crate) fn written(&self) -> Option<watch::Receiver<()>> {
        self.open.as_ref().map(|open| open.written.subscribe())
    }

    /// The last `count` lines that are in the files, the newest first; `None` while no lines are written. Reads only the
    /// end of the current files, and of the ones before them if those are short. Blocks.
    pub(crate) fn last(&self, count: usize) -> Option<Vec<AuditLine>> {
        self.wanted().map(|open| tail::last(&open.folder, count))
    }

    /// The open log, if lines are written.
    fn wanted(&self) -> Option<&OpenLog> {
        self.open.as_ref().filter(|_| self.is_on())
    }

    /// The same for the refusal of a caller without a valid key. `why` is one of a few texts.
    pub(crate) async fn note_stranger(&self, why: &'static str, line: AuditLine) {
        let Some(open) = self.wanted() else { return };
        let kind = Repeated::Stranger { event: line.event, result: line.result.clone(), why };
        if open.repeated.admits(kind) {
            open.queue.push(Series::Denied, &line).await;
        }
    }

    /// Writes how many lines were left out, at the end of each minute. Never returns.
    pub(crate) async fn count_repeated(&self) {
        let Some(open) = &self.open else { return std::future::pending().await };
        loop {
            let ended = open.repeated.ended().await;
            open.write_counts(ended).await;
        }
    }

    /// As [`AuditLog::flush`], after the counts so far are written. For the end of the process.
    pub(crate) async fn close(&self) -> Result<(), AuditGap> {
        if let Some(open) = &self.open {
            open.write_counts(open.repeated.rest()).await;
        }
        self.flush().await
    }

    /// Changes the limits, or ends all writing; lines that were queued before are written first. Older files beyond the
    /// limits are deleted. After an error nothing is written.
    pub(crate) async fn change(&self, limits: Option<AuditLimits>) -> Result<(), AuditGap> {
        let Some(open) = &self.open else { return Ok(()) };
        self.on.store(self.is_on() && limits.is_some(), Ordering::Release);
        let result = open.ask(|done| WriterRequest::Change(limits, done)).await;
        self.on.store(limits.is_some() && result.is_ok(), Ordering::Release);
        result
    }

    /// Waits until every line so far is written; the error says that lines are missing since the last time.
    pub async fn flush(&self) -> Result<(), AuditGap> {
        let Some(open) = &self.open else { return Ok(()) };
        open.ask(WriterRequest::Flush).await
    }
}

impl OpenLog {
    /// Sends a request to the thread and waits until it has been handled.
    async fn ask(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<(), AuditGap>>) -> WriterRequest,
    ) -> Result<(), AuditGap> {
        let (done, answer) = oneshot::channel();
        self.queue.ask(request(done));
        // The thread ends only with the daemon.
        answer.await.map_err(|_| AuditGap::new("its thread has ended"))?
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
            self.queue.push(series, &line).await;
        }
    }
}

impl Repeated {
    /// The key by which an app's line is counted, unless the app got a token, or something with one. Lines of the owner's programs are not
    /// counted: only their own words tell one from the other.
    fn of_app(line: &AuditLine) -> Option<Self> {
        let ok = line.is_good();
        let app =
            line.app.as_ref().filter(|_| !ok || !matches!(line.event, AuditEvent::Token | AuditEvent::Proxy))?.clone();
        let account = line.account.clone().filter(|_| ok);
        Some(Self::App { app, event: line.event, result: line.result.clone(), account })
    }
}

#[cfg(test)]
mod tests;
