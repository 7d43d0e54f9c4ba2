//! Checks what a program can check of `docs/security.md`: the files and tests that it names exist, and so do the rules
//! that comments refer to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn rules() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("docs/security.md")).unwrap()
}

/// Every source file below `folder`: path and text.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !["target", "node_modules"].iter().any(|name| path.ends_with(name)) {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

fn all_sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "fuzz/targets", "benches", "crates"] {
        let folder = Path::new(ROOT).join(folder);
        if folder.is_dir() {
            sources(&folder, &mut found);
        }
    }
    found
}

/// The names in backticks in the tables of rules.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let rows =
        text.lines().filter(|line| line.starts_with("| ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2))
}

#[test]
fn every_file_and_test_that_a_rule_names_exists() {
    let (text, sources) = (rules(), all_sources());
    let is_path = |name: &str| [".rs", ".sh", ".service"].iter().any(|end| name.ends_with(end));
    let exists = |name: &str| ["", "src"].iter().any(|base| Path::new(ROOT).join(base).join(name).is_file());
    let is_test = |name: &str| {
        name.matches('_').count() >= 3
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let is_there = |name: &str| sources.iter().any(|(_, text)| text.contains(&format!("fn {name}(")));
    let missing: Vec<&str> =
        named(&text).filter(|name| (is_path(name) && !exists(name)) || (is_test(name) && !is_there(name))).collect();
    assert!(missing.is_empty(), "docs/security.md names what does not exist: {missing:#?}");
}

/// Where the page's name for a file or folder leads: below `src/` or from the top, or beside the one before it.
fn place(name: &str, before: &Path) -> Option<PathBuf> {
    let bases = if name.trim_end_matches('/').contains('/') { [Path::new("src"), Path::new("")] } else { [before; 2] };
    bases.iter().map(|base| Path::new(ROOT).join(base).join(name)).find(|path| path.exists())
}

#[test]
fn every_file_that_the_architecture_names_exists() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("docs/ARCHITECTURE.md")).unwrap();
    let mut missing = BTreeSet::new();
    for line in text.lines() {
        let mut folder = PathBuf::from("src");
        for name in line.split('`').skip(1).step_by(2).filter(|name| !name.contains('*')) {
            let is_source = Path::new(name).extension().is_some_and(|kind| kind == "rs");
            match place(name, &folder) {
                Some(path) if is_source => folder = path.parent().unwrap().to_owned(),
                Some(path) if name.ends_with('/') => folder = path,
                None if is_source => _ = missing.insert(name),
                _ => {}
            }
        }
    }
    assert!(missing.is_empty(), "docs/ARCHITECTURE.md names what does not exist: {missing:#?}");
}

#[test]
fn every_rule_that_a_comment_refers_to_exists() {
    let text = rules();
    let numbers: BTreeSet<u32> =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(' ')?.0.parse().ok()).collect();
    assert!(numbers.len() > 50 && numbers.iter().copied().eq((1..).take(numbers.len())), "rules are numbered in order");
    let mut referred = 0;
    for (path, source) in all_sources() {
        for reference in source.split("docs/security.md, rule").skip(1) {
            let reference = reference.trim_start_matches('s').split([')', ':', '.', '\n']).next().unwrap_or_default();
            let rules = reference.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
            for rule in rules {
                referred += 1;
                assert!(numbers.contains(&rule), "{}: there is no rule {rule}", path.display());
            }
        }
    }
    assert!(referred >= 10, "comments refer to rules {referred} times");
}
