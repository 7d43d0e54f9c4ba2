//! Setting the wall clock neither shortens nor extends any timeout that is held in memory.

use super::*;
use crate::oauth::grant::GrantType;

const JUMPS: [i64; 2] = [86_400_000, -86_400_000];

#[tokio::test(start_paused = true)]
async fn a_clock_jump_neither_rejects_a_callback_nor_changes_the_login_timeout() {
    for jump in JUMPS {
        let b = Bench::new(&["work"]).await;
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        b.clock.jump_wall(jump);
        let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
        b.clock.jump_wall(jump);
        tokio::time::sleep(s(1)).await;
        b.broker.callback(answer).await.unwrap();
        assert_eq!((b.ended(&started.login_id).await.as_str(), b.token().await.as_str()), ("", "a1"), "{jump}");
        let begun = b.clock.now();
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        b.clock.jump_wall(jump);
        assert_eq!(b.ended(&started.login_id).await, "nobody finished it in time", "{jump}");
        assert_eq!(begun.boot.until(b.clock.now().boot), s(600), "{jump}");
        b.clock.jump_wall(jump);
        tokio::time::sleep(s(590)).await;
        assert!(b.broker.outcome(&started.login_id).await.is_some(), "{jump}: its outcome can still be read");
    }
}

#[tokio::test(start_paused = true)]
async fn a_joined_login_gives_its_expiry_by_the_current_wall_clock() {
    for jump in JUMPS {
        let b = Bench::new(&["work"]).await;
        b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        b.clock.jump_wall(jump);
        tokio::time::sleep(s(100)).await;
        let joined = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        assert_eq!(joined.expires_at - b.clock.now().wall.unix_seconds(), 500, "{jump}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_jump_does_not_change_the_lifetime_of_a_device_code() {
    for (jump, answers, why) in [
        (JUMPS[0], 20, ""),
        (JUMPS[1], 20, ""),
        (JUMPS[0], 99, "the code has expired"),
        (JUMPS[1], 99, "the code has expired"),
    ] {
        let b = Bench::with(|account| account.grant = GrantType::DeviceCode).await;
        *b.provider.device.lock().unwrap() = Some(device_authorization());
        b.script((0..answers).map(|_| RefreshOutcome::Pending { slow_down: false }));
        let started = b.broker.start_login("work", LoginVia::Device).await.unwrap();
        tokio::time::sleep(s(7)).await;
        b.clock.jump_wall(jump);
        assert_eq!(b.ended(&started.login_id).await, why, "{jump} {answers}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_jump_does_not_change_a_callers_wait() {
    for jump in JUMPS {
        let b = Arc::new(Bench::new(&["work"]).await);
        let begun = b.clock.now();
        let waiting = tokio::spawn({
            let b = Arc::clone(&b);
            async move { b.token_within(Some(s(100))).await }
        });
        tokio::time::sleep(s(1)).await;
        b.clock.jump_wall(jump);
        b.wake.send_replace(());
        assert_eq!(waiting.await.unwrap(), "login_required", "{jump}");
        assert_eq!(begun.boot.until(b.clock.now().boot), s(100), "{jump}");
    }
}
