//! `docs/api.md` says what the code says.

use std::fmt::Write as _;

use super::routes::{Access, ROUTES};
use crate::contract::ErrorCode;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
const BEGIN: &str = "<!-- generated from ErrorCode::TABLE: RINGBACK_REGENERATE=1 cargo test --lib docs -->\n";
const END: &str = "<!-- end -->";

fn table() -> String {
    let mut table = "| `error` | HTTP | exit | when |\n| --- | --- | --- | --- |\n".to_owned();
    for row in ErrorCode::TABLE {
        let status = if row.status == 0 { "-".to_owned() } else { row.status.to_string() };
        writeln!(table, "| `{}` | {status} | {} | {} |", row.name, row.exit, row.when).unwrap();
    }
    table
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a document needs neither durability nor privacy")]
fn the_error_table_in_the_docs_is_current() {
    let docs = std::fs::read_to_string(FILE).unwrap();
    let (before, rest) = docs.split_once(BEGIN).expect("the begin mark");
    let (_, after) = rest.split_once(END).expect("the end mark");
    let current = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("RINGBACK_REGENERATE").is_some() {
        std::fs::write(FILE, &current).unwrap();
    } else {
        assert!(docs == current, "docs/api.md is out of date: RINGBACK_REGENERATE=1 cargo test --lib docs");
    }
}

#[test]
fn every_route_for_programs_is_in_the_docs() {
    let docs = std::fs::read_to_string(FILE).unwrap();
    for route in ROUTES.iter().filter(|route| route.access == Access::Caller) {
        let named = format!("| `{} {}` |", route.method, route.path);
        assert!(docs.contains(&named), "{named}");
    }
}
