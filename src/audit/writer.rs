//! The thread that writes the audit log, and its messages.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::file::{Log, Series};
use super::limits::AuditLimits;
use crate::clock::{Boot, Clock};
use crate::contract::AuditLine;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

/// Most lines in one write.
const BATCH: usize = 512;
/// The pause between two log messages about a failing disk.
const COMPLAINT: Duration = Duration::from_secs(60);
/// The limits for callers without a valid key: at their highest rate, that is about half a day.
const DENIED: AuditLimits = AuditLimits { file: 4 << 20, keep: 1 };

/// A message to the writer.
pub(super) enum AuditMessage {
    Line(Series, Box<AuditLine>),
    /// Answered when everything before it is written, or is missing.
    Flush(oneshot::Sender<Result<(), AuditGap>>),
    /// New limits; `None`: nothing more is written.
    Change(Option<AuditLimits>, oneshot::Sender<Result<(), AuditGap>>),
}

/// Lines could not be written, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log can't be written: {0}")]
pub struct AuditGap(String);

impl AuditGap {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
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

    /// Applies new limits.
    fn change(&mut self, limits: AuditLimits) -> Result<(), FolderError> {
        self.main.change(limits)?;
        self.denied.limits = DENIED.within(limits);
        match &mut self.denied.log {
            Some(log) => log.change(self.denied.limits),
            None => Series::Denied.prune(&self.denied.folder, self.denied.limits.keep),
        }
    }
}

/// The files for callers without a valid key, which are created with their first line.
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

/// Writes what is queued, from a thread of its own.
pub(super) struct Writer {
    folder: Folder,
    files: Option<Files>,
    clock: Clock,
    /// Lines that could not be written.
    missing: u64,
    complained: Option<Boot>,
    /// Why lines are missing, if no waiting caller has been told yet.
    failed: Option<AuditGap>,
}

impl Writer {
    /// Without limits nothing is written until a message gives some. Blocks on the disk.
    pub(super) fn open(folder: Folder, limits: Option<AuditLimits>, clock: Clock) -> Result<Self, FolderError> {
        let files = limits.map(|limits| Files::open(&folder, limits)).transpose()?;
        Ok(Self { folder, files, clock, missing: 0, complained: None, failed: None })
    }

    pub(super) fn is_writing(&self) -> bool {
        self.files.is_some()
    }

    pub(super) fn run(mut self, mut lines: mpsc::Receiver<AuditMessage>) {
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
                        _ = done.send(self.change(limits).map_err(|error| AuditGap::new(error.to_string())));
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
        // Without lines, no file is created.
        let Some(files) = self.files.as_mut().filter(|_| text.count > 0) else { return };
        let written = match series {
            Series::Main => files.main.write(&text.lines),
            Series::Denied => files.denied.write(&text.lines),
        };
        if let Err(error) = written {
            self.missing += text.count;
            self.complain(&error);
            self.failed = Some(AuditGap::new(error.to_string()));
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
