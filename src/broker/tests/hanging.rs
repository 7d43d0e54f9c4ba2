//! The provider's host hangs: lock, stop and reload do not wait for it.

use super::*;
use crate::contract::UnlockRequest;

/// `accounts` accounts whose refresh waits for the hanging host, each with waiting callers.
async fn hanging(accounts: usize) -> Arc<Bench> {
    let (b, names) = Bench::crowded(accounts).await;
    let b = Arc::new(b);
    b.provider.hangs.store(true, Ordering::SeqCst);
    tokio::time::sleep(s(3500)).await;
    for name in names {
        let broker = b.broker.clone();
        tokio::spawn(async move { broker.refresh(&name).await });
    }
    tokio::time::sleep(s(5)).await;
    b
}

impl Bench {
    async fn time_of(&self, work: impl Future) -> Duration {
        let begun = self.clock.now();
        work.await;
        begun.until(self.clock.now())
    }
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_immediate_and_unsent_refreshes_follow_after_the_unlock() {
    for accounts in [24, 300] {
        let b = hanging(accounts).await;
        let before = b.requests();
        assert!(b.time_of(b.broker.lock()).await < s(1), "{accounts}");
        tokio::time::sleep(s(100)).await;
        assert_eq!(b.requests(), before, "{accounts}: nothing is sent");
        b.provider.hangs.store(false, Ordering::SeqCst);
        b.broker.unlock(UnlockRequest::default()).await.unwrap();
        tokio::time::sleep(s(60)).await;
        assert_eq!(b.requests(), before + accounts, "{accounts}");
        assert!(b.broker.accounts().iter().all(|account| account.last_error.is_none()), "{accounts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_immediate() {
    for accounts in [24, 300] {
        let b = hanging(accounts).await;
        assert!(b.time_of(b.broker.shut_down(s(30))).await < s(1), "{accounts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_immediate_even_with_more_callers_than_the_queue_holds() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = s(14);
    tokio::time::sleep(s(3500)).await;
    for _ in 0..200 {
        let b = Arc::clone(&b);
        tokio::spawn(async move { b.broker.rejected("work").await });
    }
    tokio::time::sleep(s(1)).await;
    assert!(b.time_of(b.broker.reload(config(&["work", "other"]))).await < s(1));
    assert!(b.time_of(b.broker.reload(config(&["other"]))).await < s(1));
}

#[tokio::test(start_paused = true)]
async fn a_lock_waits_neither_for_a_logout_nor_for_client_credentials() {
    let b = Arc::new(Bench::logged_in("work").await);
    b.provider.hangs.store(true, Ordering::SeqCst);
    let logout = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.broker.logout("work").await }
    });
    tokio::time::sleep(s(1)).await;
    assert!(b.time_of(b.broker.lock()).await < s(1));
    let reply = logout.await.unwrap().unwrap();
    assert_eq!(reply.outcome, LogoutOutcome::DeletedHereOnly);
    assert!(reply.detail.contains("the store is being locked"), "{}", reply.detail);
    let b = Bench::with(|account| account.grant = crate::oauth::grant::GrantType::ClientCredentials).await;
    tokio::time::sleep(s(1)).await;
    *b.provider.latency.lock().unwrap() = s(14);
    tokio::time::sleep(s(3200)).await;
    assert!(b.time_of(b.broker.lock()).await < s(1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_is_retried_at_once_after_a_reload() {
    let b = Bench::logged_in("work").await;
    tokio::time::sleep(s(60)).await;
    b.script([RefreshOutcome::Refused(Refusal {
        code: "invalid_client".into(),
        description: String::new(),
        blame: RefusalSubject::Client,
    })]);
    b.broker.refresh("work").await.unwrap_err();
    assert_eq!(b.broker.account("work").unwrap().last_error.unwrap().error.row().name, "provider_refused");
    let before = b.requests();
    // The config text is unchanged, but a file or a command that it names may give another secret.
    b.broker.reload(config(&["work"])).await;
    tokio::time::sleep(s(1)).await;
    assert_eq!(b.requests(), before + 1);
    assert!(b.broker.account("work").unwrap().last_error.is_none());
    b.broker.reload(config(&["work"])).await;
    tokio::time::sleep(s(1)).await;
    assert_eq!(b.requests(), before + 1, "a reload alone sends no request");
}
