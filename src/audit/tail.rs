//! The last lines of the log, for the status page: read from the end of the current files, however long they are.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use rustix::fs::OFlags;

use super::file::Series;
use crate::contract::AuditLine;
use crate::os::folder::Folder;

/// How much of a file's end is read.
const BYTES: u64 = 32 << 10;

/// The newest first. What can't be read is left out: `ringback audit` says why.
pub(super) fn last(folder: &Folder, count: usize) -> Vec<AuditLine> {
    let mut lines = Vec::new();
    for series in [Series::Main, Series::Denied] {
        let newest = end_of(folder, &series.current());
        if newest.len() < count {
            lines.extend(end_of(folder, &series.older(1)));
        }
        lines.extend(newest);
    }
    // Stable: lines of one moment stay in the order in which they were written.
    lines.sort_by(|one, other| one.at.cmp(&other.at));
    lines.into_iter().rev().take(count).collect()
}

/// The whole lines among the last bytes of the file `name`.
fn end_of(folder: &Folder, name: &str) -> Vec<AuditLine> {
    let Ok(Some(file)) = folder.open_file(name, OFlags::RDONLY) else { return Vec::new() };
    let Ok(bytes) = last_bytes(file) else { return Vec::new() };
    // The first line is cut, mostly, and does not parse.
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn last_bytes(mut file: File) -> std::io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
