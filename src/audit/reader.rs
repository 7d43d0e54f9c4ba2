//! Reads the log without a daemon: the older files first, then new lines as they come. Lines of callers without a valid
//! key are in files of their own, and are merged in by time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::file::Series;
use crate::contract::AuditLine;

/// A line of the log.
#[derive(Debug)]
pub(crate) enum LogLine {
    /// A parsed line, and its text in the file.
    Good(Box<AuditLine>, String),
    /// A line that can't be parsed.
    Damaged,
}

impl LogLine {
    fn at(&self) -> Option<&str> {
        match self {
            Self::Good(line, _) => Some(&line.at),
            Self::Damaged => None,
        }
    }
}

/// Follows the log from its oldest line on.
pub(crate) struct LogReader {
    main: Follower,
    denied: Follower,
}

impl LogReader {
    /// All lines so far; [`LogReader::more`] returns later ones.
    pub(crate) fn open(state: &Path) -> std::io::Result<(Self, Vec<LogLine>)> {
        let (main, lines) = Follower::open(state, Series::Main)?;
        let (denied, refusals) = Follower::open(state, Series::Denied)?;
        Ok((Self { main, denied }, merged(lines, refusals, LogLine::at)))
    }

    /// The lines that were written since the last call.
    pub(crate) fn more(&mut self) -> std::io::Result<Vec<LogLine>> {
        Ok(merged(self.main.more()?, self.denied.more()?, LogLine::at))
    }
}

/// Two series of lines, merged by the time that `at` tells, and each in its own order: a clock may have been set back.
pub(super) fn merged<T>(lines: Vec<T>, others: Vec<T>, at: impl Fn(&T) -> Option<&str>) -> Vec<T> {
    let mut all = Vec::with_capacity(lines.len() + others.len());
    let (mut lines, mut others) = (lines.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(line), Some(other)) = (lines.peek(), others.peek()) {
        // A damaged line has no time: it stays after the line before it.
        let other_first = at(line).is_some_and(|line| at(other).is_none_or(|other| other < line));
        all.extend(if other_first { others.next() } else { lines.next() });
    }
    all.extend(lines);
    all.extend(others);
    all
}

/// Follows one series of files.
struct Follower {
    folder: PathBuf,
    series: Series,
    /// The current file and its inode.
    current: Option<(BufReader<File>, u64)>,
    /// The beginning of a line that is not complete yet.
    begun: String,
}

impl Follower {
    fn open(state: &Path, series: Series) -> std::io::Result<(Self, Vec<LogLine>)> {
        let mut lines = Vec::new();
        let numbers = (1..).take_while(|number| state.join(series.older(*number)).exists());
        let numbers: Vec<usize> = numbers.collect();
        for number in numbers.into_iter().rev() {
            if let Ok(file) = File::open(state.join(series.older(number))) {
                read(&mut BufReader::new(file), &mut String::new(), &mut lines)?;
            }
        }
        let mut follower = Self { folder: state.to_owned(), series, current: None, begun: String::new() };
        lines.extend(follower.more()?);
        Ok((follower, lines))
    }

    fn more(&mut self) -> std::io::Result<Vec<LogLine>> {
        let mut lines = Vec::new();
        if let Some((file, _)) = &mut self.current {
            read(file, &mut self.begun, &mut lines)?;
        }
        let present = self.folder.join(self.series.current());
        let inode = match present.symlink_metadata() {
            Ok(metadata) => metadata.ino(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(lines),
            Err(error) => return Err(error),
        };
        if self.current.as_ref().is_none_or(|(_, known)| *known != inode) {
            // Rotated: the rest of the old file has been read.
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

/// Complete lines only: one that is being written waits in `begun`.
fn read(file: &mut BufReader<File>, begun: &mut String, lines: &mut Vec<LogLine>) -> std::io::Result<()> {
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
            Ok(line) => LogLine::Good(Box::new(line), text.to_owned()),
            Err(_) => LogLine::Damaged,
        });
    }
}
