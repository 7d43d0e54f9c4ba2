//! The thread that writes the audit log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::counts::AuditCounts;
use super::file::{Log, Series};
use super::limits::AuditLimits;
use super::queue::{LineBatch, Queue, QueuedBatch};
use super::request::{AuditGap, WriterRequest};
use crate::clock::{Boot, Clock};
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

/// The pause between two log messages about a failing disk.
const COMPLAINT: Duration = Duration::from_secs(60);
/// The limits for callers without a valid key: at their highest rate, that is about half a day.
const DENIED: AuditLimits = AuditLimits { file: 4 << 20, keep: 1 };

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
    written: watch::Sender<()>,
    counts: Arc<AuditCounts>,
    complained: Option<Boot>,
    /// Why lines are missing, if no waiting caller has been told yet.
    failed: Option<AuditGap>,
}

impl Writer {
    /// Without limits nothing is written until a message gives some. Blocks on the disk.
    pub(super) fn open(
        folder: Folder,
        limits: Option<AuditLimits>,
        (clock, written): (Clock, watch::Sender<()>),
        counts: Arc<AuditCounts>,
    ) -> Result<Self, FolderError> {
        let files = limits.map(|limits| Files::open(&folder, limits)).transpose()?;
        Ok(Self { folder, files, clock, written, counts, complained: None, failed: None })
    }

    pub(super) fn is_writing(&self) -> bool {
        self.files.is_some()
    }

    pub(super) fn run(mut self, queue: &Queue) {
        let _reader = queue.reader();
        let mut batch = QueuedBatch::with_room();
        while queue.take(&mut batch) {
            self.write(Series::Main, &mut batch.main);
            self.write(Series::Denied, &mut batch.denied);
            // Nobody looks, mostly.
            if self.written.receiver_count() > 0 {
                self.written.send_replace(());
            }
            for request in batch.requests.drain(..) {
                match request {
                    WriterRequest::Flush(done) => _ = done.send(self.failed.take().map_or(Ok(()), Err)),
                    WriterRequest::Change(limits, done) => {
                        _ = done.send(self.change(limits).map_err(|error| AuditGap::new(error.to_string())));
                    }
                }
            }
            queue.pause();
        }
    }

    fn write(&mut self, series: Series, batch: &mut LineBatch) {
        // Without lines, no file is created.
        if let Some(files) = self.files.as_mut().filter(|_| batch.count > 0) {
            let written = match series {
                Series::Main => files.main.write(&batch.lines),
                Series::Denied => files.denied.write(&batch.lines),
            };
            self.counts.add(written.is_ok(), batch.count);
            if let Err(error) = written {
                self.complain(&error);
                self.failed = Some(AuditGap::new(error.to_string()));
            }
        }
        batch.clear();
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
        tracing::error!(missing = self.counts.missing(), "the audit log can't be written: {error}");
    }
}
