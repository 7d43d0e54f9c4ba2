//! Lines, rotation, and recovery after a crash.

#![expect(clippy::disallowed_methods, reason = "tests look at plain files")]

use std::os::unix::fs::PermissionsExt as _;

use std::time::Duration;

use super::reader::{LogLine, LogReader};
use super::*;
use crate::contract::AuditEvent;

fn line(number: usize) -> AuditLine {
    AuditLine {
        account: Some(format!("account-{number}")),
        ..AuditLine::new(AuditEvent::Token, "2026-11-25T00:00:00.000Z".into())
    }
}

fn accounts(lines: &[LogLine]) -> Vec<String> {
    let name = |line: &LogLine| match line {
        LogLine::Good(line, _) => line.account.clone().unwrap_or_default(),
        LogLine::Damaged => "damaged".into(),
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
    let limits = AuditLimits { file: 2000, keep: 100 };
    let mut follower = None;
    let mut heard = Vec::new();
    for restart in 0..3 {
        let audit = AuditLog::open(&state, limits, Clock::System).unwrap();
        for number in restart * 50..(restart + 1) * 50 {
            audit.note(&line(number)).await;
            if number % 7 == 0 {
                audit.flush().await.unwrap();
                let (reader, lines) = match follower.take() {
                    Some(mut reader) => {
                        let lines = LogReader::more(&mut reader).unwrap();
                        (reader, lines)
                    }
                    None => LogReader::open(&state).unwrap(),
                };
                heard.extend(accounts(&lines));
                follower = Some(reader);
            }
        }
        audit.flush().await.unwrap();
    }
    heard.extend(accounts(&follower.unwrap().more().unwrap()));
    assert_eq!(heard, expected(0..150), "a reader that follows sees the same lines");
    assert_eq!(accounts(&LogReader::open(&state).unwrap().1), expected(0..150), "a later reader sees the same lines");
    assert!(state.join("audit.1.jsonl").exists() && !state.join("audit.100.jsonl").exists());
    assert_eq!(state.join(Series::Main.current()).metadata().unwrap().permissions().mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn only_the_newest_files_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = AuditLog::open(&state, AuditLimits { file: 1, keep: 2 }, Clock::System).unwrap();
    for number in 0..6 {
        audit.note(&line(number)).await;
        audit.flush().await.unwrap();
    }
    assert_eq!(accounts(&LogReader::open(&state).unwrap().1), expected(3..6));
    assert!(!state.join("audit.3.jsonl").exists());
}

#[tokio::test]
async fn a_flush_reports_missing_lines_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = AuditLog::open(&state, AuditLimits { file: 1, keep: 1 }, Clock::System).unwrap();
    audit.note(&line(0)).await;
    audit.flush().await.unwrap();
    // Blocks the next rotation.
    std::fs::create_dir(state.join("audit.1.jsonl")).unwrap();
    audit.note(&line(1)).await;
    let told = audit.flush().await.unwrap_err().to_string();
    assert!(told.starts_with("the audit log can't be written: ") && told.contains("audit.1.jsonl"), "{told}");
    audit.flush().await.unwrap();
    std::fs::remove_dir(state.join("audit.1.jsonl")).unwrap();
    audit.note(&line(2)).await;
    audit.flush().await.unwrap();
    let lines = LogReader::open(&state).unwrap().1;
    assert_eq!(accounts(&lines), ["account-0", "account-2"]);
}

#[tokio::test]
async fn a_line_cut_off_by_a_crash_does_not_corrupt_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let limits = AuditLimits { file: 100_000, keep: 2 };
    let audit = AuditLog::open(&state, limits, Clock::System).unwrap();
    audit.note(&line(0)).await;
    audit.flush().await.unwrap();
    let path = state.join(Series::Main.current());
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"version\":1,\"at\":\"20");
    std::fs::write(&path, text).unwrap();
    let audit = AuditLog::open(&state, limits, Clock::System).unwrap();
    audit.note(&line(1)).await;
    audit.flush().await.unwrap();
    assert_eq!(accounts(&LogReader::open(&state).unwrap().1), ["account-0", "damaged", "account-1"]);
}

#[test]
fn a_log_that_is_a_symlink_or_open_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let open = || AuditLog::open(&state, AuditLimits { file: 1, keep: 1 }, Clock::System).map(drop);
    open().unwrap();
    let path = state.join(Series::Main.current());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(open().unwrap_err().to_string().contains("chmod 600"));
    std::fs::rename(&path, state.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(open().unwrap_err().to_string().contains("symlink"));
}

fn refused(app: Option<&str>) -> AuditLine {
    let mut line = AuditLine::new(AuditEvent::Denied, "2026-11-25T00:00:00.000Z".into());
    line.result = "not_permitted".into();
    line.app = app.map(str::to_owned);
    line
}

/// Of each line: the app (or account), and the number of events that the line counts.
fn told(lines: &[LogLine]) -> Vec<(String, u64)> {
    let of = |line: &LogLine| match line {
        LogLine::Good(line, _) => {
            (line.app.clone().or(line.account.clone()).unwrap_or("stranger".into()), line.more.unwrap_or(1))
        }
        LogLine::Damaged => ("damaged".into(), 0),
    };
    lines.iter().map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn refused_requests_push_no_other_lines_out_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = AuditLog::open(&state, AuditLimits { file: 40_000, keep: 1 }, Clock::virtual_at(crate::clock::Wall(0)))
        .unwrap();
    let counting = tokio::spawn({
        let audit = audit.clone();
        async move { audit.count_repeated().await }
    });
    audit.note(&line(1)).await;
    for _ in 0..220_000 {
        audit.note_stranger("no key", refused(None)).await;
        audit.note(&refused(Some("editor"))).await;
    }
    audit.note(&refused(Some("other"))).await;
    for number in 0..100 {
        let done = AuditLine { event: AuditEvent::Refresh, app: Some("busy".into()), ..line(number % 2) };
        audit.note(&done).await;
        audit.note(&AuditLine { app: Some("reader".into()), ..line(7) }).await;
    }
    audit.note_stranger("a wrong key", refused(None)).await;
    audit.note(&line(2)).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    // A second wave, during which the daemon stops.
    for _ in 0..100 {
        audit.note_stranger("no key", refused(None)).await;
    }
    audit.close().await.unwrap();
    counting.abort();
    let all = told(&LogReader::open(&state).unwrap().1);
    let of = |name: &str| all.iter().filter(|(who, _)| who == name).map(|(_, count)| *count).collect::<Vec<_>>();
    let counted = |waves: &[u64]| {
        let ten = [1; REPEATED as usize];
        waves.iter().flat_map(|wave| ten.into_iter().chain([wave - 10])).collect::<Vec<u64>>()
    };
    assert_eq!(of("editor"), counted(&[220_000]));
    assert_eq!(
        of("busy"),
        [vec![1; 20], vec![40, 40]].concat(),
        "ten lines for each account that it refreshed, then counts"
    );
    assert_eq!(of("reader"), [1; 100], "each token has its line");
    assert_eq!((of("account-1"), of("account-2"), of("other")), (vec![1], vec![1], vec![1]));
    let mut strangers = of("stranger");
    strangers.sort_unstable();
    let mut expected = [counted(&[220_000, 100]), vec![1]].concat();
    expected.sort_unstable();
    assert_eq!(strangers, expected, "each was counted once");
    assert!(state.join("audit-denied.jsonl").exists() && !state.join("audit.1.jsonl").exists());
}

#[tokio::test]
async fn unauthenticated_requests_have_their_own_files_and_are_merged_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = AuditLog::open(&state, AuditLimits { file: 1, keep: 3 }, Clock::System).unwrap();
    audit.flush().await.unwrap();
    assert!(!state.join("audit-denied.jsonl").exists(), "no file without a line to write");
    let why = ["a", "b", "c", "d", "e", "f"];
    for (second, why) in why.iter().enumerate() {
        let at = |milli: u32| format!("2026-11-25T00:00:{second:02}.{milli:03}Z");
        audit.note(&AuditLine { at: at(0), ..line(second) }).await;
        audit.note_stranger(why, AuditLine { at: at(1), ..refused(None) }).await;
        audit.flush().await.unwrap();
    }
    let (mut reader, lines) = LogReader::open(&state).unwrap();
    let names: Vec<String> = told(&lines).into_iter().map(|(who, _)| who).collect();
    assert_eq!(names, ["account-2", "account-3", "account-4", "stranger", "account-5", "stranger"]);
    audit.note_stranger("g", refused(None)).await;
    audit.note(&line(6)).await;
    audit.flush().await.unwrap();
    assert_eq!(reader.more().unwrap().len(), 2, "a reader that follows gets both");
}

#[test]
fn lines_of_older_and_newer_versions_are_read() {
    for text in [
        r#"{"version":1,"at":"2026-11-25T00:00:00.000Z","event":"token","result":"ok"}"#,
        r#"{"version":1,"at":"2026-11-25T00:00:00.000Z","event":"denied","result":"not_permitted","more":7,"since":"x","later":[1]}"#,
    ] {
        let line: AuditLine = serde_json::from_str(text).unwrap();
        assert_eq!(line.more.unwrap_or_default() > 0, text.contains("more"));
    }
    assert!(!serde_json::to_string(&line(1)).unwrap().contains("more"), "older readers see only known members");
}

#[tokio::test]
async fn changing_limits_while_writing_loses_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let names = || {
        let names = std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("audit")).collect();
        names.sort();
        names
    };
    let audit = AuditLog::open(&state, None, Clock::System).unwrap();
    audit.note(&line(0)).await;
    audit.flush().await.unwrap();
    assert!(!audit.is_on() && names().is_empty(), "off from the start");
    audit.change(Some(AuditLimits { file: 1, keep: 12 })).await.unwrap();
    for number in 1..16 {
        audit.note(&line(number)).await;
        audit.flush().await.unwrap();
    }
    assert_eq!(names().len(), 13);
    std::fs::write(state.join("audit.07.jsonl"), "none of ours").unwrap();
    let other = audit.clone();
    other.note(&line(16)).await;
    other.change(Some(AuditLimits { file: 1 << 20, keep: 2 })).await.unwrap();
    assert_eq!(names(), ["audit.07.jsonl", "audit.1.jsonl", "audit.2.jsonl", "audit.jsonl"]);
    audit.note(&line(17)).await;
    audit.change(None).await.unwrap();
    assert!(!audit.is_on() && !other.is_on());
    audit.note(&line(18)).await;
    audit.change(Some(AuditLimits { file: 1 << 20, keep: 1 })).await.unwrap();
    audit.note(&line(19)).await;
    audit.flush().await.unwrap();
    let kept = accounts(&LogReader::open(&state).unwrap().1);
    assert_eq!(kept, ["account-15", "account-16", "account-17", "account-19"]);
    drop((audit, other));
    let again = AuditLog::open(&state, AuditLimits { file: 1, keep: 4 }, Clock::System).unwrap();
    for number in 20..23 {
        again.note(&line(number)).await;
        again.flush().await.unwrap();
    }
    drop(again);
    AuditLog::open(&state, AuditLimits { file: 1, keep: 1 }, Clock::System).unwrap();
    assert!(!state.join("audit.2.jsonl").exists(), "also at the start");
}

#[tokio::test]
async fn the_last_lines_are_the_newest_of_all_files_and_their_writing_is_signalled() {
    let folder = tempfile::tempdir().unwrap();
    let audit =
        AuditLog::open(&folder.path().join("state"), AuditLimits { file: 1 << 20, keep: 1 }, Clock::System).unwrap();
    let mut written = audit.written().unwrap();
    assert_eq!(audit.last(3).unwrap(), []);
    let at = |number: usize| format!("2026-11-25T00:{:02}:{:02}.000Z", number / 60, number % 60);
    for number in 0..300 {
        audit.note(&AuditLine { at: at(number), ..line(number) }).await;
    }
    audit.note_stranger("no key", AuditLine { at: at(298), ..line(1000) }).await;
    audit.flush().await.unwrap();
    assert!(written.has_changed().unwrap());
    written.mark_unchanged();
    assert_eq!(last(&audit, 4), ["account-299", "account-1000", "account-298", "account-297"]);
    audit.change(None).await.unwrap();
    assert!(audit.last(3).is_none(), "not while the log is off");
    assert!(AuditLog::default().written().is_none() && AuditLog::default().last(3).is_none());
}

/// The accounts of the last lines, as the status page asks for them.
fn last(audit: &AuditLog, count: usize) -> Vec<String> {
    audit.last(count).unwrap().into_iter().filter_map(|line| line.account).collect()
}

#[tokio::test]
async fn the_last_lines_are_in_the_order_of_the_log_though_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let audit = AuditLog::open(&state, AuditLimits { file: 1, keep: 1 }, Clock::System).unwrap();
    let at = |second: u32| format!("2026-11-25T00:00:{second:02}.000Z");
    for (number, second) in [(0, 50), (1, 51), (2, 10)] {
        audit.note(&AuditLine { at: at(second), ..line(number) }).await;
        audit.flush().await.unwrap();
    }
    audit.note_stranger("no key", AuditLine { at: at(11), ..line(1000) }).await;
    audit.flush().await.unwrap();
    assert!(state.join("audit.1.jsonl").exists(), "one line in each file");
    let mut whole = accounts(&LogReader::open(&state).unwrap().1);
    whole.reverse();
    assert_eq!(whole, ["account-2", "account-1", "account-1000"]);
    assert_eq!(last(&audit, 3), whole);
}
