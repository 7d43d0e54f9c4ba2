//! The outcome page, without a broker.

use super::*;
use crate::contract::{ErrorCode, ErrorReply};
use crate::secret::Nonce256;

async fn text(reply: Response) -> String {
    let body = axum::body::to_bytes(reply.into_body(), 100_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn login(status: LoginStatus) -> LoginReply {
    LoginReply { status, ..LoginReply::pending("l1".into(), "work".into(), 0) }
}

const NOW: Wall = Wall(1_700_000_000_000);

#[tokio::test]
async fn success_shows_account_scope_and_expiry() {
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
        "Logged in to <code>work</code>",
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
async fn failure_shows_the_reason_and_a_hint_escaped() {
    let why = "the login failed: <script>alert(1)</script>";
    let failure = ErrorReply {
        provider_error: Some("access_denied\"<".into()),
        ..ErrorReply::new(ErrorCode::LoginFailed, why, "Run `ringback login work`.")
    };
    let page =
        text(outcome_page(&LoginReply { failure: Some(failure), ..login(LoginStatus::Failed) }, None, false, NOW))
            .await;
    assert!(
        page.contains("Not logged in to <code>work</code>") && page.contains("Run <code>ringback login work</code>."),
        "{page}"
    );
    assert!(page.contains("/script&#62;.</p>"), "ends with a full stop: {page}");
    assert!(!page.contains("<script") && !page.contains("denied\"") && !page.contains("close this page"), "{page}");
}

#[tokio::test]
async fn a_pending_login_never_says_that_the_page_can_be_closed() {
    let page = text(outcome_page(&login(LoginStatus::Pending), None, false, NOW)).await;
    assert!(page.contains("http-equiv=\"refresh\"") && !page.contains("You can close"), "{page}");
}

#[tokio::test]
async fn a_failed_login_says_that_the_earlier_login_is_still_valid() {
    for (earlier_login, heading) in
        [(true, "No new login to <code>work</code>"), (false, "Not logged in to <code>work</code>")]
    {
        let login = LoginReply { earlier_login, ..login(LoginStatus::Failed) };
        let page = text(outcome_page(&login, None, false, NOW)).await;
        assert!(page.contains(heading), "{page}");
        assert_eq!(page.contains("The earlier login is still valid"), earlier_login, "{page}");
    }
}

#[tokio::test]
async fn a_repeated_callback_says_that_the_login_has_already_succeeded() {
    for again in [true, false] {
        let page = text(outcome_page(&login(LoginStatus::Succeeded), None, again, NOW)).await;
        assert!(page.contains("Logged in to <code>work</code>"), "{page}");
        assert_eq!(page.contains("has already succeeded"), again, "{page}");
    }
}

#[test]
fn any_expiry_can_be_shown() {
    for at in [i64::MIN, -1, 0, i64::MAX] {
        assert!(expires(at, NOW).at.ends_with('Z'), "{at}");
    }
}

#[tokio::test]
async fn a_login_as_another_person_is_confirmed_in_its_own_browser_only() {
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
async fn success_shows_whose_tokens_were_replaced_or_that_it_is_unknown() {
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
