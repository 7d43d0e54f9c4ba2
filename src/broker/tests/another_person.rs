//! A login as another person than before needs a confirmation; until then the old tokens stay in use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::broker::login::question::Answerer;
use crate::config::ClientIdSource;
use crate::contract::{ErrorCode, ImportRequest, LoginReply, LoginRequest, UnlockRequest, whose};
use crate::oauth::describe::DescribeEndpoint;

/// The token response to a login as `sub`, which is also the access token.
fn of(sub: &str, extra: Map<String, serde_json::Value>) -> RefreshOutcome {
    RefreshOutcome::Granted(Box::new(Grant {
        access_token: Some(AccessToken::new(sub)),
        refresh_token: Some(RefreshToken::new(format!("r-{sub}"))),
        scope: None,
        expires_in: Some(s(3600)),
        dpop_key: None,
        extra,
        flaws: Vec::new(),
    }))
}

fn id_token(sub: &str) -> Map<String, serde_json::Value> {
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"iss":"https://id.example","sub":"{sub}","name":"N"}}"#));
    json!({"id_token": format!("e30.{claims}.x")}).as_object().cloned().unwrap()
}

impl Bench {
    async fn log_in_as(&self, sub: &str) -> LoginReply {
        self.log_in_with(of(sub, id_token(sub))).await
    }

    async fn log_in_with(&self, granted: RefreshOutcome) -> LoginReply {
        self.log_in_to("work", granted).await
    }

    async fn log_in_to(&self, account: &str, granted: RefreshOutcome) -> LoginReply {
        let started = self.broker.start_login(account, LoginVia::CallerBrowser).await.unwrap();
        self.answer_with(granted, started.start_url.as_deref().unwrap()).await;
        self.look(&started.login_id).await
    }

    async fn answer_with(&self, granted: RefreshOutcome, start_url: &str) {
        self.script([granted]);
        let answer = self.browse(start_url, "code=c").await;
        self.broker.callback(answer).await.unwrap();
    }

    async fn look(&self, id: &str) -> LoginReply {
        self.broker.login(id, s(0)).await.unwrap()
    }

    fn revoked(&self) -> usize {
        self.provider.revoked.load(Ordering::SeqCst)
    }
}

fn asks(login: &LoginReply) -> String {
    let confirm = login.confirm.as_ref().map(|confirm| (whose(&confirm.current), whose(&confirm.new)));
    let short =
        |text: Option<String>| text.unwrap_or_default().replace("name N, ", "").replace(", iss https://id.example", "");
    confirm.map_or_else(|| "nothing".into(), |(current, new)| format!("{} or {}", short(current), short(new)))
}

/// `ann` is logged in, and a login as `eve` waits for the confirmation.
async fn asking() -> (Bench, LoginReply) {
    let b = Bench::new(&["work"]).await;
    assert_eq!(b.log_in_as("ann").await.status, LoginStatus::Succeeded);
    let login = b.log_in_as("eve").await;
    assert_eq!((login.status, asks(&login).as_str()), (LoginStatus::Pending, "sub ann or sub eve"));
    (b, login)
}

#[tokio::test(start_paused = true)]
async fn until_confirmed_the_old_tokens_are_served_and_refreshed_and_then_replaced() {
    let (b, login) = asking().await;
    assert_eq!((b.token().await.as_str(), b.revoked()), ("ann", 0));
    let account = b.broker.account("work").unwrap();
    assert_eq!((account.login_pending.as_ref(), account.login_confirm), (Some(&login.login_id), login.confirm));
    b.script([of("ann-2", id_token("ann"))]);
    b.broker.refresh("work").await.unwrap();
    assert_eq!(b.token().await, "ann-2");
    let told = b.broker.login_or_question(&login.login_id, s(3600), None).await.unwrap();
    assert_eq!(told.status, LoginStatus::Pending, "a waiting caller learns of the question at once");
    let end = b.broker.answer_login(&login.login_id, true, Answerer::Program).await.unwrap();
    assert_eq!((end.status, end.confirm.is_none()), (LoginStatus::Succeeded, true));
    assert_eq!(
        (end.identity["sub"].as_str(), end.replaced.replaced_identity["sub"].as_str()),
        (Some("eve"), Some("ann"))
    );
    let account = b.broker.account("work").unwrap();
    assert_eq!((account.login_pending, account.login_confirm), (None, None));
    tokio::time::sleep(s(60)).await;
    assert_eq!((b.token().await.as_str(), b.revoked()), ("eve", 0));
}

#[tokio::test(start_paused = true)]
async fn without_confirmation_the_new_grant_is_revoked_and_the_old_one_stays() {
    for (what, why, token, revoked) in [
        ("no", "the answer was to keep the account as it is", "ann", 1),
        ("silence", "nobody answered in time", "ann", 1),
        ("sleep", "nobody answered in time", "ann", 1),
        ("lock", "the token store was locked meanwhile", "ann", 1),
        ("removed", "the account is no longer in the config", "login_required", 1),
        ("changed", "the config changed while the login was pending", "login_required", 1),
        ("stop", "the daemon is stopping", "ann", 1),
        ("logout", "the account was logged out meanwhile", "login_required", 2),
    ] {
        let (b, login) = asking().await;
        let life = config(&["work"]).serve.login_timeout;
        match what {
            "no" => _ = b.broker.answer_login(&login.login_id, false, Answerer::Program).await.unwrap(),
            "silence" => tokio::time::sleep(life + s(1)).await,
            "sleep" => {
                b.clock.suspend(life + s(1));
                // Too late, but before the broker has noticed.
                let late = b.broker.answer_login(&login.login_id, true, Answerer::Program).await;
                assert!(matches!(late, Err(Error::Obstacle(_))), "{late:?}");
                _ = b.wake.send(());
                tokio::time::sleep(s(10)).await;
            }
            "lock" => {
                b.broker.lock().await.unwrap();
                b.broker.unlock(UnlockRequest::default()).await.unwrap();
            }
            "removed" => b.broker.reload(config(&["other"])).await,
            "changed" => {
                b.broker.reload(edited(|account| account.client_id = ClientIdSource::Written("d".into()))).await;
            }
            "stop" => b.broker.shut_down(s(5)).await,
            _ => _ = b.broker.logout("work").await.unwrap(),
        }
        tokio::time::sleep(s(1)).await;
        let end = b.look(&login.login_id).await;
        let failure = end.failure.as_ref().unwrap_or_else(|| panic!("{what}: {end:?}"));
        assert_eq!(
            (end.status, failure.error, end.confirm.is_none()),
            (LoginStatus::Failed, ErrorCode::LoginFailed, true)
        );
        let told = &failure.error_description;
        assert!(
            told.contains(why) && told.contains("stays logged in as") && told.contains("sub ann"),
            "{what}: {told}"
        );
        assert_eq!(b.revoked(), revoked, "{what}");
        let got = b.token().await;
        assert_eq!(got, token, "{what}");
        // Answering works once, whatever the answer.
        for replace in [true, false] {
            let again = b.broker.answer_login(&login.login_id, replace, Answerer::Program).await;
            assert!(again.is_err(), "{what}");
        }
        assert_eq!(b.token().await, got, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_confirmation_timeout_starts_at_the_question() {
    let b = Bench::new(&["work"]).await;
    b.log_in_as("ann").await;
    let life = config(&["work"]).serve.login_timeout;
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    tokio::time::sleep(s(10)).await;
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    tokio::time::sleep(life.saturating_sub(s(20))).await;
    b.script([of("eve", id_token("eve"))]);
    b.broker.callback(answer).await.unwrap();
    tokio::time::sleep(life.saturating_sub(s(10))).await;
    assert_eq!(asks(&b.look(&started.login_id).await), "sub ann or sub eve");
    tokio::time::sleep(s(11)).await;
    assert_eq!((b.look(&started.login_id).await.status, b.revoked()), (LoginStatus::Failed, 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_login_joins_the_question_and_can_confirm_it() {
    let (b, login) = asking().await;
    let joined = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    assert_eq!(
        (joined.joined, &joined.login_id, joined.start_url, &joined.confirm),
        (true, &login.login_id, None, &login.confirm)
    );
    assert_eq!(b.token().await, "ann");
    let request = LoginRequest { via: LoginVia::CallerBrowser, replace: true, ..LoginRequest::default() };
    let joined = b.broker.start_login_as("work", request).await.unwrap();
    assert_eq!((joined.login_id.as_str(), b.token().await.as_str()), (login.login_id.as_str(), "eve"));
    assert_eq!(b.look(&login.login_id).await.status, LoginStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_login_started_with_replace_is_not_asked() {
    for by_who_joined in [false, true] {
        let b = Bench::new(&["work"]).await;
        b.log_in_as("ann").await;
        let request = |replace| LoginRequest { via: LoginVia::CallerBrowser, replace, ..LoginRequest::default() };
        let started = b.broker.start_login_as("work", request(!by_who_joined)).await.unwrap();
        b.broker.start_login_as("work", request(by_who_joined)).await.unwrap();
        b.answer_with(of("eve", id_token("eve")), started.start_url.as_deref().unwrap()).await;
        let end = b.look(&started.login_id).await;
        assert_eq!((end.status, b.token().await.as_str(), b.revoked()), (LoginStatus::Succeeded, "eve", 0));
        assert_eq!(end.replaced.replaced_identity["sub"], "ann");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_or_an_unknown_identity_is_not_asked_about() {
    let nobody = Map::new;
    for (first, second, unknown) in [
        (id_token("ann"), id_token("ann"), false),
        (nobody(), id_token("ann"), true),
        (id_token("ann"), nobody(), true),
        (nobody(), nobody(), true),
    ] {
        let b = Bench::new(&["work"]).await;
        let end = b.log_in_with(of("one", first)).await;
        assert!(!end.replaced.identity_unknown, "the first login replaces nothing");
        let end = b.log_in_with(of("two", second)).await;
        assert_eq!((end.status, end.replaced.identity_unknown), (LoginStatus::Succeeded, unknown));
        assert_eq!((b.token().await.as_str(), b.revoked(), end.replaced.replaced_identity.len()), ("two", 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_that_needs_a_login_is_not_replaced_without_confirmation() {
    let b = Bench::new(&["work"]).await;
    b.log_in_as("ann").await;
    b.script([refused("invalid_grant")]);
    _ = b.broker.refresh("work").await;
    assert_eq!(b.broker.account("work").unwrap().state, AccountState::NeedsLogin);
    assert_eq!(asks(&b.log_in_as("eve").await), "sub ann or sub eve");
    // After a logout the account belongs to nobody.
    b.broker.logout("work").await.unwrap();
    assert_eq!(b.log_in_as("eve").await.status, LoginStatus::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn the_identity_outlives_refreshes_without_an_id_token() {
    let b = Bench::new(&["work"]).await;
    b.log_in_as("ann").await;
    b.script([of("ann-2", Map::new())]);
    b.broker.refresh("work").await.unwrap();
    assert_eq!(b.broker.account("work").unwrap().identity["sub"], "ann");
    assert_eq!(asks(&b.log_in_as("eve").await), "sub ann or sub eve");
    b.broker.logout("work").await.unwrap();
    b.log_in_as("ann").await;
    b.script([of("ann-2", Map::new()), of("mallory", id_token("mallory"))]);
    b.broker.refresh("work").await.unwrap();
    tokio::time::sleep(s(5)).await;
    assert!(b.broker.refresh("work").await.is_err(), "a later refresh returns another identity's tokens");
    assert_eq!(b.token().await, "ann-2");
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_is_valid_only_for_the_identity_that_was_shown() {
    let (b, login) = asking().await;
    let import = ImportRequest {
        access_token: None,
        refresh_token: Some("brought".into()),
        replace: true,
        give_up_refresh: false,
    };
    b.script([of("bob", id_token("bob"))]);
    let imported = b.broker.import("work", import).await.unwrap();
    assert_eq!((imported.replaced.replaced_identity["sub"].as_str(), b.token().await.as_str()), (Some("ann"), "bob"));
    let again = b.broker.answer_login(&login.login_id, true, Answerer::Program).await.unwrap();
    assert_eq!(
        (again.status, asks(&again).as_str(), b.token().await.as_str()),
        (LoginStatus::Pending, "sub bob or sub eve", "bob")
    );
    let end = b.broker.answer_login(&login.login_id, true, Answerer::Program).await.unwrap();
    assert_eq!((end.status, b.token().await.as_str()), (LoginStatus::Succeeded, "eve"));
}

#[tokio::test(start_paused = true)]
async fn an_import_of_another_persons_token_needs_a_confirmation_too() {
    for (rotated, replace) in [(true, true), (true, false), (false, false)] {
        let b = Bench::new(&["work"]).await;
        b.log_in_as("ann").await;
        let brought = if rotated { "brought" } else { "r-eve" };
        let import =
            ImportRequest { access_token: None, refresh_token: Some(brought.into()), ..ImportRequest::default() };
        b.script([of("eve", id_token("eve"))]);
        let reply = b.broker.import("work", import).await.unwrap_err().reply();
        assert_eq!((reply.error, b.token().await.as_str()), (ErrorCode::LoginFailed, "ann"));
        let id = reply.login_id.unwrap();
        assert_eq!(asks(&b.look(&id).await), "sub ann or sub eve");
        b.broker.answer_login(&id, replace, Answerer::Program).await.unwrap();
        tokio::time::sleep(s(1)).await;
        assert_eq!(b.token().await, if replace { "eve" } else { "ann" });
        // An imported token that did not rotate is still in use elsewhere: not revoked.
        assert_eq!(b.revoked(), usize::from(rotated && !replace), "{rotated} {replace}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_asked_for_the_identity_before_anything_is_replaced() {
    let described = |number: u64| Described {
        source: DescribeEndpoint::Details,
        active: true,
        scope: None,
        expires_at: None,
        identity: json!({"voip_id": number}).as_object().cloned().unwrap(),
        claims: Map::new(),
    };
    let b = Bench::with(|account| {
        Arc::make_mut(&mut account.dialect).endpoints.details = Some("https://id.example/d".parse().unwrap());
    })
    .await;
    let says = |said: Option<Described>| *b.provider.described.lock().unwrap() = said;
    says(Some(described(1)));
    b.log_in_with(of("one", Map::new())).await;
    assert_eq!(b.log_in_with(of("two", Map::new())).await.status, LoginStatus::Succeeded, "the same identity");
    says(Some(described(2)));
    let login = b.log_in_with(of("three", Map::new())).await;
    assert_eq!((asks(&login).as_str(), b.token().await.as_str()), ("voip_id 1 or voip_id 2", "two"));
    b.broker.answer_login(&login.login_id, false, Answerer::Program).await.unwrap();
    says(None);
    let end = b.log_in_with(of("four", Map::new())).await;
    assert_eq!(
        (end.status, end.replaced.identity_unknown),
        (LoginStatus::Succeeded, true),
        "the provider gives no identity"
    );
}

#[tokio::test(start_paused = true)]
async fn the_page_needs_its_cookie_and_csrf_token_and_the_cookie_is_issued_once() {
    let (b, login) = asking().await;
    let id = login.login_id.as_str();
    assert!(b.broker.question_form(id, vec![String::new()]).await.is_none());
    let cookie = b.broker.page_cookie(id).await.unwrap().value;
    assert!(b.broker.page_cookie(id).await.is_none(), "the cookie is issued once");
    assert!(b.broker.question_form(id, vec!["guessed".into()]).await.is_none());
    let token = b.broker.question_form(id, vec!["junk".into(), cookie.expose().into()]).await.unwrap();
    let page =
        |cookie: &str, form_token: &str| Answerer::Page { cookies: vec![cookie.into()], form_token: form_token.into() };
    for (with_cookie, with_token) in [
        ("", ""),
        (cookie.expose(), ""),
        ("", token.expose()),
        (token.expose(), cookie.expose()),
        (cookie.expose(), cookie.expose()),
    ] {
        for replace in [true, false] {
            let answered = b.broker.answer_login(id, replace, page(with_cookie, with_token)).await;
            assert!(matches!(answered, Err(Error::Forbidden { .. })), "{answered:?}");
        }
    }
    assert_eq!((asks(&b.look(id).await).as_str(), b.token().await.as_str()), ("sub ann or sub eve", "ann"));
    b.broker.answer_login(id, true, page(cookie.expose(), token.expose())).await.unwrap();
    assert_eq!(b.token().await, "eve");
}

/// Some providers issue the same tokens to a user each time, or revoke all tokens of a user and client together.
#[tokio::test(start_paused = true)]
async fn a_grant_that_another_account_may_share_is_not_revoked() {
    let none = Map::new;
    for (what, others, client, revoked) in [
        ("the same person's", of("eve-1", id_token("eve")), "c", 0),
        ("the same token", of("eve", none()), "c", 0),
        ("the same person's, by another client", of("eve-1", id_token("eve")), "d", 1),
        ("another person's", of("bob", id_token("bob")), "c", 1),
        ("of unknown identity", of("x", none()), "c", 1),
    ] {
        let mut config = config(&["work", "other"]);
        let other = Arc::make_mut(&mut config).accounts.get_mut("other").unwrap();
        Arc::make_mut(other).settings_mut().client_id = ClientIdSource::Written(client.into());
        let b = Bench::of(config, None).await;
        assert_eq!(b.log_in_to("other", others).await.status, LoginStatus::Succeeded, "{what}");
        assert_eq!(b.log_in_as("ann").await.status, LoginStatus::Succeeded, "{what}");
        let login = b.log_in_as("eve").await;
        assert_eq!(login.status, LoginStatus::Pending, "{what}");
        b.broker.answer_login(&login.login_id, false, Answerer::Program).await.unwrap();
        tokio::time::sleep(s(1)).await;
        assert_eq!(b.revoked(), revoked, "{what}");
    }
}
