//! The audit log: one line of JSON for every token that was handed out or refused, and for everything that
//! changes who gets one. `docs/api.md` describes a line.
//!
//! A line is queued by whoever answers and written by a thread of its own. A full queue makes the next one
//! wait: no line is dropped. A disk that fails does not keep tokens back, since a full disk would then stop
//! everything that needs one; it is said once a minute, and how many lines are missing.

mod file;
pub mod reader;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::clock::{Boot, Clock};
use crate::contract::AuditLine;
use crate::paths::folder::{Folder, FolderError};
use file::Log;

/// Lines that wait to be written.
const WAITING: usize = 4096;
/// Lines that are written at once.
const BATCH: usize = 512;
/// Between two complaints about a disk that fails.
const COMPLAINT: Duration = Duration::from_secs(60);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file; the line that crosses it is the last.
    pub file: u64,
    /// Older files that are kept.
    pub keep: usize,
}

/// Takes lines. Cheap to clone. The default takes them and writes nothing.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    queue: Option<mpsc::Sender<Message>>,
    /// Whether lines are wanted. [`Audit::change`] may say otherwise while the daemon runs.
    on: Arc<AtomicBool>,
}

enum Message {
    Line(Box<AuditLine>),
    /// Everything before it is written when this is answered, or is missing.
    Flush(oneshot::Sender<Result<(), Missing>>),
    /// From now on so much is kept; `None`: nothing more is written.
    Change(Option<Limits>, oneshot::Sender<Result<(), Missing>>),
}

/// Lines could not be written; holds why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log can't be written: {0}")]
pub struct Missing(String);

impl Audit {
    /// Writes to the log in `state`, from a thread that ends with the last clone. Without limits nothing is written,
    /// until [`Audit::change`] gives some. Blocks on the disk.
    pub fn open(state: &std::path::Path, limits: impl Into<Option<Limits>>, clock: Clock) -> Result<Self, FolderError> {
        let folder = Folder::open(state)?;
        let log = limits.into().map(|limits| Log::open(folder.clone(), limits)).transpose()?;
        let on = Arc::new(AtomicBool::new(log.is_some()));
        let (queue, lines) = mpsc::channel(WAITING);
        let thread = std::thread::Builder::new().name("audit".into()).stack_size(256 * 1024);
        let writer = Writer { folder, log, clock, missing: 0, complained: None, failed: None };
        let started = thread.spawn(move || writer.run(lines));
        started.map_err(|error| FolderError::Io { path: PathBuf::from("audit"), why: error.to_string() })?;
        Ok(Self { queue: Some(queue), on })
    }

    /// Whether lines are kept.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Queues a line; waits only where thousands wait already.
    pub async fn note(&self, line: AuditLine) {
        if let Some(queue) = self.queue.as_ref().filter(|_| self.is_on()) {
            // The thread ends with the daemon alone.
            _ = queue.send(Message::Line(Box::new(line))).await;
        }
    }

    /// Takes over other limits, or the end of all writing; what was noted before is written first. Older files beyond
    /// what is to be kept are deleted. After an error nothing is written.
    pub async fn change(&self, limits: Option<Limits>) -> Result<(), Missing> {
        let Some(queue) = &self.queue else { return Ok(()) };
        self.on.store(self.is_on() && limits.is_some(), Ordering::Release);
        let (done, changed) = oneshot::channel();
        let ended = || Missing("its thread has ended".into());
        queue.send(Message::Change(limits, done)).await.map_err(|_| ended())?;
        let result = changed.await.map_err(|_| ended())?;
        self.on.store(limits.is_some() && result.is_ok(), Ordering::Release);
        result
    }

    /// Waits until every line so far is written; tells if one is missing since the last time.
    pub async fn flush(&self) -> Result<(), Missing> {
        let Some(queue) = &self.queue else { return Ok(()) };
        let (done, written) = oneshot::channel();
        let ended = || Missing("its thread has ended".into());
        queue.send(Message::Flush(done)).await.map_err(|_| ended())?;
        written.await.map_err(|_| ended())?
    }
}

struct Writer {
    folder: Folder,
    log: Option<Log>,
    clock: Clock,
    /// Lines that could not be written.
    missing: u64,
    complained: Option<Boot>,
    /// Why lines are missing that nobody who waited was told of.
    failed: Option<Missing>,
}

impl Writer {
    fn run(mut self, mut lines: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while lines.blocking_recv_many(&mut batch, BATCH) > 0 {
            let (mut text, mut count, mut flushes) = (Vec::with_capacity(256 * batch.len()), 0, Vec::new());
            for message in batch.drain(..) {
                match message {
                    Message::Flush(done) => flushes.push(done),
                    Message::Change(limits, done) => {
                        self.write(&std::mem::take(&mut text), std::mem::take(&mut count));
                        _ = done.send(self.change(limits).map_err(|error| Missing(error.to_string())));
                    }
                    Message::Line(line) => {
                        if serde_json::to_writer(&mut text, &line).is_ok() {
                            text.push(b'\n');
                            count += 1;
                        }
                    }
                }
            }
            self.write(&text, count);
            for done in flushes {
                _ = done.send(self.failed.take().map_or(Ok(()), Err));
            }
        }
    }

    fn write(&mut self, text: &[u8], count: u64) {
        // Nothing to write is no reason to begin a new file.
        if !text.is_empty()
            && let Some(log) = &mut self.log
            && let Err(error) = log.write(text)
        {
            self.missing += count;
            self.complain(&error);
            self.failed = Some(Missing(error.to_string()));
        }
    }

    fn change(&mut self, limits: Option<Limits>) -> Result<(), FolderError> {
        match (limits, self.log.take()) {
            (None, _) => Ok(()),
            (Some(limits), None) => {
                self.log = Some(Log::open(self.folder.clone(), limits)?);
                Ok(())
            }
            (Some(limits), Some(log)) => self.log.insert(log).change(limits),
        }
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

#[cfg(test)]
mod tests;
