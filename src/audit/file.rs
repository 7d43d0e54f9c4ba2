//! `audit.jsonl` and its predecessors `audit.1.jsonl` (the newest of them), `audit.2.jsonl` ...

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use rustix::fs::OFlags;

use super::Limits;
use crate::paths::folder::{Folder, FolderError};

/// The file that is written.
pub(super) const CURRENT: &str = "audit.jsonl";

/// The name of the file before the present one (1), before that (2), and so on.
pub(super) fn older(number: usize) -> String {
    format!("audit.{number}.jsonl")
}

/// The log as the one that writes it has it.
pub(super) struct Log {
    folder: Folder,
    limits: Limits,
    file: File,
    size: u64,
}

impl Log {
    pub(super) fn open(folder: Folder, limits: Limits) -> Result<Self, FolderError> {
        let (file, size) = open(&folder)?;
        prune(&folder, limits.keep)?;
        Ok(Self { folder, limits, file, size })
    }

    /// Keeps so much from now on.
    pub(super) fn change(&mut self, limits: Limits) -> Result<(), FolderError> {
        self.limits = limits;
        prune(&self.folder, limits.keep)
    }

    /// Appends whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), FolderError> {
        if self.size >= self.limits.file {
            self.rotate()?;
        }
        if let Err(error) = self.file.write_all(lines) {
            // Part of it may be there; the next line must not be glued to it.
            (self.file, self.size) = open(&self.folder)?;
            return Err(FolderError::io(self.folder.file(CURRENT), error));
        }
        self.size += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), FolderError> {
        self.folder.remove(&older(self.limits.keep))?;
        for number in (1..self.limits.keep).rev() {
            // One that is not there leaves a gap, which the next rotation closes.
            _ = self.folder.rename_to_new(&older(number), &older(number + 1));
        }
        if !self.folder.rename_to_new(CURRENT, &older(1))? {
            return Err(FolderError::io(self.folder.file(&older(1)), rustix::io::Errno::EXIST));
        }
        (self.file, self.size) = open(&self.folder)?;
        Ok(())
    }
}

/// Deletes the older files beyond the first `keep`: more were kept once.
fn prune(folder: &Folder, keep: usize) -> Result<(), FolderError> {
    let number = |name: &str| name.strip_prefix("audit.")?.strip_suffix(".jsonl")?.parse::<usize>().ok();
    for name in folder.names()? {
        if number(&name).is_some_and(|number| number > keep && older(number) == name) {
            folder.remove(&name)?;
        }
    }
    Ok(())
}

/// Opens or makes the file, private, for appending; a line that a crash cut off is ended.
fn open(folder: &Folder) -> Result<(File, u64), FolderError> {
    let io = |error: std::io::Error| FolderError::io(folder.file(CURRENT), error);
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE;
    let Some(mut file) = folder.open_file(CURRENT, flags)? else {
        return Err(FolderError::io(folder.file(CURRENT), rustix::io::Errno::NOENT));
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
