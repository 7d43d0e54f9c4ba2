//! Browser logins, and logouts.

use super::*;
use crate::broker::events::Received;
use crate::contract::EventKind;
use crate::oauth::dialect::IssPolicy;

#[tokio::test(start_paused = true)]
async fn a_login_is_joined_and_times_out() {
    let b = Bench::new(&["work"]).await;
    let first = b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
    let second = b.broker.start_login("default", LoginVia::DaemonBrowser).await.unwrap();
    assert_eq!((first.joined, second.joined, first.login_id == second.login_id), (false, true, true));
    assert!(b.broker.expects_callback("/callback/p") && !b.broker.expects_callback("/callback/q"));
    assert_eq!(b.broker.account("work").unwrap().login_pending, Some(first.login_id.clone()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(b.tabs.0.lock().unwrap().len(), 1, "one tab");
    let over = b.broker.login(&first.login_id, s(3600)).await.unwrap();
    assert_eq!(
        (over.status, over.failure.unwrap().error),
        (LoginStatus::Failed, crate::contract::ErrorCode::LoginFailed)
    );
    assert!(!b.broker.expects_callback("/callback/p"));
    assert_eq!(b.broker.account("work").unwrap().login_pending, None);
    tokio::time::sleep(s(601)).await;
    assert!(matches!(b.broker.login(&first.login_id, s(0)).await, Err(Error::Missing(_))), "forgotten");
}

#[tokio::test(start_paused = true)]
async fn the_daemon_opens_a_login_with_the_accounts_own_browser() {
    let firefox = ["firefox", "-P", "work"].map(str::to_owned).to_vec();
    for browser in [None, Some(firefox)] {
        let b = Bench::with(|account| account.keys.browser.clone_from(&browser)).await;
        b.broker.start_login("work", LoginVia::DaemonBrowser).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(*b.tabs.0.lock().unwrap(), [browser.unwrap_or_default()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_fails_says_why_and_a_new_one_can_follow() {
    let b = Bench::logged_in("work").await;
    for (answer, scripted, why) in [
        ("error=access_denied", None, "access was denied at the provider"),
        (
            "error=invalid_request&error_description=PKCE+is+not+supported",
            None,
            "the provider said invalid_request (PKCE is not supported); it seems not to support PKCE: if its \
             documentation says so, set `pkce = \"off\"` in `[providers.p]`",
        ),
        ("error=access_denied&error_description=no", None, "access was denied at the provider (no)"),
        ("code=c", Some(RefreshOutcome::Lost { why: "cut".into() }), "cut"),
        ("code=c", Some(refused("invalid_grant")), "the provider refused the code: invalid_grant"),
    ] {
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        b.script(scripted);
        let request = b.browse(started.start_url.as_deref().unwrap(), answer).await;
        let id = b.broker.callback(request).await.unwrap();
        let outcome = b.broker.outcome(&id).await.unwrap().failure.unwrap();
        assert_eq!(outcome.error_description, format!("the login to `work` failed: {why}"));
        assert_eq!(b.token().await, "a1", "the old token is still served");
    }
    assert_eq!(b.log_in("work").await, LoginStatus::Succeeded);
    assert_ne!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn a_callback_without_a_required_issuer_reports_the_providers_error_and_the_setting() {
    for (answer, said, code) in [
        ("code=c", "", None),
        ("error=login_required", " (its error: login_required)", Some("login_required")),
        ("error=x&error_description=no+such+scope", " (its error: x (no such scope))", Some("x")),
    ] {
        let b = Bench::with(|account| Arc::make_mut(&mut account.dialect).iss = IssPolicy::Required).await;
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        let request = b.browse(started.start_url.as_deref().unwrap(), answer).await;
        let id = b.broker.callback(request).await.unwrap();
        let failure = b.broker.outcome(&id).await.unwrap().failure.unwrap();
        let expected = format!(
            "the login to `work` failed: the answer{said} does not say which provider it is from (iss); if `p` omits it, \
             set `iss_required = false` in `[providers.p]`"
        );
        assert_eq!((failure.error_description, failure.provider_error.as_deref()), (expected, code));
        assert_eq!(b.requests(), 0, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_callback_changes_nothing() {
    let b = Bench::new(&["work"]).await;
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let good = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let wrong_state = CallbackRequest {
        parameters: vec![("code".into(), "c".into()), ("state".into(), "x".into())].into(),
        ..good.clone()
    };
    let no_state = CallbackRequest { parameters: vec![("code".into(), "c".into())].into(), ..good.clone() };
    let no_cookie = CallbackRequest { cookies: vec![], ..good.clone() };
    let elsewhere = CallbackRequest { arrived_on: "http://127.0.0.1:7464/callback/q".into(), ..wrong_state.clone() };
    let notice = async || b.broker.login(&started.login_id, s(0)).await.unwrap().notice.unwrap_or_default();
    assert_eq!(b.broker.callback(elsewhere).await.unwrap_err(), CallbackRejected::UnknownState);
    assert_eq!(notice().await, "", "it arrived at another login's redirect URI");
    for (request, rejected, told) in [
        (wrong_state, CallbackRejected::UnknownState, "with the `state` of another login"),
        (no_state, CallbackRejected::NoState, "without the `state`"),
        (no_cookie, CallbackRejected::OtherBrowser, "did not send its cookie"),
    ] {
        assert_eq!(b.broker.callback(request).await.unwrap_err(), rejected);
        assert!(notice().await.contains(told), "{told}");
    }
    assert_eq!(b.broker.login(&started.login_id, s(0)).await.unwrap().status, LoginStatus::Pending);
    b.broker.callback(good).await.unwrap();
    assert_eq!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_caller_is_notified_of_a_rejected_callback_once() {
    let b = Arc::new(Bench::new(&["work"]).await);
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let waiting = tokio::spawn({
        let (b, id) = (Arc::clone(&b), started.login_id.clone());
        async move { (b.broker.login(&id, s(60)).await.unwrap(), b.clock.now().boot) }
    });
    tokio::time::sleep(s(1)).await;
    let (begun, uri) = (b.clock.now().boot, "http://127.0.0.1:7464/callback/p");
    b.broker.tell_waiting(uri, "something").await;
    let (reply, at) = waiting.await.unwrap();
    assert_eq!((reply.notice.as_deref(), reply.status, at), (Some("something"), LoginStatus::Pending, begun));
    let still = b.broker.login(&started.login_id, s(60)).await.unwrap();
    assert_eq!((still.notice.as_deref(), b.clock.now().boot), (Some("something"), begun.plus(s(60))), "it waited");
    b.broker.tell_waiting(uri, "something").await;
    b.broker.tell_waiting(uri, "more").await;
    for (seen, waited, why) in [
        (Some(1), 0, "a notice that came between two requests is not missed"),
        (Some(2), 60, "all are known"),
        (None, 60, "a caller that does not say what it has seen is told of later ones"),
    ] {
        let asked = b.clock.now().boot;
        let reply = b.broker.login_or_question(&started.login_id, s(60), seen).await.unwrap();
        assert_eq!(
            (reply.notices.join(", ").as_str(), asked.until(b.clock.now().boot)),
            ("something, more", s(waited)),
            "{why}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_login_says_whether_an_earlier_login_is_still_in_use() {
    for (b, earlier) in [(Bench::logged_in("work").await, true), (Bench::new(&["work"]).await, false)] {
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        let request = b.browse(started.start_url.as_deref().unwrap(), "error=access_denied").await;
        let id = b.broker.callback(request.clone()).await.unwrap();
        assert_eq!(b.broker.login(&id, s(0)).await.unwrap().earlier_login, earlier);
        assert_eq!(
            b.broker.callback(request).await.unwrap_err(),
            CallbackRejected::Over(id),
            "the callback arrived twice"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unusable_callback_fails_the_login_with_the_reason() {
    let b = Bench::new(&["work"]).await;
    for (answer, why) in [
        (
            "code=c&error=e",
            "has both an `error` and a `code` or token: if this happens again, the provider is at fault",
        ),
        ("scope=a", "has neither a `code` nor an `error`: if this happens again, the provider is at fault"),
        (
            "access_token=t",
            "has a token where none is allowed: check the account's `grant` and the provider's `authorize_url`",
        ),
    ] {
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        let request = b.browse(started.start_url.as_deref().unwrap(), answer).await;
        b.broker.callback(request).await.unwrap();
        let failure = b.broker.login(&started.login_id, s(0)).await.unwrap().failure.unwrap();
        assert_eq!(failure.error_description, format!("the login to `work` failed: the provider's answer {why}"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_redirect_path_is_a_callback_whether_or_not_a_login_is_pending() {
    let b = Bench::with(|account| account.redirect_uri = Some("http://localhost:8400/own/path".into())).await;
    assert!(b.broker.is_callback("/own/path") && !b.broker.expects_callback("/own/path"));
    assert!(!b.broker.is_callback("/callback/p") && !b.broker.is_callback("/own/path/"));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_url_pasted_from_another_machine_completes_the_login() {
    let b = Bench::new(&["work"]).await;
    let started = b.broker.start_login("work", LoginVia::Paste).await.unwrap();
    let state = url::Url::parse(started.start_url.as_deref().unwrap())
        .unwrap()
        .query_pairs()
        .find(|(n, _)| n == "state")
        .unwrap()
        .1
        .into_owned();
    for wrong in ["", "hello", "http://127.0.0.1:7464/callback/p?code=c&state=x", "http://127.0.0.1:7464/callback/p"] {
        assert!(matches!(b.broker.paste(&started.login_id, wrong).await, Err(Error::Obstacle(_))), "{wrong}");
    }
    let good = format!(" http://127.0.0.1:7464/callback/p?code=c&state={state}\n");
    assert_eq!(b.broker.paste(&started.login_id, &good).await.unwrap().status, LoginStatus::Succeeded);
    assert_eq!(b.token().await, "a1");
}

#[tokio::test(start_paused = true)]
async fn a_logout_revokes_and_forgets() {
    let b = Bench::logged_in("work").await;
    let reply = b.broker.logout("work").await.unwrap();
    assert_eq!((reply.outcome, b.provider.revoked.load(Ordering::SeqCst)), (LogoutOutcome::RevokedAtProvider, 1));
    assert_eq!(
        (b.token().await, b.broker.account("work").unwrap().state),
        ("login_required".into(), AccountState::SignedOut)
    );
    assert_eq!(b.broker.logout("work").await.unwrap().outcome, LogoutOutcome::NothingStored);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_a_login_finish_and_starts_no_refresh() {
    let b = Arc::new(Bench::logged_in("work").await);
    *b.provider.latency.lock().unwrap() = Duration::from_millis(500);
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let login = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.broker.callback(answer).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    b.clock.suspend(s(4000));
    b.broker.shut_down(Duration::from_millis(1500)).await;
    login.await.unwrap().unwrap();
    let outcome = b.broker.outcome(&started.login_id).await.unwrap();
    assert_eq!((outcome.status, b.requests()), (LoginStatus::Succeeded, 2), "the login's request and no refresh");
}

#[tokio::test(start_paused = true)]
async fn a_logout_ends_the_pending_login() {
    let b = Bench::logged_in("work").await;
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    b.broker.logout("work").await.unwrap();
    assert_eq!(b.broker.login(&started.login_id, s(0)).await.unwrap().status, LoginStatus::Failed);
    assert_eq!(b.broker.callback(answer).await.unwrap_err(), CallbackRejected::Over(started.login_id));
}

#[tokio::test(start_paused = true)]
async fn a_redirect_url_pasted_into_the_wrong_login_changes_nothing() {
    let b = Bench::new(&["work", "home"]).await;
    let work = b.broker.start_login("work", LoginVia::Paste).await.unwrap();
    let home = b.broker.start_login("home", LoginVia::Paste).await.unwrap();
    let state = url::Url::parse(work.start_url.as_deref().unwrap()).unwrap();
    let state = state.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
    let address = format!("http://127.0.0.1:7464/callback/p?code=c&state={state}");
    assert!(matches!(b.broker.paste(&home.login_id, &address).await, Err(Error::Obstacle(_))));
    assert_eq!(b.broker.paste(&work.login_id, &address).await.unwrap().status, LoginStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_needed_login_is_announced_once_and_then_repeated_until_a_login() {
    let b = Bench::with(|account| account.keys.remind_after = s(6 * 3600)).await;
    b.log_in("work").await;
    let mut heard = b.broker.listen();
    b.script([refused("invalid_grant")]);
    _ = b.broker.refresh("work").await;
    let begun = b.clock.now();
    let mut told = Vec::new();
    while let Ok(Some(Received::Event(event))) = tokio::time::timeout(s(20 * 3600), heard.next()).await {
        told.push((event.event, begun.until(b.clock.now()).as_secs() / 3600));
        if told.len() == 4 {
            b.log_in("work").await;
            b.broker.logout("work").await.unwrap();
        }
    }
    let needed = [0, 6, 12, 18].map(|hours| (EventKind::LoginNeeded, hours));
    assert_eq!(told, [&needed[..], &[(EventKind::LoggedIn, 18), (EventKind::LoggedOut, 18)]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_needed_login_is_not_announced_again_after_an_unlock() {
    let b = Bench::logged_in("work").await;
    b.script([refused("invalid_grant")]);
    _ = b.broker.refresh("work").await;
    let mut heard = b.broker.listen();
    b.broker.lock().await.unwrap();
    b.broker.unlock(crate::contract::UnlockRequest::default()).await.unwrap();
    assert_eq!(b.broker.account("work").unwrap().state, AccountState::NeedsLogin);
    assert!(tokio::time::timeout(s(3600), heard.next()).await.is_err());
    let reminded = tokio::time::timeout(s(24 * 3600), heard.next()).await.unwrap();
    assert!(
        matches!(reminded, Some(Received::Event(event)) if event.event == EventKind::LoginNeeded),
        "except for a reminder"
    );
}
