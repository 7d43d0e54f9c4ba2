//! Refreshes after a suspend, and after the network is back.

use super::*;
use crate::contract::EventKind::{Failing, LoggedIn, LoggedOut, Recovered};

/// Waits until `seen`, at most for `limit`; returns how long that took by the test's clock.
async fn within(bench: &Bench, limit: Duration, seen: impl Fn(&Bench) -> bool) -> Duration {
    let begun = bench.clock.now();
    while !seen(bench) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(begun.until(bench.clock.now()) < limit || seen(bench), "not within {limit:?}");
    }
    begun.until(bench.clock.now())
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_accounts_that_expired_during_a_suspend_refresh_a_few_at_a_time() {
    let (b, names) = Bench::crowded(300).await;
    let before = b.requests();
    *b.provider.latency.lock().unwrap() = Duration::from_millis(300);
    b.provider.most_at_once.store(0, Ordering::SeqCst);
    b.clock.suspend(s(8 * 3600));
    b.wake.send_replace(());
    within(&b, s(30), |b| b.requests() == before + names.len()).await;
    assert_eq!(b.provider.most_at_once.load(Ordering::SeqCst), 16, "the limit on concurrent refreshes");
    // And every account has a valid token.
    assert!(b.broker.accounts().iter().all(|account| account.state == AccountState::Active));
}

#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_retried_soon_after_the_network_is_back() {
    for (woken, most) in [(true, s(4)), (false, s(301))] {
        let b = Bench::logged_in("work").await;
        let offline = || RefreshOutcome::NotSent { why: "no connection (Network is unreachable)".into() };
        b.script((0..40).map(|_| offline()));
        // Until the backoff has grown.
        let next = |b: &Bench| b.broker.account("work").unwrap().next_refresh_at.unwrap_or_default();
        within(&b, s(3600), |b| b.requests() > 8 && next(b) > b.clock.now().wall.unix_seconds() + 20).await;
        b.provider.script.lock().unwrap().clear();
        if woken {
            b.wake.send_replace(());
        }
        let generation = b.broker.account("work").unwrap().generation;
        let took = within(&b, most, |b| b.broker.account("work").unwrap().generation > generation).await;
        assert!(if woken { took >= Duration::from_millis(400) } else { took > s(10) }, "{woken}: it took {took:?}");
    }
}

/// Fifty accounts that became due at once; the provider takes `latency` to reply.
async fn crowd(latency: Duration) -> (Bench, usize) {
    let (b, _) = Bench::crowded(50).await;
    let before = b.trades().len();
    *b.provider.latency.lock().unwrap() = latency;
    b.clock.suspend(s(3500));
    b.wake.send_replace(());
    within(&b, s(10), |b| b.trades().len() == before + 16).await;
    (b, before)
}

#[tokio::test(start_paused = true)]
async fn queued_refreshes_send_nothing_once_the_daemon_stops_or_locks() {
    for locks in [false, true] {
        let (b, before) = crowd(s(3)).await;
        let asked = b.clock.now();
        if locks {
            b.broker.lock().await.unwrap();
        } else {
            b.broker.shut_down(s(20)).await;
        }
        assert!(asked.until(b.clock.now()) <= s(4), "waits for the requests in flight only");
        tokio::time::sleep(s(60)).await;
        assert_eq!(b.trades().len(), before + 16, "no request starts after that");
    }
}

#[tokio::test(start_paused = true)]
async fn a_forced_refresh_does_not_queue_behind_scheduled_ones() {
    let (b, _) = crowd(s(10)).await;
    let asked = b.clock.now();
    // The refresh slots are all taken; a forced refresh does not wait for one.
    b.provider.latency.lock().unwrap().clone_from(&s(1));
    assert!(b.broker.refresh("a9").await.is_ok());
    assert!(asked.until(b.clock.now()) <= s(11));
}

#[tokio::test(start_paused = true)]
async fn under_load_a_replay_is_prompt_or_does_not_happen() {
    let (b, before) = crowd(s(15)).await;
    b.script((0..100).map(|_| RefreshOutcome::Lost { why: "no reply within 15 s".into() }));
    // Before the access tokens expire: at that time each account makes a last attempt.
    tokio::time::sleep(s(85)).await;
    let mut sent: HashMap<String, Vec<Moment>> = HashMap::new();
    for (at, what) in b.provider.trades.lock().unwrap().iter().skip(before) {
        sent.entry(what.clone()).or_default().push(*at);
    }
    for (token, at) in &sent {
        let apart: Vec<Duration> = at.windows(2).map(|two| two[0].until(two[1])).collect();
        assert!(at.len() <= 2 && apart.iter().all(|apart| *apart <= s(20)), "{token} was sent {apart:?} apart");
    }
    assert!(sent.values().any(|at| at.len() == 2), "some were replayed");
}

/// The provider answers everything with `answer` for `span`, then recovers.
async fn outage(b: &Bench, span: Duration, answer: impl Fn() -> RefreshOutcome) {
    let until = b.clock.now().plus(span);
    while !b.clock.now().reached(until) {
        {
            let mut script = b.provider.script.lock().unwrap();
            while script.len() < 64 {
                script.push_back(answer());
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    b.provider.script.lock().unwrap().clear();
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_every_requested_account_has_a_token_within_two_seconds() {
    for answer in
        [(|| RefreshOutcome::NotSent { why: "no connection (refused)".into() }) as fn() -> RefreshOutcome, || {
            RefreshOutcome::Busy { retry_after: None, why: "the provider answered 503".into() }
        }]
    {
        let (b, names) = Bench::crowded(7).await;
        b.clock.suspend(s(2 * 3600));
        b.wake.send_replace(());
        outage(&b, s(600), answer).await;
        let (well, before) = (b.clock.now(), b.requests());
        let tokens = names.iter().map(|name| async {
            // A program that retries as soon as `Retry-After` allows.
            loop {
                match b.broker.token(name, TokenQuery::default()).await {
                    Ok(_) => return well.until(b.clock.now()),
                    Err(error) => {
                        let again = error.reply().retry_after.expect("when to ask again");
                        assert!(again <= 2, "{error}: {again} s");
                        tokio::time::sleep(s(again)).await;
                    }
                }
            }
        });
        for waited in futures_util::future::join_all(tokens).await {
            assert!(waited <= s(2), "{waited:?}");
        }
        assert_eq!(b.requests() - before, names.len(), "one request for each");
    }
}

#[tokio::test(start_paused = true)]
async fn one_reply_ends_the_backoff_of_all_accounts_of_the_host() {
    let (b, _) = Bench::crowded(20).await;
    b.clock.suspend(s(2 * 3600));
    b.wake.send_replace(());
    outage(&b, s(1200), || RefreshOutcome::Busy { retry_after: None, why: "the provider answered 503".into() }).await;
    // The user forces a refresh of one account; there are no other requests.
    tokio::time::sleep(s(3)).await;
    b.broker.refresh("a0").await.unwrap();
    let well = |b: &Bench| b.broker.accounts().iter().all(|account| account.reason.is_none());
    within(&b, s(4), well).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_outlasts_the_token_is_announced_and_so_is_its_end() {
    let b = Bench::logged_in("work").await;
    let mut heard = b.broker.listen();
    outage(&b, s(4000), || RefreshOutcome::NotSent { why: "no connection (refused)".into() }).await;
    within(&b, s(320), |b| b.broker.account("work").unwrap().reason.is_none()).await;
    assert_eq!(b.log_in("work").await, LoginStatus::Succeeded);
    b.broker.logout("work").await.unwrap();
    let mut told = Vec::new();
    while let Ok(Some(events::Received::Event(event))) =
        tokio::time::timeout(Duration::from_millis(10), heard.next()).await
    {
        told.push(event.event);
    }
    assert_eq!(told, [Failing, Recovered, LoggedIn, LoggedOut]);
}
