//! OAuth clients: where they show their key, and the form of refusals.

use std::sync::atomic::Ordering;

use super::*;
use crate::apps::{NewApp, Rights};
use crate::clock::Wall;

const JSON: &str = "Content-Type: application/json";
const ON_SOCKET: &str = "Host: ringback";

/// The reply to a client that sends `body`; `k3y` in it is the default app's key.
async fn send(gate: Gate, lines: &[&str], body: &str, peer: Peer) -> Response {
    let (mut head, _) = request("POST", "/oauth2/token", lines, peer).into_parts();
    let body = body.replace("k3y", &APPS.1);
    head.headers.insert("content-length", body.len().into());
    guarded(gate).send(Request::from_parts(head, Body::from(body))).await
}

async fn text(reply: Response) -> String {
    let body = axum::body::to_bytes(reply.into_body(), 10_000).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_shows_its_key_in_header_or_body_and_the_name_that_fits_it() {
    let own = Peer::Unix { uid: own_uid(), pid: None };
    for (peer, lines, body, status, code) in [
        (tcp(), &[HOST, BASIC, FORM] as &[&str], "grant_type=client_credentials", 200, "reached"),
        (tcp(), &[HOST, FORM], "client_id=default&client_secret=k3y", 200, "reached"),
        (tcp(), &[HOST, JSON], r#"{"client_id":"default","client_secret":"k3y"}"#, 200, "reached"),
        (tcp(), &[HOST, FORM], "grant_type=refresh_token&refresh_token=k3y", 200, "reached"),
        (tcp(), &[HOST, FORM], "grant_type=client_credentials&refresh_token=k3y", 401, "invalid_client"),
        (tcp(), &[HOST, FORM], "client_id=default", 401, "invalid_client"),
        (tcp(), &[HOST, FORM], "client_id=other&client_secret=k3y", 401, "invalid_client"),
        (tcp(), &[HOST, FORM], "client_id=default&client_secret=rbk_wrong", 401, "invalid_client"),
        (tcp(), &[HOST, BASIC, FORM], "client_id=other", 400, "two different clients"),
        (tcp(), &[HOST, BASIC, FORM], "client_secret=other", 400, "two different keys"),
        (tcp(), &[HOST, JSON], "client_id=default", 400, "invalid_request"),
        (tcp(), &[HOST, FORM], "scope=a&scope=b", 400, "repeated"),
        (own, &[ON_SOCKET, FORM], "grant_type=client_credentials&client_id=any", 200, "reached"),
        (own, &[ON_SOCKET, FORM], "client_id=default&client_secret=k3y", 200, "reached"),
        (own, &[ON_SOCKET, FORM], "client_id=default&client_secret=rbk_wrong", 401, "invalid_client"),
        (own, &[ON_SOCKET, KEY, FORM], "grant_type=client_credentials", 401, "invalid_client"),
    ] {
        let reply = send(gate(), lines, body, peer).await;
        assert_eq!(reply.status().as_u16(), status, "{lines:?} {body}");
        let challenge = reply.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        let told = text(reply).await;
        assert!(told.contains(code) && !told.contains("wrong\""), "{body}: {told}");
        assert_eq!(challenge.as_deref(), (status == 401).then_some(r#"Basic realm="ringback""#), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_key_under_a_wrong_name_counts_as_a_wrong_key() {
    let gate = gate();
    for wrong in 1..=3 {
        send(gate.clone(), &[HOST, FORM], "client_id=editor&client_secret=k3y", tcp()).await;
        assert_eq!(gate.inner.keys.wrong.load(Ordering::Relaxed), wrong);
    }
    send(gate.clone(), &[HOST, FORM], "client_id=default&client_secret=k3y", tcp()).await;
    assert_eq!(gate.inner.keys.wrong.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_expired_or_removed_key_is_no_client() {
    let (apps, _) = apps::tests::fresh();
    let new = NewApp { name: "editor".into(), rights: Rights::ALL, expires_at: Some(1), process: None };
    let key = apps.add(new, Wall(0)).unwrap().1;
    let gate = Gate::new(apps, AuditLog::default(), Sessions::default(), Clock::System);
    let body = format!("client_id=editor&client_secret={}", key.expose());
    let reply = send(gate, &[HOST, FORM], &body, tcp()).await;
    assert_eq!(reply.status(), 401);
    assert!(text(reply).await.contains("expired"));
}

/// `request` allows 1000 bytes.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused_in_the_form_of_the_rfc() {
    let reply = send(gate(), &[HOST, BASIC, FORM], &"x".repeat(1001), tcp()).await;
    assert_eq!((reply.status().as_u16(), &reply.headers()["connection"]), (413, &"close".parse().unwrap()));
    assert!(text(reply).await.starts_with(r#"{"error":"invalid_request","#));
}

/// The reply is for a program, whatever the request says.
#[tokio::test]
async fn no_refusal_of_a_client_is_a_page() {
    let reply = send(gate(), &[HOST, FORM, NAVIGATES], "", tcp()).await;
    assert_eq!(reply.headers()["content-type"], "application/json");
    assert!(text(reply).await.starts_with(r#"{"error":"invalid_client","error_description":"a key is needed. "#));
}
