//! The authorization URL, and logins that have none.

use super::*;
use crate::oauth::dialect::Par;

fn pushing(account: &mut AccountSettings) {
    let dialect = Arc::make_mut(&mut account.dialect);
    dialect.par = Par::Always;
    dialect.endpoints.par = Some(url::Url::parse("https://id.example/par").unwrap());
}

#[tokio::test(start_paused = true)]
async fn each_browser_gets_its_own_pushed_request() {
    let b = Bench::with(pushing).await;
    let mut login = String::new();
    let mut last = None;
    for n in 1..3 {
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        assert_eq!(
            b.provider.pushed.lock().unwrap().len(),
            n - 1,
            "nothing is pushed before the browser opens the start URL"
        );
        let start = b.leave(started.start_url.as_deref().unwrap()).await;
        assert_eq!(start.authorize_url, format!("https://id.example/a?client_id=c&request_uri=urn%3A{n}"));
        (login, last) = (started.login_id, Some(start));
    }
    let start = last.unwrap();
    let pushed = b.provider.pushed.lock().unwrap().last().unwrap().clone();
    let state = pushed.iter().find(|(name, _)| name == "state").unwrap().clone();
    let answer = CallbackRequest {
        arrived_on: "http://127.0.0.1:7464/callback/p".into(),
        parameters: vec![("code".into(), "c".into()), state].into(),
        in_fragment: false,
        cookies: vec![(start.cookie_name, start.cookie_value.expose().to_owned())],
    };
    b.broker.callback(answer).await.unwrap();
    assert_eq!(b.ended(&login).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_login_without_an_authorization_url_ends_with_the_reason() {
    type Edit = fn(&mut AccountSettings);
    let no_endpoint: Edit = |account| Arc::make_mut(&mut account.dialect).endpoints.authorize = None;
    let not_pushed: Edit = |account| Arc::make_mut(&mut account.dialect).par = Par::Always;
    for (edit, why) in [
        (no_endpoint, "the provider has no authorization endpoint (`authorize_url`)"),
        (not_pushed, "the provider refused the authorization request: it has no endpoint for that"),
    ] {
        let b = Bench::with(edit).await;
        let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
        let ticket = started.start_url.as_deref().unwrap().rsplit('/').next().unwrap();
        let Ok(StartRedirect::Over(id)) = b.broker.open_ticket(ticket).await else { panic!("{why}") };
        assert_eq!((&id, b.ended(&id).await.as_str()), (&started.login_id, why));
        let by_hand = b.broker.start_login("work", LoginVia::Paste).await.unwrap_err();
        assert_eq!(by_hand.to_string(), format!("the login to `work` failed: {why}"));
        assert!(b.broker.outcome(&id).await.is_some());
        assert_eq!(b.broker.account("work").unwrap().login_pending, None);
    }
}
