//! Lines, rotation, and what a crash leaves.

#![expect(clippy::disallowed_methods, reason = "tests look at plain files")]

use std::os::unix::fs::PermissionsExt as _;

use super::reader::{Line, Reader};
use super::*;
use crate::contract::AuditEvent;

fn line(number: usize) -> AuditLine {
    AuditLine {
        account: Some(format!("account-{number}")),
        ..AuditLine::new(AuditEvent::Token, "2026-11-25T00:00:00.000Z".into())
    }
}

fn accounts(lines: &[Line]) -> Vec<String> {
    let name = |line: &Line| match line {
        Line::Good(line, _) => line.account.clone().unwrap_or_default(),
        Line::Damaged => "damaged".into(),
    };
    lines.iter().map(name).collect()
}

fn expected(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("account-{number}")).collect()
}

#[tokio::test]
async fn every_line_is_written_once_in_order_over_rotations_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let limits = Limits { file: 2000, keep: 100 };
    let mut follower = None;
    let mut heard = Vec::new();
    for restart in 0..3 {
        let audit = Audit::open(&state, limits, Clock::System).unwrap();
        for number in restart * 50..(restart + 1) * 50 {
            audit.note(line(number)).await;
            if number % 7 == 0 {
                audit.flush().await.unwrap();
                let (reader, lines) = match follower.take() {
                    Some(mut reader) => {
                        let lines = Reader::more(&mut reader).unwrap();
                        (reader, lines)
                    }
                    None => Reader::open(&state).unwrap(),
                };
                heard.extend(accounts(&lines));
                follower = Some(reader);
            }
        }
        audit.flush().await.unwrap();
    }
    heard.extend(accounts(&follower.unwrap().more().unwrap()));
    assert_eq!(heard, expected(0..150), "who follows sees the same as");
    assert_eq!(accounts(&Reader::open(&state).unwrap().1), expected(0..150), "who reads later");
    assert!(state.join("audit.1.jsonl").exists() && !state.join("audit.100.jsonl").exists());
    assert_eq!(state.join(file::CURRENT).metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn only_so_much_is_kept_and_the_newest_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = Audit::open(&state, Limits { file: 1, keep: 2 }, Clock::System).unwrap();
    for number in 0..6 {
        audit.note(line(number)).await;
        audit.flush().await.unwrap();
    }
    assert_eq!(accounts(&Reader::open(&state).unwrap().1), expected(3..6));
    assert!(!state.join("audit.3.jsonl").exists());
}

#[tokio::test]
async fn who_waits_is_told_once_that_lines_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = Audit::open(&state, Limits { file: 1, keep: 1 }, Clock::System).unwrap();
    audit.note(line(0)).await;
    audit.flush().await.unwrap();
    // What is in the way of the next file.
    std::fs::create_dir(state.join("audit.1.jsonl")).unwrap();
    audit.note(line(1)).await;
    let told = audit.flush().await.unwrap_err().to_string();
    assert!(told.starts_with("the audit log can't be written: ") && told.contains("audit.1.jsonl"), "{told}");
    audit.flush().await.unwrap();
    std::fs::remove_dir(state.join("audit.1.jsonl")).unwrap();
    audit.note(line(2)).await;
    audit.flush().await.unwrap();
    let lines = Reader::open(&state).unwrap().1;
    assert_eq!(accounts(&lines), ["account-0", "account-2"]);
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_is_no_part_of_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let limits = Limits { file: 100_000, keep: 2 };
    let audit = Audit::open(&state, limits, Clock::System).unwrap();
    audit.note(line(0)).await;
    audit.flush().await.unwrap();
    let path = state.join(file::CURRENT);
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"version\":1,\"at\":\"20");
    std::fs::write(&path, text).unwrap();
    let audit = Audit::open(&state, limits, Clock::System).unwrap();
    audit.note(line(1)).await;
    audit.flush().await.unwrap();
    assert_eq!(accounts(&Reader::open(&state).unwrap().1), ["account-0", "damaged", "account-1"]);
}

#[test]
fn a_log_that_is_a_symlink_or_open_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let open = || Audit::open(&state, Limits { file: 1, keep: 1 }, Clock::System).map(drop);
    open().unwrap();
    let path = state.join(file::CURRENT);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(open().unwrap_err().to_string().contains("chmod 600"));
    std::fs::rename(&path, state.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(open().unwrap_err().to_string().contains("symlink"));
}

#[tokio::test]
async fn limits_change_while_lines_are_written_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let names = || {
        let names = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("audit")).collect();
        names.sort();
        names
    };
    let audit = Audit::open(&state, None, Clock::System).unwrap();
    audit.note(line(0)).await;
    audit.flush().await.unwrap();
    assert!(!audit.is_on() && names().is_empty(), "off from the start");
    audit.change(Some(Limits { file: 1, keep: 12 })).await.unwrap();
    for number in 1..16 {
        audit.note(line(number)).await;
        audit.flush().await.unwrap();
    }
    assert_eq!(names().len(), 13);
    std::fs::write(state.join("audit.07.jsonl"), "none of ours").unwrap();
    let other = audit.clone();
    other.note(line(16)).await;
    other.change(Some(Limits { file: 1 << 20, keep: 2 })).await.unwrap();
    assert_eq!(names(), ["audit.07.jsonl", "audit.1.jsonl", "audit.2.jsonl", "audit.jsonl"]);
    audit.note(line(17)).await;
    audit.change(None).await.unwrap();
    assert!(!audit.is_on() && !other.is_on());
    audit.note(line(18)).await;
    audit.change(Some(Limits { file: 1 << 20, keep: 1 })).await.unwrap();
    audit.note(line(19)).await;
    audit.flush().await.unwrap();
    let kept = accounts(&Reader::open(&state).unwrap().1);
    assert_eq!(kept, ["account-15", "account-16", "account-17", "account-19"]);
    drop((audit, other));
    let again = Audit::open(&state, Limits { file: 1, keep: 4 }, Clock::System).unwrap();
    for number in 20..23 {
        again.note(line(number)).await;
        again.flush().await.unwrap();
    }
    drop(again);
    Audit::open(&state, Limits { file: 1, keep: 1 }, Clock::System).unwrap();
    assert!(!state.join("audit.2.jsonl").exists(), "also at the start");
}
