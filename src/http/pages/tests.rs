//! Pages and the reading of callbacks, without a broker.

use super::*;
use crate::contract::{ErrorCode, ErrorReply};
use crate::secret::Nonce256;
use std::time::Duration;

async fn text(reply: Response) -> String {
    let body = axum::body::to_bytes(reply.into_body(), 100_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn login(status: LoginStatus) -> LoginReply {
    LoginReply { status, ..LoginReply::pending("l1".into(), "work".into(), 0) }
}

const NOW: Wall = Wall(1_700_000_000_000);

#[tokio::test]
async fn success_tells_account_scope_and_expiry() {
    let login = LoginReply {
        scope: Some("read write".into()),
        token_expires_at: Some(1_700_003_599),
        token_expiry: None,
        refreshable: Some(true),
        identity: serde_json::from_str(r#"{"voip_id":1000001,"name":"<b>Ann</b>"}"#).unwrap(),
        ..login(LoginStatus::Succeeded)
    };
    let page = text(outcome_page(&login, None, false, NOW)).await;
    for wanted in [
        "Logged in to work",
        "name &#60;b&#62;Ann&#60;/b&#62;, voip_id 1000001",
        "read write",
        "59m 59s",
        "2023-11-14T23:13:19Z",
        "2023-11-14 23:13:19 UTC",
        "automatic",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    assert!(!page.contains("http-equiv"), "{page}");
}

#[tokio::test]
async fn failure_tells_what_and_what_to_do_and_escapes_it() {
    let failure = ErrorReply {
        error: ErrorCode::LoginFailed,
        error_description: "the login failed: <script>alert(1)</script>".into(),
        hint: "Run `ringback login work`.".into(),
        login_url: None,
        login_id: None,
        confirm: None,
        retry_after: None,
        provider_error: Some("access_denied\"<".into()),
        nearest: Vec::new(),
    };
    let page =
        text(outcome_page(&LoginReply { failure: Some(failure), ..login(LoginStatus::Failed) }, None, false, NOW))
            .await;
    assert!(page.contains("Not logged in to work") && page.contains("Run <code>ringback login work</code>."), "{page}");
    assert!(page.contains("/script&#62;.</p>"), "a full stop: {page}");
    assert!(!page.contains("<script") && !page.contains("denied\"") && !page.contains("close this page"), "{page}");
}

#[test]
fn sentences_of_the_page_end_with_one_full_stop() {
    for (text, shown) in [
        ("access was denied at the provider", "access was denied at the provider."),
        ("access was denied (Not today)", "access was denied (Not today)."),
        ("Start it again.", "Start it again."),
        ("", ""),
    ] {
        assert_eq!(sentence(text), shown);
    }
}

#[tokio::test]
async fn a_pending_login_never_says_that_the_page_can_be_closed() {
    let page = text(outcome_page(&login(LoginStatus::Pending), None, false, NOW)).await;
    assert!(page.contains("http-equiv=\"refresh\"") && !page.contains("You can close"), "{page}");
}

#[tokio::test]
async fn a_failed_login_beside_an_earlier_one_says_that_that_goes_on() {
    for (earlier_login, heading) in [(true, "No new login to work"), (false, "Not logged in to work")] {
        let login = LoginReply { earlier_login, ..login(LoginStatus::Failed) };
        let page = text(outcome_page(&login, None, false, NOW)).await;
        assert!(page.contains(heading), "{page}");
        assert_eq!(page.contains("The earlier login is still valid"), earlier_login, "{page}");
    }
}

#[tokio::test]
async fn a_second_answer_is_told_that_the_login_has_worked() {
    for again in [true, false] {
        let page = text(outcome_page(&login(LoginStatus::Succeeded), None, again, NOW)).await;
        assert!(page.contains("Logged in to work"), "{page}");
        assert_eq!(page.contains("has already succeeded"), again, "{page}");
    }
}

/// Sentences that mean a command have it as code, and no backtick is left.
fn is_prose(page: &str) {
    assert!(!page.contains('`') && !page.contains("&#96;"), "{page}");
}

#[tokio::test]
async fn fixed_pages_have_their_status_and_no_script_and_no_backticks() {
    let stray = |stray: &CallbackRejected| message::stray(stray);
    for (reply, status) in [
        (used_open_link(), 410),
        (message::gone(), 404),
        (message::busy(), 503),
        (stray(&CallbackRejected::NoLoginPending), 404),
        (stray(&CallbackRejected::BadTicket), 410),
        (stray(&CallbackRejected::NoState), 400),
        (stray(&CallbackRejected::UnknownState), 400),
        (stray(&CallbackRejected::OtherBrowser), 400),
        (stray(&CallbackRejected::NotPasted), 400),
        (too_large(Excess::Cookies), 431),
        (too_large(Excess::Other), 431),
        (no_session(), 401),
        (session_over(), 200),
    ] {
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()["content-type"]),
            (status, &HeaderValue::from_static("text/html; charset=utf-8"))
        );
        let page = text(reply).await;
        assert!(!page.contains("script"), "{page}");
        is_prose(&page);
    }
}

#[tokio::test]
async fn an_error_in_a_browser_is_a_page_with_its_words_and_what_to_do() {
    for (error, wanted) in [
        (Error::NotFound { what: "this route".into() }, "There is no such page"),
        (Error::MethodNotAllowed, "does not support that method."),
        (
            Error::Forbidden { why: "requests of other web sites are refused" },
            ">requests of other web sites are refused.</p>",
        ),
        (Error::OtherUser { uid: Some(7) }, "<code>other_users = true</code>"),
        (Error::Unauthorized { why: "a key is needed" }, "<code>ringback open</code>"),
        (Error::Usage { what: "the query is too long <b>".into() }, "too long &#60;b&#62;."),
        (Error::StoreLocked, "<code>ringback unlock</code>"),
        (Error::Internal { what: "/home/canary".into() }, "error inside ringback"),
    ] {
        let page = text(of_error(&error, StatusCode::BAD_REQUEST)).await;
        assert!(page.contains(wanted) && !page.contains("canary"), "{wanted}: {page}");
        is_prose(&page);
    }
}

#[test]
fn the_start_sets_the_flow_cookie_and_redirects_with_303() {
    let start = BrowserStart {
        authorize_url: "https://provider.example/authorize?state=s".into(),
        cookie_name: "ringback-1".into(),
        cookie_value: Nonce256::new("abc"),
        cookie_path: "/callback/phonecom".into(),
        max_age: Duration::from_secs(600),
    };
    let reply = to_provider(&start).unwrap();
    assert_eq!(reply.status(), 303);
    assert_eq!(reply.headers()["location"], "https://provider.example/authorize?state=s");
    assert_eq!(
        reply.headers()["set-cookie"],
        "ringback-1=abc; Path=/callback/phonecom; Max-Age=600; HttpOnly; SameSite=Lax"
    );
    assert!(to_provider(&BrowserStart { authorize_url: "https://x/\r\nX: y".into(), ..start }).is_err());
}

#[test]
fn a_callback_is_read_in_order_decoded_once_and_with_its_cookies() {
    let uri: Uri = "/callback/p?code=a%2Bb%2525+c&state=s&x&x=1".parse().unwrap();
    let headers = HeaderMap::from_iter([
        (header::HOST, HeaderValue::from_static("localhost:7464")),
        (header::COOKIE, HeaderValue::from_static("a=1; b=2=3;nonsense; c=")),
    ]);
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(arrived_on(&uri, &headers).as_deref(), Some("http://localhost:7464/callback/p"));
    let read = parameters(uri.query().unwrap().as_bytes());
    assert_eq!(*read, pairs(&[("code", "a+b%25 c"), ("state", "s"), ("x", ""), ("x", "1")]));
    assert_eq!(own_cookies(&headers), pairs(&[("a", "1"), ("b", "2=3"), ("c", "")]));
}

#[test]
fn a_callback_on_port_80_arrives_without_the_port() {
    let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("127.0.0.1"))]);
    assert_eq!(arrived_on(&"/cb?code=c".parse().unwrap(), &headers).as_deref(), Some("http://127.0.0.1/cb"));
}

#[test]
fn no_expiry_is_too_odd_to_be_shown() {
    for at in [i64::MIN, -1, 0, i64::MAX] {
        assert!(expires(at, NOW).at.ends_with('Z'), "{at}");
    }
}

#[tokio::test]
async fn a_login_as_another_person_asks_in_the_browser_that_made_it_and_tells_others_where() {
    let of = |text: &str| serde_json::from_str(text).unwrap();
    let confirm = crate::contract::Confirm {
        current: of(r#"{"voip_id":1000001}"#),
        new: of(r#"{"sub":"2","name":"<i>Eve</i>"}"#),
    };
    let login = LoginReply { confirm: Some(confirm), expires_at: 1_700_000_600, ..login(LoginStatus::Pending) };
    let token = Nonce256::new("form-token");
    for (form_token, forms) in [(Some(&token), 1), (None, 0)] {
        let page = text(outcome_page(&login, form_token, false, NOW)).await;
        for wanted in
            ["logged in as <strong>voip_id 1000001</strong>", "name &#60;i&#62;Eve&#60;/i&#62;, sub 2", "within 10m"]
        {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
        assert_eq!(page.matches("<form method=\"post\"").count(), forms, "{page}");
        assert_eq!(page.contains("value=\"form-token\""), forms == 1, "{page}");
        assert_eq!(page.contains("<code>ringback login work</code>"), forms == 0, "{page}");
        assert!(!page.contains("http-equiv") && !page.contains("<script"), "{page}");
    }
}

#[tokio::test]
async fn success_tells_whose_tokens_were_replaced_or_that_nobody_knows() {
    let before = serde_json::from_str(r#"{"voip_id":7}"#).unwrap();
    for (replaced, told) in [
        (crate::contract::Replaced { replaced_identity: before, identity_unknown: false }, "voip_id 7, whose tokens"),
        (
            crate::contract::Replaced { identity_unknown: true, ..crate::contract::Replaced::default() },
            "the provider does not say who logged in",
        ),
    ] {
        let page =
            text(outcome_page(&LoginReply { replaced, ..login(LoginStatus::Succeeded) }, None, false, NOW)).await;
        assert!(page.contains(told), "{told}: {page}");
    }
    let page = text(outcome_page(&login(LoginStatus::Succeeded), None, false, NOW)).await;
    assert!(!page.contains("Before"), "{page}");
}
