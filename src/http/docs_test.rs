//! `docs/errors.md` and `docs/api.md` say what the code says.

use std::fmt::Write as _;
use std::time::Duration;

use super::routes::ROUTES;
use crate::contract::ErrorCode;
use crate::error::Error;

const API: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
const ERRORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
const BEGIN: &str = "<!-- generated from ErrorCode::TABLE: RINGBACK_REGENERATE=1 cargo test --lib docs -->\n";
const END: &str = "<!-- end -->";

/// One error of each code as a caller meets it, for its hint; two where the hint differs.
fn examples(code: ErrorCode) -> Vec<Error> {
    let (account, why) = (String::from("work"), String::new());
    match code {
        ErrorCode::Internal => vec![Error::Internal { what: why }],
        ErrorCode::Usage => vec![Error::Usage { what: why }, Error::AppExists { name: "editor".into() }],
        ErrorCode::NoDaemon => vec![Error::NoDaemon { why }],
        ErrorCode::UnknownAccount => vec![
            Error::UnknownAccount { name: "wrok".into(), nearest: vec![account.clone()] },
            Error::UnknownAccount { name: "x".into(), nearest: Vec::new() },
            Error::Misconfigured { account, why: "accounts.work.scop: is not a known key".into() },
        ],
        ErrorCode::LoginRequired => vec![Error::LoginRequired { account, why }],
        ErrorCode::LoginFailed => vec![Error::LoginFailed { account, why, provider_error: None }],
        ErrorCode::ProviderUnreachable => {
            vec![Error::ProviderUnreachable { account, why, retry_after: Duration::ZERO }]
        }
        ErrorCode::ProviderRefused => vec![Error::ProviderRefused { account, why, provider_error: None }],
        ErrorCode::StoreUnavailable => vec![Error::StoreUnavailable { why }],
        ErrorCode::Unauthorized => vec![Error::Unauthorized { why: "" }],
        ErrorCode::Forbidden => vec![
            Error::NoConsent { who: "x".into(), account: account.clone(), why: "" },
            Error::Forbidden { why: "" },
            Error::Beyond { why },
        ],
        ErrorCode::NotFound => vec![Error::NotFound { what: why }, Error::UnknownApp { name: "x".into() }],
        ErrorCode::MethodNotAllowed => vec![Error::MethodNotAllowed],
    }
}

fn table() -> String {
    let mut table = "| `error` | HTTP | exit | when | hint |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for row in ErrorCode::TABLE {
        let status = if row.status == 0 { "-".to_owned() } else { row.status.to_string() };
        let hints: Vec<String> = examples(row.code).iter().map(Error::hint).collect();
        let (name, exit, when) = (row.name, row.exit, row.when);
        writeln!(table, "| `{name}` | {status} | {exit} | {when} | {} |", hints.join(" Or: ")).unwrap();
    }
    table
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a document needs neither durability nor privacy")]
fn the_error_table_in_the_docs_is_current() {
    let docs = std::fs::read_to_string(ERRORS).unwrap();
    let (before, rest) = docs.split_once(BEGIN).expect("the begin mark");
    let (_, after) = rest.split_once(END).expect("the end mark");
    let current = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("RINGBACK_REGENERATE").is_some() {
        std::fs::write(ERRORS, &current).unwrap();
    } else {
        assert!(docs == current, "docs/errors.md is out of date: RINGBACK_REGENERATE=1 cargo test --lib docs");
    }
}

#[test]
fn every_route_for_programs_is_in_the_docs() {
    let docs = std::fs::read_to_string(API).unwrap();
    for route in ROUTES.iter().filter(|route| route.access.needs_proof()) {
        let named = format!("| `{} {}` |", route.method, route.path);
        assert!(docs.contains(&named), "{named}");
    }
}
