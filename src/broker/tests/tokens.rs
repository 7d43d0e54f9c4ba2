//! Tokens: refreshed, served, stored.

use super::*;
use crate::oauth::dialect::Narrowing;

#[tokio::test(start_paused = true)]
async fn an_account_is_refreshed_ahead_of_expiry_without_callers() {
    let b = Bench::logged_in("work").await;
    for n in 1..6 {
        assert_eq!((b.token().await, b.requests()), (format!("a{n}"), n));
        tokio::time::sleep(s(3090)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn five_hundred_callers_at_expiry_make_one_request_and_all_get_the_new_token() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(2);
    b.clock.suspend(s(4000));
    let callers: Vec<_> = (0..500)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.token().await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "a2");
    }
    assert_eq!((b.requests(), b.provider.most_at_once.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_cancels_nothing() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(5);
    b.clock.suspend(s(4000));
    assert!(tokio::time::timeout(s(1), b.token()).await.is_err());
    tokio::time::sleep(s(5)).await;
    assert_eq!((b.token().await, b.requests()), ("a2".into(), 2));
}

#[tokio::test(start_paused = true)]
async fn accounts_refresh_after_a_suspend() {
    let b = Bench::logged_in("work").await;
    b.clock.suspend(s(7200));
    b.wake.send_replace(());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!((b.requests(), b.token().await), (2, "a2".into()), "before any caller asked");
}

#[tokio::test(start_paused = true)]
async fn callers_wait_no_longer_than_they_asked_and_get_the_reason() {
    let b = Bench::logged_in("work").await;
    b.clock.suspend(s(4000));
    b.script((0..50).map(|_| RefreshOutcome::Busy { retry_after: Some(s(60)), why: "503".into() }));
    let before = b.clock.now();
    assert_eq!(b.token_within(Some(s(5))).await, "provider_unreachable");
    assert_eq!(before.until(b.clock.now()), s(0), "the next attempt is later than that, so it fails at once");
    let before = b.clock.now();
    *b.provider.latency.lock().unwrap() = s(100);
    assert_eq!(b.token_within(Some(s(70))).await, "provider_unreachable");
    assert_eq!(before.until(b.clock.now()), s(70));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_also_waits_for_a_login() {
    let b = Arc::new(Bench::new(&["work"]).await);
    assert_eq!(b.token().await, "login_required");
    let waiting = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.token_within(Some(s(100))).await }
    });
    tokio::time::sleep(s(30)).await;
    assert_eq!(b.log_in("work").await, LoginStatus::Succeeded);
    assert_eq!(waiting.await.unwrap(), "a1");
    b.broker.logout("work").await.unwrap();
    let before = b.clock.now();
    assert_eq!(b.token_within(Some(s(100))).await, "login_required");
    assert_eq!(before.until(b.clock.now()), s(100));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_keeps_the_old_token_and_spends_no_refresh_token() {
    let b = Bench::logged_in("work").await;
    b.store.full.store(true, Ordering::Relaxed);
    tokio::time::sleep(s(3300)).await;
    assert_eq!((b.token().await, b.requests()), ("a1".into(), 1), "no refresh without room to store its result");
    tokio::time::sleep(s(600)).await;
    assert_eq!(b.token().await, "store_unavailable");
    b.store.full.store(false, Ordering::Relaxed);
    tokio::time::sleep(s(301)).await;
    assert_eq!(b.token().await, "a2");
}

#[tokio::test(start_paused = true)]
async fn a_restart_serves_at_once_from_the_store() {
    let b = Bench::logged_in("work").await;
    b.broker.shut_down(s(1)).await;
    let again = Broker::start(config(&["work"]), b.world.clone(), b.wake.subscribe(), redirect_uri).await;
    assert_eq!(again.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a1");
    assert_eq!(b.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reload_adds_and_removes_accounts_and_drops_neither_token_nor_login() {
    let b = Bench::logged_in("work").await;
    let pending = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    b.broker.reload(config(&["work", "home"])).await;
    let names = |broker: &Broker| broker.accounts().iter().map(|a| a.account.clone()).collect::<Vec<_>>().join(" ");
    assert_eq!(names(&b.broker), "home work");
    assert_eq!(b.broker.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a1");
    let answer = b.browse(pending.start_url.as_deref().unwrap(), "code=c").await;
    b.broker.callback(answer).await.unwrap();
    assert_eq!(b.broker.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a2");
    b.broker.reload(config(&["home"])).await;
    assert_eq!(names(&b.broker), "home");
    assert!(matches!(b.broker.account("wrok"), Err(Error::UnknownAccount { .. })));
    b.broker.reload(config(&["work"])).await;
    assert_eq!(b.token().await, "a2", "its file stayed");
}

#[tokio::test(start_paused = true)]
async fn a_removed_account_is_not_restarted_while_its_refresh_is_in_flight() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(5);
    b.clock.suspend(s(4000));
    b.wake.send_replace(());
    tokio::time::sleep(s(1)).await;
    b.broker.reload(config(&["home"])).await;
    b.broker.reload(config(&["work"])).await;
    assert_eq!((b.token().await, b.requests(), b.provider.most_at_once.load(Ordering::SeqCst)), ("a2".into(), 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_refreshed_once_per_half_minute() {
    let b = Bench::logged_in("work").await;
    for (pause, requests) in [(0, 1), (31, 2), (1, 2), (31, 3)] {
        tokio::time::sleep(s(pause)).await;
        let before = b.requests();
        let reply = b.broker.rejected("work").await.unwrap();
        assert_eq!(b.requests(), requests);
        let refreshed = requests > before;
        assert_eq!(
            (reply.refreshed, reply.not_refreshed.is_none(), reply.retry_after.is_none()),
            (refreshed, refreshed, refreshed)
        );
    }
    let reply = b.broker.rejected("work").await.unwrap();
    assert!(reply.not_refreshed.is_some_and(|why| why.contains("is already new")));
    assert!(reply.retry_after.is_some_and(|after| (29..=31).contains(&after)), "{:?}", reply.retry_after);
}

#[tokio::test(start_paused = true)]
async fn a_downscoped_token_does_not_answer_a_report_of_a_rejected_token() {
    let b = Bench::with(|account| Arc::make_mut(&mut account.dialect).narrow = Narrowing::Scope).await;
    b.log_in("work").await;
    tokio::time::sleep(s(60)).await;
    *b.provider.latency.lock().unwrap() = s(2);
    let part = Target { scope: vec!["x".into()], ..Target::default() };
    let part = TokenQuery { target: Some(part), wait: Some(s(10)), min_ttl: None, proves_key: false };
    let (narrow, rejected) = tokio::join!(b.broker.token("work", part), async {
        tokio::time::sleep(s(1)).await;
        b.broker.rejected("work").await
    });
    assert!(narrow.is_ok());
    let reply = rejected.unwrap();
    assert_eq!(reply.refreshed, b.token().await != "a1", "{:?}", reply.not_refreshed);
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_refresh_token_is_not_reported_expired_early() {
    let b = Bench::with(|account| Arc::make_mut(&mut account.dialect).narrow = Narrowing::Scope).await;
    let grant = Grant { refresh_token: None, ..b.provider.grant(1) };
    b.script([RefreshOutcome::Granted(Box::new(grant))]);
    b.log_in("work").await;
    tokio::time::sleep(s(60)).await;
    let part = || TokenQuery {
        target: Some(Target { scope: vec!["x".into()], ..Target::default() }),
        ..TokenQuery::default()
    };
    let present = Error::NotRefreshable { account: "work".into() };
    assert_eq!(b.broker.refresh("work").await.unwrap_err(), present);
    assert_eq!(b.broker.rejected("work").await.unwrap_err(), present);
    assert_eq!(b.broker.token("work", part()).await.err(), Some(present));
    assert_eq!((b.token().await.as_str(), b.requests()), ("a1", 1), "no request was sent");
    tokio::time::sleep(s(3600)).await;
    for error in [
        b.broker.refresh("work").await.unwrap_err(),
        b.broker.rejected("work").await.unwrap_err(),
        b.broker.token("work", part()).await.err().unwrap(),
    ] {
        assert!(matches!(&error, Error::LoginRequired { why, .. } if why.contains("has expired")), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_suggests_the_nearest_and_default_must_be_unambiguous() {
    let b = Bench::new(&["work", "home"]).await;
    let error = b.broker.account("wrk").unwrap_err();
    assert_eq!(error, Error::UnknownAccount { name: "wrk".into(), nearest: vec!["work".into()] });
    assert!(matches!(b.broker.account("default"), Err(Error::Obstacle(_))));
}

#[tokio::test(start_paused = true)]
async fn a_caller_gets_the_valid_token_before_it_expires_even_if_the_provider_hangs() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(3000);
    tokio::time::sleep(s(3597)).await;
    for wait in [None, Some(s(60))] {
        let query = TokenQuery { min_ttl: wait, wait, target: None, proves_key: false };
        assert_eq!(b.broker.token("work", query).await.ok().unwrap().access_token, "a1", "{wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_uncommitted_tokens() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(1000);
    tokio::time::sleep(s(3095)).await;
    b.store.full.store(true, Ordering::Relaxed);
    tokio::time::sleep(s(1000)).await;
    assert_eq!(b.broker.account("work").unwrap().generation, 1, "committing failed");
    b.store.full.store(false, Ordering::Relaxed);
    b.broker.shut_down(s(1)).await;
    assert_eq!(b.store.records.lock().unwrap()["work"].generation, 2);
}

#[tokio::test(start_paused = true)]
async fn each_forced_refresh_gets_a_new_token_and_concurrent_ones_share_one() {
    let b = Arc::new(Bench::logged_in("work").await);
    for generation in 2..4 {
        assert_eq!(b.broker.refresh("work").await.unwrap().generation, generation);
    }
    *b.provider.latency.lock().unwrap() = s(1);
    let crowd: Vec<_> = (0..50)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.broker.refresh("work").await.unwrap().generation })
        })
        .collect();
    for one in crowd {
        assert_eq!(one.await.unwrap(), 4);
    }
}
