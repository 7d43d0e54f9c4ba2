//! `audit.jsonl` and its predecessors `audit.1.jsonl` (the newest of them), `audit.2.jsonl` ...; beside them
//! `audit-denied.jsonl` and its predecessor, for callers without a valid key, who can push out nothing else.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use rustix::fs::OFlags;

use super::limits::AuditLimits;
use crate::os::folder::Folder;
use crate::os::folder::error::FolderError;

/// A series of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    /// Requests of the owner and of apps with a valid key.
    Main,
    /// Refusals of callers without a valid key.
    Denied,
}

impl Series {
    fn stem(self) -> &'static str {
        match self {
            Self::Main => "audit",
            Self::Denied => "audit-denied",
        }
    }

    /// The name of the file that is written.
    pub(super) fn current(self) -> String {
        format!("{}.jsonl", self.stem())
    }

    /// The name of the file before the current one (1), before that (2), and so on.
    pub(super) fn older(self, number: usize) -> String {
        format!("{}.{number}.jsonl", self.stem())
    }

    /// Deletes the older files beyond the first `keep`: more may have been kept earlier.
    pub(super) fn prune(self, folder: &Folder, keep: usize) -> Result<(), FolderError> {
        for name in folder.names()? {
            let number = name.strip_prefix(self.stem()).and_then(|rest| rest.strip_prefix('.'));
            let number = number.and_then(|rest| rest.strip_suffix(".jsonl")?.parse::<usize>().ok());
            if number.is_some_and(|number| number > keep && self.older(number) == name) {
                folder.remove(&name)?;
            }
        }
        Ok(())
    }
}

/// The log, as its writer sees it.
pub(super) struct Log {
    folder: Folder,
    series: Series,
    limits: AuditLimits,
    file: File,
    size: u64,
}

impl Log {
    pub(super) fn open(folder: Folder, series: Series, limits: AuditLimits) -> Result<Self, FolderError> {
        let (file, size) = open(&folder, series)?;
        series.prune(&folder, limits.keep)?;
        Ok(Self { folder, series, limits, file, size })
    }

    /// Applies new limits.
    pub(super) fn change(&mut self, limits: AuditLimits) -> Result<(), FolderError> {
        self.limits = limits;
        self.series.prune(&self.folder, limits.keep)
    }

    /// Appends whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), FolderError> {
        if self.size >= self.limits.file {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(lines) {
            // Part of it may be written; the next line must not be appended to that part.
            (self.file, self.size) = open(&self.folder, self.series)?;
            return Err(FolderError::io(self.folder.file(&self.series.current()), error));
        }
        self.size += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), FolderError> {
        self.folder.remove(&self.series.older(self.limits.keep))?;
        for number in (1..self.limits.keep).rev() {
            // A missing file leaves a gap, which the next rotation closes.
            _ = self.folder.rename_to_new(&self.series.older(number), &self.series.older(number + 1));
        }
        if !self.folder.rename_to_new(&self.series.current(), &self.series.older(1))? {
            return Err(FolderError::io(self.folder.file(&self.series.older(1)), rustix::io::Errno::EXIST));
        }
        (self.file, self.size) = open(&self.folder, self.series)?;
        Ok(())
    }
}

/// Opens or creates the file, private, for appending; a line that a crash cut off is terminated.
fn open(folder: &Folder, series: Series) -> Result<(File, u64), FolderError> {
    let current = series.current();
    let io = |error: std::io::Error| FolderError::io(folder.file(&current), error);
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
    let Some(mut file) = folder.open_file(&current, flags)? else {
        return Err(FolderError::io(folder.file(&current), rustix::io::Errno::NOENT));
    };
    let size = file.metadata().map_err(io)?.len();
    if size == 0 {
        return Ok((file, 0));
    }
    let mut last = [0; 1];
    file.seek(SeekFrom::Start(size - 1)).map_err(io)?;
    file.read_exact(&mut last).map_err(io)?;
    if last == *b"\n" {
        return Ok((file, size));
    }
    file.write_all(b"\n").map_err(io)?;
    Ok((file, size + 1))
}
