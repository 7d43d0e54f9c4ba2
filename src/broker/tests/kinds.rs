//! Grants other than the authorization code: device code, password, client credentials and implicit.

use super::*;
use crate::config::PasswordUser;
use crate::oauth::exchange::User;
use crate::oauth::grant::GrantType;
use crate::secret::source::SecretSource;

#[tokio::test(start_paused = true)]
async fn client_credentials_are_acquired_at_start_and_refreshed() {
    let b = Bench::with(|account| account.grant = GrantType::ClientCredentials).await;
    for n in 1..4 {
        assert_eq!((b.token_within(Some(s(5))).await, b.requests()), (format!("a{n}"), n));
        tokio::time::sleep(s(3090)).await;
    }
    assert!(b.trades().iter().all(|trade| trade == "client"), "{:?}", b.trades());
    let started = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
    assert_eq!((started.start_url, b.ended(&started.login_id).await.as_str()), (None, ""));
    assert!(b.tabs.0.lock().unwrap().is_empty());
}

async fn device() -> Bench {
    let b = Bench::with(|account| account.grant = GrantType::DeviceCode).await;
    *b.provider.device.lock().unwrap() = Some(device_authorization());
    b
}

fn pending(slow_down: bool) -> RefreshOutcome {
    RefreshOutcome::Pending { slow_down }
}

#[tokio::test(start_paused = true)]
async fn device_polling_respects_interval_and_slow_down() {
    let b = device().await;
    b.script([pending(false), pending(true), pending(true), pending(true), pending(false)]);
    let before = b.clock.now();
    let started = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
    assert_eq!(b.ended(&started.login_id).await, "");
    let asked: Vec<u64> = b.provider.trades.lock().unwrap().iter().map(|(at, _)| before.until(*at).as_secs()).collect();
    let gaps: Vec<u64> = std::iter::once(0).chain(asked.clone()).zip(asked).map(|(from, to)| to - from).collect();
    assert_eq!(gaps, [5, 5, 10, 15, 20, 20], "RFC 8628 §3.5");
    assert_eq!(b.token().await, "a6");
}

#[tokio::test(start_paused = true)]
async fn callers_that_join_a_device_login_see_the_same_code() {
    let b = Arc::new(device().await);
    *b.provider.latency.lock().unwrap() = s(2);
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap() })
        })
        .collect();
    let mut joined = 0;
    for caller in callers {
        let started = caller.await.unwrap();
        assert_eq!(started.device.unwrap().user_code, "AB-CD");
        joined += usize::from(started.joined);
    }
    assert_eq!(joined, 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_login_ends_with_a_refusal_or_its_code_and_survives_a_caller_that_hangs_up() {
    for (answers, why, after) in [
        (vec![pending(false), refused("access_denied")], "access was denied at the provider", 10),
        (vec![refused("expired_token")], "the code has expired", 5),
        ((0..99).map(|_| pending(false)).collect(), "the code has expired", 300),
        (
            vec![RefreshOutcome::Lost { why: "cut".into() }, refused("access_denied")],
            "access was denied at the provider",
            15,
        ),
    ] {
        let b = device().await;
        b.script(answers);
        let before = b.clock.now();
        let started = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
        assert_eq!((b.ended(&started.login_id).await.as_str(), before.until(b.clock.now()).as_secs()), (why, after));
        assert_eq!(b.token().await, "login_required");
    }
    let b = device().await;
    *b.provider.latency.lock().unwrap() = s(2);
    let hung_up = tokio::time::timeout(s(1), b.broker.start_login("work", LoginVia::DaemonBrowser)).await;
    assert!(hung_up.is_err());
    let joined = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
    assert_eq!((joined.joined, joined.device.unwrap().user_code.as_str()), (true, "AB-CD"));
    b.broker.logout("work").await.unwrap();
    tokio::time::sleep(s(60)).await;
    assert_eq!(b.requests(), 0, "an ended login is not polled for");
}

fn password(account: &mut AccountSettings, source: Option<SecretSource>) {
    account.grant = GrantType::Password;
    account.user = Some(PasswordUser { user: User::Name("ann".into()), password: source });
}

fn write(pipe: &str, line: &str) {
    use std::io::Write as _;
    std::fs::OpenOptions::new().write(true).open(pipe).unwrap().write_all(line.as_bytes()).unwrap();
}

// In real time: paused time does not cover a pipe or a program.
#[tokio::test]
async fn a_password_is_read_from_the_pipe_of_the_newest_login() {
    let folder = tempfile::tempdir().unwrap();
    let b = Bench::of(edited(|account| password(account, None)), Some(folder.path().to_owned())).await;
    let start = async || b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let first = start().await;
    let second = start().await;
    let (old, new) = (first.password.unwrap(), second.password.unwrap());
    assert_eq!(b.ended(&first.login_id).await, "another login replaced it");
    for _ in 0..100 {
        if !std::path::Path::new(&old.pipe).exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!std::path::Path::new(&old.pipe).exists(), "the old pipe is gone");
    write(&new.pipe, "open sesame\n");
    assert_eq!((new.user.as_str(), b.ended(&second.login_id).await.as_str()), ("ann", ""));
    assert_eq!(b.trades(), [r#"Name("ann") open sesame"#]);
    let third = start().await;
    write(&third.password.unwrap().pipe, "\n");
    assert_eq!(b.ended(&third.login_id).await, "no password was typed");
    assert_eq!(b.token().await, "a1");
}

#[tokio::test]
async fn a_password_comes_from_a_program() {
    for (program, ended) in [
        (vec!["/bin/echo", "open sesame"], ""),
        (
            vec!["/bin/false"],
            "the password is not available: the command `/bin/false` failed (exit status: 1); run it by hand to see more",
        ),
    ] {
        let source = SecretSource::Command(program.into_iter().map(str::to_owned).collect());
        let b = Bench::with(|account| password(account, Some(source))).await;
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        assert!(started.password.is_none() && started.warning.is_some());
        assert_eq!(b.ended(&started.login_id).await, ended);
        assert_eq!(b.requests(), usize::from(ended.is_empty()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_url_with_a_fragment_can_be_pasted() {
    let b = Bench::with(|account| account.grant = GrantType::Implicit).await;
    let started = b.broker.start_login("work", LoginVia::Paste).await.unwrap();
    let url = url::Url::parse(started.start_url.as_deref().unwrap()).unwrap();
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let at = "http://127.0.0.1:7464/callback/p";
    for wrong in [format!("{at}?code=c&state={state}"), format!("{at}#state={state}"), format!("{at}#access_token=t")] {
        assert!(matches!(b.broker.paste(&started.login_id, &wrong).await, Err(Error::Obstacle(_))), "{wrong}");
    }
    let good = format!("{at}?iss=https%3A%2F%2Fid.example#access_token=t&token_type=bearer&state={state}");
    assert_eq!(b.broker.paste(&started.login_id, &good).await.unwrap().status, LoginStatus::Succeeded);
    assert_eq!(b.token().await, "t");
}
