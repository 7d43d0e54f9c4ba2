//! Limits the length of files: sources to 350 lines, tests to 500.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources;

const SOURCE_LINES: usize = 350;
const TEST_LINES: usize = 500;

/// Files that are still longer.
const NOT_YET: &[&str] = &[];

#[test]
fn no_file_is_too_long() {
    let mut files = Vec::new();
    for (_, folder) in sources::packages() {
        for part in ["src", "tests", "benches", "examples", "fuzz/targets"].map(|part| folder.join(part)) {
            if part.is_dir() {
                sources::rust_files(&part, &mut files);
            }
        }
    }
    let mut long = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in &files {
        let name = sources::shown(path);
        let most = if sources::is_of_tests(Path::new(&name)) { TEST_LINES } else { SOURCE_LINES };
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        if lines > most {
            long.insert(name.clone());
            if !NOT_YET.contains(&name.as_str()) {
                wrong.push(format!("{name} has {lines} lines, at most {most}"));
            }
        }
    }
    assert!(files.len() > 100 && wrong.is_empty(), "too long, split these by topic: {wrong:#?}");
    let short: Vec<_> = NOT_YET.iter().filter(|name| !long.contains(**name)).collect();
    assert!(short.is_empty(), "short enough or deleted: remove these from the list: {short:?}");
}
