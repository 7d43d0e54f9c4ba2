//! Locking and unlocking the store of a running broker.

use super::*;
use crate::broker::events::Received;
use crate::contract::{EventKind, ImportRequest, LockReply, StoreState, UnlockRequest};

fn told(reply: Result<LockReply, Error>) -> (StoreState, bool) {
    let reply = reply.unwrap();
    (reply.store, reply.changed)
}

const LOCKED: (StoreState, bool) = (StoreState::Locked, true);
const UNLOCKED: (StoreState, bool) = (StoreState::Unlocked, true);

impl Bench {
    async fn unlock(&self) -> (StoreState, bool) {
        told(self.broker.unlock(UnlockRequest::default()).await)
    }

    async fn try_passphrase(&self, passphrase: &str) -> Result<LockReply, Error> {
        self.broker.unlock(UnlockRequest { passphrase: Some(passphrase.into()), new: false }).await
    }

    fn holds_nothing(&self) {
        let accounts = self.broker.inner.accounts.load();
        for member in accounts.members.values() {
            let snapshot = member.handle.published.load();
            assert!(snapshot.token.is_none() && snapshot.identity.is_empty(), "{snapshot:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_locked_broker_serves_nothing_and_resumes_after_the_unlock() {
    let b = Bench::logged_in("work").await;
    assert_eq!(told(b.broker.lock().await), LOCKED);
    assert_eq!(told(b.broker.lock().await), (StoreState::Locked, false), "locking is idempotent");
    b.holds_nothing();
    assert_eq!(b.token().await, "store_unavailable");
    let view = b.broker.account("work").unwrap();
    assert_eq!((view.state, view.generation, view.scope), (AccountState::StoreUnavailable, 0, None));
    assert!(view.reason.unwrap().contains("locked") && view.attention_needed);
    let import = ImportRequest { access_token: Some("x".into()), refresh_token: None, ..ImportRequest::default() };
    for error in [
        b.broker.refresh("work").await.map(drop),
        b.broker.rejected("work").await.map(drop),
        b.broker.logout("work").await.map(drop),
        b.broker.info("work").await.map(drop),
        b.broker.import("work", import).await.map(drop),
        b.broker.start_login("work", LoginVia::CallerBrowser).await.map(drop),
    ] {
        let error = error.unwrap_err();
        assert_eq!(error, Error::StoreLocked);
        assert!(error.hint().contains("ringback unlock"));
    }
    tokio::time::sleep(s(3000)).await;
    assert_eq!(b.requests(), 1, "no refresh is sent");
    assert_eq!(b.unlock().await, UNLOCKED);
    assert_eq!(b.unlock().await, (StoreState::Unlocked, false));
    tokio::time::sleep(s(1)).await;
    assert_eq!((b.token().await, b.requests()), ("a2".into(), 2), "an overdue refresh runs at once");
    tokio::time::sleep(s(3090)).await;
    assert_eq!((b.token().await, b.requests()), ("a3".into(), 3), "scheduled refreshes resume");
}

#[tokio::test(start_paused = true)]
async fn a_lock_commits_the_refresh_in_flight_and_turns_callers_away_at_once() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(20);
    b.clock.suspend(s(4000));
    let waits = || {
        let b = Arc::clone(&b);
        tokio::spawn(async move { b.token_within(Some(s(60))).await })
    };
    let callers: Vec<_> = (0..20).map(|_| waits()).collect();
    tokio::time::sleep(s(5)).await;
    assert_eq!(b.provider.flying.load(Ordering::SeqCst), 1);
    let begun = b.clock.now();
    let locking = tokio::spawn({
        let b = Arc::clone(&b);
        async move { told(b.broker.lock().await) }
    });
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "store_unavailable");
    }
    assert!(begun.boot.until(b.clock.now().boot) < s(1), "callers don't wait for the refresh");
    assert_eq!(b.token().await, "store_unavailable");
    assert!(!b.store.locked.load(Ordering::SeqCst), "the key is needed for the commit");
    assert_eq!(locking.await.unwrap(), LOCKED);
    assert!(begun.boot.until(b.clock.now().boot) >= s(15), "the lock waited for the refresh");
    let kept = b.store.records.lock().unwrap().get("work").unwrap().tokens.refresh_token.clone().unwrap();
    assert_eq!(kept.expose(), "r2", "the rotated token");
    b.holds_nothing();
    *b.provider.latency.lock().unwrap() = s(0);
    assert_eq!(b.unlock().await, UNLOCKED);
    assert_eq!((b.token().await, b.requests()), ("a2".into(), 2));
}

/// While the store is locked, the broker can't see that a record was replaced.
#[tokio::test(start_paused = true)]
async fn a_record_restored_while_the_store_was_locked_is_not_used() {
    let b = Bench::logged_in("work").await;
    assert_eq!(told(b.broker.lock().await), LOCKED);
    b.store.marks.lock().unwrap().insert("work".into(), 5);
    let mut heard = b.broker.listen();
    b.broker.unlock(UnlockRequest::default()).await.unwrap();
    assert_eq!(b.token().await, "login_required");
    let event = heard.next().await;
    assert!(matches!(&event, Some(Received::Event(event)) if event.event == EventKind::LoginNeeded), "{event:?}");
    assert!(matches!(b.broker.refresh("work").await, Err(Error::LoginRequired { why, .. }) if why.contains("backup")));
    tokio::time::sleep(s(90_000)).await;
    assert_eq!(b.requests(), 1, "only the login's request");
}

#[tokio::test(start_paused = true)]
async fn queued_refreshes_send_nothing_after_a_lock() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(20);
    tokio::time::sleep(s(100)).await;
    let forced: Vec<_> = (0..5)
        .map(|_| {
            let b = Arc::clone(&b);
            tokio::spawn(async move { b.broker.refresh("work").await.map(drop) })
        })
        .collect();
    tokio::time::sleep(s(1)).await;
    assert_eq!(told(b.broker.lock().await), LOCKED);
    assert_eq!(b.requests(), 2);
    for forced in forced {
        // The refresh in flight may end before or after the lock.
        assert!(matches!(forced.await.unwrap(), Ok(()) | Err(Error::StoreLocked)));
    }
}

#[tokio::test(start_paused = true)]
async fn uncommitted_tokens_survive_a_lock_attempt() {
    let b = Bench::logged_in("work").await;
    let before = b.clock.now();
    *b.provider.latency.lock().unwrap() = s(5);
    b.clock.suspend(s(4000));
    assert!(tokio::time::timeout(s(1), b.token()).await.is_err());
    b.store.full.store(true, Ordering::SeqCst);
    tokio::time::sleep(s(6)).await;
    assert_eq!(b.token_within(Some(s(0))).await, "store_unavailable");
    let error = b.broker.lock().await.unwrap_err();
    assert!(matches!(&error, Error::StoreUnavailable { why } if why.contains("`work`")), "{error}");
    assert_eq!(b.broker.store_state(), StoreState::Unlocked);
    b.store.full.store(false, Ordering::SeqCst);
    tokio::time::sleep(s(600)).await;
    assert_eq!((b.token().await, b.requests()), ("a2".into(), 2), "written once the disk has room");
    assert_eq!(told(b.broker.lock().await), LOCKED);
    assert!(before.boot < b.clock.now().boot);
}

#[tokio::test(start_paused = true)]
async fn a_lock_ends_pending_logins_and_keeps_one_whose_code_is_being_exchanged() {
    let b = Arc::new(Bench::new(&["work", "home"]).await);
    let waiting = b.broker.start_login("home", LoginVia::CallerBrowser).await.unwrap();
    let late = b.browse(waiting.start_url.as_deref().unwrap(), "code=late").await;
    *b.provider.latency.lock().unwrap() = s(10);
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.broker.callback(answer).await }
    });
    tokio::time::sleep(s(1)).await;
    assert_eq!(told(b.broker.lock().await), LOCKED);
    let ended = b.broker.login(&waiting.login_id, s(0)).await.unwrap();
    assert!(ended.failure.unwrap().error_description.contains("locked"), "{:?}", ended.status);
    assert_eq!(b.broker.callback(late).await.unwrap_err(), CallbackRejected::Over(waiting.login_id));
    assert_eq!(b.broker.login(&started.login_id, s(0)).await.unwrap().status, LoginStatus::Succeeded);
    b.unlock().await;
    let token = b.broker.token("work", TokenQuery::default()).await.ok().unwrap();
    assert_eq!((token.access_token.as_str(), b.trades()), ("a1", vec!["code c".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_import_in_flight_is_kept() {
    let b = Arc::new(Bench::new(&["work"]).await);
    *b.provider.latency.lock().unwrap() = s(10);
    let import = tokio::spawn({
        let b = Arc::clone(&b);
        let request =
            ImportRequest { access_token: None, refresh_token: Some("brought".into()), ..ImportRequest::default() };
        async move { b.broker.import("work", request).await }
    });
    tokio::time::sleep(s(1)).await;
    assert_eq!(told(b.broker.lock().await), LOCKED);
    import.await.unwrap().unwrap();
    b.unlock().await;
    assert_eq!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn accounts_can_be_added_and_removed_while_locked() {
    let b = Bench::logged_in("work").await;
    *b.provider.latency.lock().unwrap() = s(10);
    b.clock.suspend(s(4000));
    assert!(tokio::time::timeout(s(1), b.token()).await.is_err());
    b.broker.reload(config(&["home"])).await;
    assert_eq!(told(b.broker.lock().await), LOCKED, "the leaving account's refresh is kept first");
    assert_eq!(b.store.records.lock().unwrap()["work"].generation, 2);
    assert!(b.broker.inner.accounts.load().draining.is_empty(), "and the account is gone");
    b.broker.reload(config(&["home", "work"])).await;
    assert_eq!(b.broker.account("work").unwrap().state, AccountState::StoreUnavailable);
    b.holds_nothing();
    assert_eq!(b.unlock().await, UNLOCKED);
    assert_eq!(b.broker.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a2");
    assert_eq!(b.broker.account("home").unwrap().state, AccountState::SignedOut);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_starts_locked_waits_for_its_key() {
    let b = Bench::logged_in("work").await;
    b.store.locked.store(true, Ordering::SeqCst);
    let (_wake, jumps) = watch::channel(());
    let second = Broker::start(config(&["work"]), b.world.clone(), jumps, redirect_uri).await;
    let error = second.token("work", TokenQuery::default()).await.err().unwrap();
    assert_eq!(error, Error::StoreLocked);
    assert_eq!(told(second.unlock(UnlockRequest::default()).await), UNLOCKED);
    assert_eq!(second.token("work", TokenQuery::default()).await.ok().unwrap().access_token, "a1");
}

#[tokio::test(start_paused = true)]
async fn wrong_passphrases_back_off_exponentially_across_callers() {
    let b = Arc::new(Bench::logged_in("work").await);
    b.broker.lock().await.unwrap();
    for (number, waited, pause) in
        [(1, 0, 1), (2, 1, 2), (3, 2, 4), (4, 4, 8), (5, 8, 16), (6, 16, 32), (7, 32, 60), (8, 60, 60)]
    {
        let begun = b.clock.now();
        let error = b.try_passphrase("wrong").await.unwrap_err();
        assert_eq!(error, Error::WrongPassphrase { failures: number, pause: s(pause) });
        assert_eq!(begun.boot.until(b.clock.now().boot).as_secs(), waited, "{number}");
        assert_eq!(error.reply().retry_after, Some(pause));
        assert!(!format!("{error}{}", error.hint()).contains("\"wrong\""));
    }
    let waiting = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.try_passphrase("wrong").await }
    });
    tokio::time::sleep(s(1)).await;
    for _ in 0..100 {
        assert!(matches!(b.try_passphrase("right").await, Err(Error::Obstacle(_))), "one at a time");
    }
    assert_eq!(b.store.asked.load(Ordering::SeqCst), 8, "and no other passphrase was tried");
    assert_eq!(told(b.broker.lock().await), (StoreState::Locked, false), "a lock does not wait for the backoff");
    waiting.await.unwrap().unwrap_err();
    assert!(tokio::time::timeout(s(5), b.try_passphrase("wrong")).await.is_err());
    assert_eq!(told(b.try_passphrase("right").await), UNLOCKED);
    b.broker.lock().await.unwrap();
    let begun = b.clock.now();
    b.try_passphrase("wrong").await.unwrap_err();
    assert!(begun.boot.until(b.clock.now().boot) < s(1), "a correct passphrase resets the backoff");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_does_not_interrupt_a_lock() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(20);
    b.clock.suspend(s(4000));
    b.wake.send_replace(());
    tokio::time::sleep(s(1)).await;
    assert!(tokio::time::timeout(s(1), b.broker.lock()).await.is_err());
    tokio::time::sleep(s(30)).await;
    assert_eq!(b.broker.store_state(), StoreState::Locked);
    assert_eq!(b.unlock().await, UNLOCKED);
    assert_eq!(b.token().await, "a2");
}

#[tokio::test(start_paused = true)]
async fn the_store_locks_after_a_suspend_and_not_after_a_clock_change() {
    let b = Bench::logged_in("work").await;
    let watching = tokio::spawn(b.broker.clone().lock_after_sleep());
    let state_after_wake = async || {
        tokio::time::sleep(Duration::from_millis(10)).await;
        b.wake.send_replace(());
        tokio::time::sleep(Duration::from_millis(10)).await;
        b.broker.store_state()
    };
    b.clock.jump_wall(3_600_000);
    assert_eq!(state_after_wake().await, StoreState::Unlocked);
    for _ in 0..2 {
        b.clock.suspend(s(60));
        assert_eq!(state_after_wake().await, StoreState::Locked);
        b.unlock().await;
        assert_eq!(state_after_wake().await, StoreState::Unlocked, "locked once per suspend");
    }
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn an_idle_store_locks_and_one_in_use_does_not() {
    let b = Bench::logged_in("work").await;
    *b.provider.life.lock().unwrap() = s(86400);
    b.broker.refresh("work").await.unwrap();
    let idle = tokio::spawn(b.broker.clone().lock_after_idle(s(600)));
    for _ in 0..20 {
        tokio::time::sleep(s(500)).await;
        assert_eq!(b.token().await, "a2");
    }
    tokio::time::sleep(s(599)).await;
    assert_eq!(b.broker.store_state(), StoreState::Unlocked);
    b.broker.account("work").unwrap();
    tokio::time::sleep(s(2)).await;
    assert_eq!(b.broker.store_state(), StoreState::Locked, "reading the account's state does not count as use");
    b.unlock().await;
    tokio::time::sleep(s(590)).await;
    assert_eq!(b.broker.store_state(), StoreState::Unlocked, "the idle time starts at the unlock");
    b.clock.suspend(s(20));
    b.wake.send_replace(());
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(b.broker.store_state(), StoreState::Locked, "suspended time counts");
    idle.abort();
}
