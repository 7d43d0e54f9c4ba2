//! The nonce of an `openid` login: sent in the request, required in the ID token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::oauth::dialect::NoncePolicy;
use crate::oauth::grant::GrantType;

const OTHER: &str = "the id_token has the nonce of another login: it was dropped together with its tokens";
const OFF: &str = "; if that is this provider's way, set `nonce = \"off\"` in `[providers.p]`";

/// Opens the browser: the login's id, the parameters of its authorization request, and the browser.
async fn leave(b: &Bench) -> (String, HashMap<String, String>, BrowserStart) {
    let started = b.broker.start_login("work", LoginVia::CallerBrowser).await.unwrap();
    let start = b.leave(started.start_url.as_deref().unwrap()).await;
    let url = url::Url::parse(&start.authorize_url).unwrap();
    (started.login_id, url.query_pairs().into_owned().collect(), start)
}

fn answer(start: BrowserStart, in_fragment: bool, parameters: &[(&str, &str)]) -> CallbackRequest {
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    CallbackRequest {
        arrived_on: "http://127.0.0.1:7464/callback/p".into(),
        parameters: parameters.into(),
        in_fragment,
        cookies: vec![(start.cookie_name, start.cookie_value.expose().to_owned())],
    }
}

fn id_token(claims: &Value) -> String {
    format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// The number of revocations, after a pending one had time to run.
async fn revoked(b: &Bench) -> usize {
    tokio::time::sleep(Duration::from_millis(10)).await;
    b.provider.revoked.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn tokens_beside_an_id_token_without_the_nonce_of_this_login_are_revoked() {
    let missing = format!("the id_token has no nonce, though one was sent{OFF}");
    let unreadable = format!("the id_token can't be read, so its nonce can't be compared{OFF}");
    for (scope, policy, brought, ended) in [
        ("openid", NoncePolicy::Send, json!({"id_token": "NONCE"}), ""),
        ("openid", NoncePolicy::Send, json!({"id_token": {"nonce": "other"}}), OTHER),
        ("openid", NoncePolicy::Send, json!({"id_token": {"sub": "ann"}}), &missing),
        ("openid", NoncePolicy::Send, json!({"id_token": "sealed"}), &unreadable),
        // Plain OAuth servers treat `openid` like any other scope.
        ("openid", NoncePolicy::Send, json!({}), ""),
        ("openid", NoncePolicy::Send, json!({"id_token": null}), ""),
        ("openid", NoncePolicy::Off, json!({"id_token": {"sub": "ann"}}), ""),
        ("email", NoncePolicy::Send, json!({"id_token": {"sub": "ann"}}), ""),
    ] {
        let b = Bench::with(|account| {
            account.target.scope = vec![scope.into()];
            Arc::make_mut(&mut account.dialect).nonce = policy;
        })
        .await;
        let (id, asked, start) = leave(&b).await;
        assert_eq!(asked.contains_key("nonce"), scope == "openid" && policy == NoncePolicy::Send, "{scope} {policy:?}");
        let mut extra = brought.as_object().cloned().unwrap();
        if let Some(token) = extra.get_mut("id_token") {
            *token = match &*token {
                Value::String(word) if word == "NONCE" => id_token(&json!({"nonce": asked["nonce"]})).into(),
                claims @ Value::Object(_) => id_token(claims).into(),
                other => other.clone(),
            };
        }
        b.script([RefreshOutcome::Granted(Box::new(Grant { extra, ..b.provider.grant(1) }))]);
        b.broker.callback(answer(start, false, &[("code", "c"), ("state", &asked["state"])])).await.unwrap();
        let failed = usize::from(!ended.is_empty());
        assert_eq!((b.ended(&id).await.as_str(), revoked(&b).await), (ended, failed), "{scope} {policy:?} {brought}");
        assert_eq!(b.token_within(None).await, if failed == 0 { "a1" } else { "login_required" });
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_fragment_needs_the_nonce_if_an_id_token_was_requested() {
    let lacking = format!("there is no id_token, although `openid` was requested{OFF}");
    for (scope, policy, brought, ended) in [
        ("a", NoncePolicy::Send, None, ""),
        ("openid", NoncePolicy::Send, Some("NONCE"), ""),
        ("openid", NoncePolicy::Send, Some("other"), OTHER),
        ("openid", NoncePolicy::Send, None, &lacking),
        ("openid", NoncePolicy::Off, Some("other"), ""),
        ("openid", NoncePolicy::Off, None, ""),
    ] {
        let b = Bench::with(|account| {
            account.grant = GrantType::Implicit;
            account.target.scope = vec![scope.into()];
            Arc::make_mut(&mut account.dialect).nonce = policy;
        })
        .await;
        let (id, asked, start) = leave(&b).await;
        assert!(b.broker.expects_fragment("/callback/p") && !b.broker.expects_fragment("/callback/q"));
        let mut parameters =
            vec![("access_token", "t"), ("token_type", "Bearer"), ("expires_in", "60"), ("state", &asked["state"])];
        let token = brought.map(|nonce| {
            let nonce = if nonce == "NONCE" { &asked["nonce"] } else { nonce };
            id_token(&json!({ "nonce": nonce }))
        });
        parameters.extend(token.as_deref().map(|token| ("id_token", token)));
        let answer = answer(start, true, &parameters);
        b.broker.callback(answer).await.unwrap();
        let failed = usize::from(!ended.is_empty());
        assert_eq!((b.ended(&id).await.as_str(), b.requests()), (ended, 0), "{scope} {policy:?} {brought:?}");
        assert_eq!(revoked(&b).await, failed, "{scope} {policy:?} {brought:?}");
        assert_eq!(b.token_within(None).await, if failed == 0 { "t" } else { "login_required" });
        assert!(b.broker.expects_fragment("/callback/p"), "a late token is removed from the address bar, too");
    }
}
