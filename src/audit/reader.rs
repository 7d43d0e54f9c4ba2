//! Reads the log, without a daemon: the older files first, then what comes.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::file::{CURRENT, older};
use crate::contract::AuditLine;

/// A line of the log.
#[derive(Debug)]
pub enum Line {
    /// One that was understood, and how it stands there.
    Good(Box<AuditLine>, String),
    /// One that was not.
    Damaged,
}

/// Follows the log from its oldest line on.
pub struct Reader {
    folder: PathBuf,
    /// The present file and its inode.
    current: Option<(BufReader<File>, u64)>,
    /// A line whose end has not come yet.
    begun: String,
}

impl Reader {
    /// Every line there is; what comes later, [`Reader::more`] gives.
    pub fn open(state: &Path) -> std::io::Result<(Self, Vec<Line>)> {
        let mut lines = Vec::new();
        let numbers = (1..).take_while(|number| state.join(older(*number)).exists());
        let numbers: Vec<usize> = numbers.collect();
        for number in numbers.into_iter().rev() {
            if let Ok(file) = File::open(state.join(older(number))) {
                read(&mut BufReader::new(file), &mut String::new(), &mut lines)?;
            }
        }
        let mut reader = Self { folder: state.to_owned(), current: None, begun: String::new() };
        lines.extend(reader.more()?);
        Ok((reader, lines))
    }

    /// What has been written since.
    pub fn more(&mut self) -> std::io::Result<Vec<Line>> {
        let mut lines = Vec::new();
        if let Some((file, _)) = &mut self.current {
            read(file, &mut self.begun, &mut lines)?;
        }
        let present = self.folder.join(CURRENT);
        let inode = match present.symlink_metadata() {
            Ok(metadata) => metadata.ino(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(lines),
            Err(error) => return Err(error),
        };
        if self.current.as_ref().is_none_or(|(_, known)| *known != inode) {
            // Rotated: what was left of the old one has been read.
            let mut file = File::open(&present)?;
            file.seek(SeekFrom::Start(0))?;
            let mut file = BufReader::new(file);
            self.begun.clear();
            read(&mut file, &mut self.begun, &mut lines)?;
            self.current = Some((file, inode));
        }
        Ok(lines)
    }
}

/// Whole lines only: one that is being written waits in `begun`.
fn read(file: &mut BufReader<File>, begun: &mut String, lines: &mut Vec<Line>) -> std::io::Result<()> {
    loop {
        let mut bytes = Vec::new();
        if file.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        begun.push_str(&String::from_utf8_lossy(&bytes));
        if !begun.ends_with('\n') {
            return Ok(());
        }
        let text = std::mem::take(begun);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        lines.push(match serde_json::from_str(text) {
            Ok(line) => Line::Good(Box::new(line), text.to_owned()),
            Err(_) => Line::Damaged,
        });
    }
}
