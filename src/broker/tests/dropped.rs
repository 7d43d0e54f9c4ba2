//! Grants that arrive after their account is gone or has changed: each is revoked at the provider.

use super::*;
use crate::config::ClientIdSource;
use crate::contract::ImportRequest;
use crate::oauth::grant::GrantType;

const REMOVED: &str = "the account is no longer in the config";
const CHANGED: &str = "the config changed while the login was pending";

/// Name, the reloaded config, and why it ends a pending login; empty if the login continues.
type Reload = (&'static str, fn() -> Arc<Config>, &'static str);

const RELOADS: &[Reload] = &[
    ("removed", || config(&["other"]), REMOVED),
    ("another client", || edited(|account| account.client_id = ClientIdSource::Written("d".into())), CHANGED),
    ("another grant", || edited(|account| account.grant = GrantType::DeviceCode), CHANGED),
    ("another provider", || edited(|account| Arc::make_mut(&mut account.dialect).provider = "q".into()), CHANGED),
    (
        "another token endpoint",
        || {
            edited(|account| {
                Arc::make_mut(&mut account.dialect).endpoints.token = Some("https://evil.example/t".parse().unwrap());
            })
        },
        CHANGED,
    ),
    ("another redirect URI", || edited(|account| account.redirect_uri = Some("http://127.0.0.1:7/x".into())), CHANGED),
    ("the same", || config(&["work"]), ""),
    ("one more account", || config(&["work", "other"]), ""),
    ("another hook", || edited(|account| account.keys.consent = true), ""),
    ("another browser", || edited(|account| account.keys.browser = Some(vec!["firefox".into()])), ""),
];

async fn bench() -> Bench {
    let b = Bench::new(&["work"]).await;
    *b.provider.latency.lock().unwrap() = s(2);
    b
}

/// A login of `work` one second into the code exchange: its id, and the reply to the browser.
async fn exchanging(b: &Bench) -> (String, JoinHandle<Result<String, CallbackRejected>>) {
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let broker = b.broker.clone();
    let login = tokio::spawn(async move { broker.callback(answer).await });
    tokio::time::sleep(s(1)).await;
    (started.login_id, login)
}

/// The number of revocations, after pending ones had time to run.
async fn revoked(b: &Bench) -> usize {
    tokio::time::sleep(Duration::from_millis(10)).await;
    b.provider.revoked.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_reload_ends_the_logins_that_no_longer_match_the_config() {
    for (name, reload, why) in RELOADS {
        let b = bench().await;
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
        b.broker.reload(reload()).await;
        let ended = b.broker.login(&started.login_id, s(0)).await.unwrap();
        assert_eq!(ended.status == LoginStatus::Failed, !why.is_empty(), "{name}");
        let came = b.broker.callback(answer).await;
        assert_eq!((came.is_ok(), b.trades().len()), (why.is_empty(), usize::from(why.is_empty())), "{name}");
        assert_eq!((b.ended(&started.login_id).await.as_str(), revoked(&b).await), (*why, 0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_exchanged_during_such_a_reload_is_revoked() {
    for (name, reload, why) in RELOADS {
        let b = Arc::new(bench().await);
        let (id, login) = exchanging(&b).await;
        let before = b.clock.now();
        b.broker.reload(reload()).await;
        assert!(before.until(b.clock.now()) == s(0) && !login.is_finished(), "{name}: a reload waits for nothing");
        assert_eq!(login.await.unwrap().unwrap(), id, "{name}");
        let dropped = usize::from(!why.is_empty());
        assert_eq!((b.ended(&id).await.as_str(), revoked(&b).await), (*why, dropped), "{name}");
        assert_eq!(b.store.records.lock().unwrap().len(), 1 - dropped, "{name}");
    }
}

/// Other kinds of grants whose account is removed while the request is in flight.
#[tokio::test(start_paused = true)]
async fn device_grants_and_rotated_imports_of_a_removed_account_are_revoked() {
    let import = |token: &str| ImportRequest {
        refresh_token: Some(token.into()),
        access_token: None,
        ..ImportRequest::default()
    };
    for (name, grant, dropped) in [
        ("a device", Some(GrantType::DeviceCode), 1),
        ("an import that rotates", None, 1),
        ("an import without rotation", None, 0),
    ] {
        let b = Arc::new(Bench::with(|account| account.grant = grant.unwrap_or_default()).await);
        *b.provider.latency.lock().unwrap() = s(2);
        let broker = b.broker.clone();
        let imported = tokio::spawn(async move {
            match (grant, dropped) {
                (Some(_), _) => {}
                (None, 1) => assert!(broker.import("default", import("old")).await.is_err()),
                (None, _) => assert!(broker.import("work", import("r1")).await.is_err()),
            }
        });
        if grant.is_some() {
            *b.provider.device.lock().unwrap() = Some(device_authorization());
            b.broker.start_login("work", LoginVia::Device).await.unwrap();
            tokio::time::sleep(s(6)).await;
        } else {
            tokio::time::sleep(s(1)).await;
        }
        assert_eq!(b.trades().len(), 1, "{name}");
        b.broker.reload(config(&["other"])).await;
        imported.await.unwrap();
        tokio::time::sleep(s(5)).await;
        assert_eq!((revoked(&b).await, b.requests()), (dropped, 1), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_in_flight_is_revoked_by_a_logout_and_kept_by_a_lock_or_stop() {
    for (what, kept) in [("logout", 0), ("lock", 1), ("stop", 1)] {
        let b = Arc::new(bench().await);
        let (_, login) = exchanging(&b).await;
        match what {
            "logout" => drop(b.broker.logout("work").await.unwrap()),
            "lock" => drop(b.broker.lock().await.unwrap()),
            _ => b.broker.shut_down(s(10)).await,
        }
        login.await.unwrap().unwrap();
        let given_back = revoked(&b).await;
        assert_eq!((b.store.records.lock().unwrap().len(), given_back), (kept, 1 - kept), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_or_stop_ends_a_pending_device_login() {
    for stop in [false, true] {
        let b = Bench::with(|account| account.grant = GrantType::DeviceCode).await;
        *b.provider.device.lock().unwrap() = Some(device_authorization());
        *b.provider.latency.lock().unwrap() = s(1);
        b.script((0..9).map(|_| RefreshOutcome::Pending { slow_down: false }));
        let started = b.broker.start_login("work", LoginVia::Device).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5500)).await;
        assert_eq!(b.trades().len(), 1, "polling has begun");
        let why = if stop {
            b.broker.shut_down(s(2)).await;
            "the daemon is stopping"
        } else {
            b.broker.lock().await.unwrap();
            "the token store was locked meanwhile"
        };
        tokio::time::sleep(s(30)).await;
        assert_eq!((b.trades().len(), b.ended(&started.login_id).await.as_str()), (1, why));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_revocation_delays_a_stop_only_up_to_its_limit() {
    let b = Arc::new(bench().await);
    *b.provider.slow_revocation.lock().unwrap() = s(60);
    let (_, login) = exchanging(&b).await;
    b.broker.reload(config(&["other"])).await;
    login.await.unwrap().unwrap();
    assert_eq!(revoked(&b).await, 1);
    let before = b.clock.now();
    b.broker.lock().await.unwrap();
    assert_eq!(before.until(b.clock.now()), s(0), "a lock does not wait for it");
    b.broker.shut_down(Duration::from_millis(1500)).await;
    assert_eq!(before.until(b.clock.now()), Duration::from_millis(1500));
}
