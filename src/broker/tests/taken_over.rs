//! Downscoped tokens, imported tokens, and token info from the provider.

use serde_json::{Value, json};

use super::*;
use crate::contract::{ExpiryWord, ImportRequest};
use crate::oauth::describe::DescribeEndpoint;
use crate::oauth::dialect::Narrowing;
use crate::oauth::grant::GrantType;

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other}"),
    }
}

fn described(active: bool) -> Described {
    Described {
        source: DescribeEndpoint::Introspection,
        active,
        scope: Some("a".into()),
        expires_at: Some(Wall(1_700_000_600_000)),
        identity: members(json!({"sub": "ann", "account": "another"})),
        claims: members(json!({"sub": "ann", "echo": "a1", "deep": [{"echo": "a1", "n": 1}, "a1"]})),
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_callers_for_the_same_scope_make_one_request() {
    let b = Bench::with(|account| Arc::make_mut(&mut account.dialect).narrow = Narrowing::Scope).await;
    b.log_in("work").await;
    *b.provider.latency.lock().unwrap() = s(2);
    let b = Arc::new(b);
    let callers: Vec<_> = (0..50)
        .map(|n| {
            let b = Arc::clone(&b);
            let scope: &[&str] = if n % 2 == 0 { &["x", "y"] } else { &["y", "x", "y"] };
            let target = Target { scope: scope.iter().map(|s| (*s).to_owned()).collect(), ..Target::default() };
            let query = TokenQuery { target: Some(target), wait: Some(s(10)), min_ttl: None, proves_key: false };
            tokio::spawn(async move { b.broker.token("work", query).await.ok().unwrap().access_token })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "a2");
    }
    assert_eq!(b.trades(), ["code c", "refresh r1 x y"]);
    assert_eq!(b.token().await, "a1", "the full-scope token is separate");
}

#[tokio::test(start_paused = true)]
async fn a_logout_during_the_exchange_wins() {
    let b = Arc::new(Bench::new(&["work"]).await);
    *b.provider.latency.lock().unwrap() = s(2);
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let answer = b.browse(started.start_url.as_deref().unwrap(), "code=c").await;
    let login = tokio::spawn({
        let b = Arc::clone(&b);
        async move { b.broker.callback(answer).await }
    });
    tokio::time::sleep(s(1)).await;
    b.broker.logout("work").await.unwrap();
    login.await.unwrap().unwrap();
    assert_eq!(b.ended(&started.login_id).await, "the account was logged out meanwhile");
    assert_eq!(b.token().await, "login_required");
    assert!(!b.store.records.lock().unwrap().contains_key("work"));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_imported_only_if_the_provider_confirms_it() {
    let access =
        || ImportRequest { access_token: Some("mine".into()), refresh_token: None, ..ImportRequest::default() };
    let refresh =
        || ImportRequest { refresh_token: Some("mine".into()), access_token: None, ..ImportRequest::default() };
    let both = || ImportRequest {
        refresh_token: Some("mine".into()),
        access_token: Some("mine".into()),
        ..ImportRequest::default()
    };
    let not = "the token was not imported into `work`: ";
    for (request, known, answer, expected) in [
        (access(), Some(true), None, Ok("mine")),
        (
            access(),
            Some(false),
            None,
            Err(format!("{not}according to the provider's introspection (RFC 7662), it is not active")),
        ),
        (
            access(),
            None,
            None,
            Err(format!("{not}it can't be checked, since it tells nothing of tokens; import a refresh token instead")),
        ),
        (refresh(), None, None, Ok("a1")),
        (
            refresh(),
            None,
            Some(refused("invalid_grant")),
            Err(format!("{not}the provider refused the refresh token: invalid_grant")),
        ),
        (both(), None, None, Err("one of `access_token` and `refresh_token` has to be given".into())),
    ] {
        let b = Bench::new(&["work"]).await;
        *b.provider.described.lock().unwrap() = known.map(described);
        b.script(answer);
        let imported = b.broker.import("work", request).await;
        match expected {
            Ok(token) => assert_eq!((imported.unwrap().account.generation, b.token().await.as_str()), (1, token)),
            Err(why) => {
                assert_eq!(imported.unwrap_err().to_string(), why);
                assert_eq!(b.token().await, "login_required");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replacing_a_refreshable_login_by_an_access_token_needs_a_confirmation() {
    let import = |replace, give_up_refresh| ImportRequest {
        access_token: Some("mine".into()),
        refresh_token: None,
        replace,
        give_up_refresh,
    };
    let keeps = Err(Error::LosesRefresh { account: "work".into() });
    for (what, refresh_token, reacquire, replace, give_up, expected) in [
        ("a login that can be refreshed", Some("r1"), false, false, false, keeps),
        ("the same, with a yes to that", Some("r1"), false, false, true, Ok(())),
        ("the same, with a yes to all", Some("r1"), false, true, false, Ok(())),
        ("a login that can't be refreshed", None, false, false, false, Ok(())),
        ("an account that needs no user", None, true, false, false, Ok(())),
    ] {
        let b = Bench::with(|account| {
            if reacquire {
                account.grant = GrantType::ClientCredentials;
            }
        })
        .await;
        if !reacquire {
            let refresh_token = refresh_token.map(RefreshToken::new);
            b.script([RefreshOutcome::Granted(Box::new(Grant { refresh_token, ..b.provider.grant(1) }))]);
            b.log_in("work").await;
        }
        *b.provider.described.lock().unwrap() = Some(described(true));
        let got = b.broker.import("work", import(replace, give_up)).await.map(drop);
        assert_eq!(got, expected, "{what}");
        let view = b.broker.account("work").unwrap();
        assert_eq!(b.token().await, if expected.is_ok() { "mine" } else { "a1" }, "{what}");
        assert_eq!(view.refreshable, expected.is_err() || reacquire, "{what}");
    }
    // With a refused refresh token there is nothing to lose.
    let b = Bench::logged_in("work").await;
    b.script([refused("invalid_grant")]);
    tokio::time::sleep(s(3090)).await;
    *b.provider.described.lock().unwrap() = Some(described(true));
    b.broker.import("work", import(false, false)).await.unwrap();
    assert_eq!(b.token().await, "mine");
    // Importing a refresh token loses nothing either.
    let b = Bench::logged_in("work").await;
    let refresh = ImportRequest { refresh_token: Some("mine".into()), ..ImportRequest::default() };
    b.broker.import("work", refresh).await.unwrap();
    assert_eq!(b.token().await, "a2");
}

/// A permanent token: the provider gives its identity and no expiry.
#[tokio::test(start_paused = true)]
async fn importing_a_token_again_stores_the_providers_description_again() {
    for source in [DescribeEndpoint::Details, DescribeEndpoint::Introspection] {
        let b = Bench::with(|account| {
            let url = Some("https://id.example/d".parse().unwrap());
            let endpoints = &mut Arc::make_mut(&mut account.dialect).endpoints;
            *(if source == DescribeEndpoint::Details { &mut endpoints.details } else { &mut endpoints.introspect }) =
                url;
        })
        .await;
        let known = Described { source, expires_at: None, identity: members(json!({"voip_id": 7})), ..described(true) };
        *b.provider.described.lock().unwrap() = Some(known);
        for generation in 1.. {
            let request =
                ImportRequest { access_token: Some("mine".into()), refresh_token: None, ..ImportRequest::default() };
            let view = b.broker.import("work", request).await.unwrap().account;
            assert_eq!(view.identity, members(json!({"voip_id": 7})), "{source:?} {generation}");
            let never = source == DescribeEndpoint::Details;
            assert_eq!(view.expiry, Some(if never { ExpiryWord::Never } else { ExpiryWord::Unknown }), "{generation}");
            if generation == 3 {
                break;
            }
        }
        assert_eq!(b.provider.asked_about.load(Ordering::SeqCst), 3, "once for each import");
    }
}

#[tokio::test(start_paused = true)]
async fn token_info_returns_the_description_without_the_token() {
    let b = Bench::logged_in("work").await;
    assert!(matches!(b.broker.info("work").await, Err(Error::CannotAsk { .. })), "no endpoint to ask");
    *b.provider.described.lock().unwrap() = Some(described(true));
    let info = b.broker.info("work").await.unwrap();
    assert_eq!(
        serde_json::to_value(&info).unwrap(),
        json!({
            "version": 1, "account": "work", "source": "introspection", "active": true, "scope": "a",
            "expires_at": 1_700_000_600, "sub": "ann", "claims": {"sub": "ann", "deep": [{"n": 1}]}
        })
    );
}
