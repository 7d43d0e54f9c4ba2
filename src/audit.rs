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
pub mod reader;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Boot, Clock};
use crate::contract::{AuditEvent, AuditLine};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;
use crate::rate_limit::{LeftOut, LogRateLimit};
use file::{Log, Series};

/// Lines that wait to be written.
const WAITING: usize = 4096;
/// Lines that are written at once.
const BATCH: usize = 512;
/// Between two complaints about a disk that fails.
const COMPLAINT: Duration = Duration::from_secs(60);
/// Lines of one kind that are written in a minute.
const REPEATED: u32 = 10;
/// How much is kept of strangers' refusals, at most: at their limit that is about half a day.
const DENIED: AuditLimits = AuditLimits { file: 4 << 20, keep: 1 };

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    /// Bytes of one file; the line that crosses it is the last.
    pub file: u64,
    /// Older files that are kept.
    pub keep: usize,
}

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

enum AuditMessage {
    Line(Series, Box<AuditLine>),
    /// Everything before it is written when this is answered, or is missing.
    Flush(oneshot::Sender<Result<(), AuditGap>>),
    /// From now on so much is kept; `None`: nothing more is written.
    Change(Option<AuditLimits>, oneshot::Sender<Result<(), AuditGap>>),
}

/// Lines could not be written; holds why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log can't be written: {0}")]
pub struct AuditGap(String);

impl AuditLog {
    /// Writes to the log in `state`, from a thread that ends with the last clone. Without limits nothing is written,
    /// until [`AuditLog::change`] gives some. Blocks on the disk.
    pub fn open(
        state: &std::path::Path,
        limits: impl Into<Option<AuditLimits>>,
        clock: Clock,
    ) -> Result<Self, FolderError> {
        let folder = Folder::open(state)?;
        let files = limits.into().map(|limits| Files::open(&folder, limits)).transpose()?;
        let on = Arc::new(AtomicBool::new(files.is_some()));
        let (queue, lines) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("audit".into()).stack_size(256 * 1024);
        let repeated = LogRateLimit::new(REPEATED, clock.clone());
        let open = OpenLog { queue, repeated, clock: clock.clone() };
        let writer = Writer { folder, files, clock, missing: 0, complained: None, failed: None };
        let started = thread.spawn(move || writer.run(lines));
        started.map_err(|error| FolderError::Io { path: PathBuf::from("audit"), why: error.to_string() })?;
        Ok(Self { open: Some(open), on })
    }

    /// Whether lines are kept.
    pub fn is_on(&self) -> bool {
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
    pub async fn note_stranger(&self, why: &'static str, line: AuditLine) {
        let Some(open) = self.wanted() else { return };
        let kind = Repeated::Stranger { event: line.event, result: line.result.clone(), why };
        if open.repeated.admits(kind) {
            open.write(Series::Denied, line).await;
        }
    }

    /// Writes down how many lines were left out, as each minute ends. Never ends.
    pub async fn count_repeated(&self) {
        let Some(open) = &self.open else { return std::future::pending().await };
        loop {
            let ended = open.repeated.ended().await;
            open.write_counts(ended).await;
        }
    }

    /// As [`AuditLog::flush`], with what has been counted so far. For the end of the process.
    pub async fn close(&self) -> Result<(), AuditGap> {
        if let Some(open) = &self.open {
            open.write_counts(open.repeated.rest()).await;
        }
        self.flush().await
    }

    /// Takes over other limits, or the end of all writing; what was noted before is written first. Older files beyond
    /// what is to be kept are deleted. After an error nothing is written.
    pub async fn change(&self, limits: Option<AuditLimits>) -> Result<(), AuditGap> {
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
        let ended = || AuditGap("its thread has ended".into());
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

impl AuditLimits {
    /// The smaller ones of the two.
    fn within(self, other: Self) -> Self {
        Self { file: self.file.min(other.file), keep: self.keep.min(other.keep) }
    }
}

/// The files of both series.
struct Files {
    main: Log,
    denied: DeniedLog,
}

impl Files {
    fn open(folder: &Folder, limits: AuditLimits) -> Result<Self, FolderError> {
        let denied = DeniedLog { folder: folder.clone(), limits: DENIED.within(limits), log: None };
        Series::Denied.prune(folder, denied.limits.keep)?;
        Ok(Self { main: Log::open(folder.clone(), Series::Main, limits)?, denied })
    }

    /// Keeps so much from now on.
    fn change(&mut self, limits: AuditLimits) -> Result<(), FolderError> {
        self.main.change(limits)?;
        self.denied.limits = DENIED.within(limits);
        match &mut self.denied.log {
            Some(log) => log.change(self.denied.limits),
            None => Series::Denied.prune(&self.denied.folder, self.denied.limits.keep),
        }
    }
}

/// The files of strangers, which are not made before there is a line for them.
struct DeniedLog {
    folder: Folder,
    limits: AuditLimits,
    log: Option<Log>,
}

impl DeniedLog {
    fn write(&mut self, lines: &[u8]) -> Result<(), FolderError> {
        let log = match self.log.take() {
            Some(log) => log,
            None => Log::open(self.folder.clone(), Series::Denied, self.limits)?,
        };
        self.log.insert(log).write(lines)
    }
}

struct Writer {
    folder: Folder,
    files: Option<Files>,
    clock: Clock,
    /// Lines that could not be written.
    missing: u64,
    complained: Option<Boot>,
    /// Why lines are missing that nobody who waited was told of.
    failed: Option<AuditGap>,
}

impl Writer {
    fn run(mut self, mut lines: mpsc::Receiver<AuditMessage>) {
        let mut batch = Vec::with_capacity(BATCH);
        while lines.blocking_recv_many(&mut batch, BATCH) > 0 {
            let (mut text, mut denied, mut flushes) = (WriteBatch::default(), WriteBatch::default(), Vec::new());
            for message in batch.drain(..) {
                match message {
                    AuditMessage::Flush(done) => flushes.push(done),
                    AuditMessage::Line(Series::Main, line) => text.add(&line),
                    AuditMessage::Line(Series::Denied, line) => denied.add(&line),
                    AuditMessage::Change(limits, done) => {
                        self.write(Series::Main, &std::mem::take(&mut text));
                        self.write(Series::Denied, &std::mem::take(&mut denied));
                        _ = done.send(self.change(limits).map_err(|error| AuditGap(error.to_string())));
                    }
                }
            }
            self.write(Series::Main, &text);
            self.write(Series::Denied, &denied);
            for done in flushes {
                _ = done.send(self.failed.take().map_or(Ok(()), Err));
            }
        }
    }

    fn write(&mut self, series: Series, text: &WriteBatch) {
        // Nothing to write is no reason to begin a file.
        let Some(files) = self.files.as_mut().filter(|_| text.count > 0) else { return };
        let written = match series {
            Series::Main => files.main.write(&text.lines),
            Series::Denied => files.denied.write(&text.lines),
        };
        if let Err(error) = written {
            self.missing += text.count;
            self.complain(&error);
            self.failed = Some(AuditGap(error.to_string()));
        }
    }

    fn change(&mut self, limits: Option<AuditLimits>) -> Result<(), FolderError> {
        let Some(limits) = limits else {
            self.files = None;
            return Ok(());
        };
        if let Some(files) = &mut self.files {
            return files.change(limits);
        }
        self.files = Some(Files::open(&self.folder, limits)?);
        Ok(())
    }

    fn complain(&mut self, error: &FolderError) {
        let now = self.clock.now().boot;
        if self.complained.is_some_and(|last| last.until(now) < COMPLAINT) {
            return;
        }
        self.complained = Some(now);
        tracing::error!(missing = self.missing, "the audit log can't be written: {error}");
    }
}

/// Lines for one write.
#[derive(Default)]
struct WriteBatch {
    lines: Vec<u8>,
    count: u64,
}

impl WriteBatch {
    fn add(&mut self, line: &AuditLine) {
        if serde_json::to_writer(&mut self.lines, line).is_ok() {
            self.lines.push(b'\n');
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests;
