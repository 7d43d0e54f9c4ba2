//! The last lines of the log, for the status page: read from the end of the current files, however long they are.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use rustix::fs::OFlags;

use super::file::Series;
use super::reader::merged;
use crate::contract::AuditLine;
use crate::os::folder::Folder;

/// How much of a file's end is read.
const BYTES: u64 = 32 << 10;

/// The newest first. What can't be read is left out: `ringback audit` says why.
pub(super) fn last(folder: &Folder, count: usize) -> Vec<AuditLine> {
    let [lines, refusals] = [Series::Main, Series::Denied].map(|series| last_of(folder, series, count));
    let all = merged(lines, refusals, |line| Some(&line.at));
    all.into_iter().rev().take(count).collect()
}

/// The last `count` lines of a series, the oldest first.
fn last_of(folder: &Folder, series: Series, count: usize) -> Vec<AuditLine> {
    let mut newest = from_end(folder, &series.current(), count);
    if newest.len() < count {
        newest.extend(from_end(folder, &series.older(1), count - newest.len()));
    }
    newest.reverse();
    newest
}

/// Up to `count` of the whole lines among the last bytes of the file `name`, the last one first.
fn from_end(folder: &Folder, name: &str, count: usize) -> Vec<AuditLine> {
    let Ok(Some(file)) = folder.open_file(name, OFlags::RDONLY) else { return Vec::new() };
    let Ok(bytes) = last_bytes(file) else { return Vec::new() };
    // The first line is cut, mostly, and does not parse.
    let lines = bytes.rsplit(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    lines.take(count).collect()
}

fn last_bytes(mut file: File) -> std::io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
