//! After a night's sleep, or when the network is back.

use super::*;

/// How long it takes until `seen`, by the clock of the test.
async fn within(bench: &Bench, limit: Duration, seen: impl Fn(&Bench) -> bool) -> Duration {
    let begun = bench.clock.now();
    while !seen(bench) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(begun.until(bench.clock.now()) < limit || seen(bench), "not within {limit:?}");
    }
    begun.until(bench.clock.now())
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_accounts_that_slept_too_long_ask_a_few_at_a_time() {
    let names: Vec<String> = (0..300).map(|n| format!("a{n}")).collect();
    let b = Bench::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for name in &names {
        assert_eq!(b.log_in(name).await, LoginStatus::Succeeded);
    }
    let before = b.requests();
    *b.provider.latency.lock().unwrap() = Duration::from_millis(300);
    b.provider.most_at_once.store(0, Ordering::SeqCst);
    b.clock.suspend(s(8 * 3600));
    b.bell.send_replace(());
    within(&b, s(30), |b| b.requests() == before + names.len()).await;
    assert_eq!(b.provider.most_at_once.load(Ordering::SeqCst), 16, "so many turns there are");
    // And whoever asks has not waited for the others' sake longer than it takes.
    assert!(b.broker.accounts().iter().all(|account| account.state == AccountState::Active));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_waits_for_the_network_and_goes_out_when_it_is_back() {
    for (rings, most) in [(true, s(4)), (false, s(301))] {
        let b = Bench::logged_in("work").await;
        let offline = || Answer::NotSent { why: "no connection (Network is unreachable)".into() };
        b.script((0..40).map(|_| offline()));
        // Until its pauses have grown.
        let next = |b: &Bench| b.broker.account("work").unwrap().next_refresh_at.unwrap_or_default();
        within(&b, s(3600), |b| b.requests() > 8 && next(b) > b.clock.now().wall.unix_seconds() + 20).await;
        b.provider.script.lock().unwrap().clear();
        if rings {
            b.bell.send_replace(());
        }
        let generation = b.broker.account("work").unwrap().generation;
        let took = within(&b, most, |b| b.broker.account("work").unwrap().generation > generation).await;
        assert!(if rings { took >= Duration::from_millis(400) } else { took > s(10) }, "{rings}: it took {took:?}");
    }
}
