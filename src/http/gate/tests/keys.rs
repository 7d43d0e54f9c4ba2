//! Keys, and the rights of apps.

use std::sync::atomic::Ordering;

use super::super::key_check::delay_after;
use super::*;
use crate::apps::{NewApp, Rights};
use crate::clock::Wall;
use crate::routes::RouteScope;

/// The rights that the gate itself checks. The handlers check whether an app may use an account.
#[tokio::test]
async fn every_route_requires_its_rights() {
    let (apps, _) = apps::tests::fresh();
    let set = |name: &str| Some([name.to_owned()].into());
    let key = |name: &str, accounts: Option<&str>, scopes: Option<&str>, write| {
        let rights = Rights { accounts: accounts.and_then(set), scopes: scopes.and_then(set), write, proxy: None };
        let new = NewApp { name: name.into(), rights, expires_at: None, process: None };
        format!("Authorization: Bearer {}", apps.add(new, Wall(0)).unwrap().1.expose())
    };
    let all = key("all", None, None, true);
    let keys = [
        (key("reader", None, None, false), false, false),
        (key("reader-of-one", Some("work"), None, false), false, true),
        (key("writer-of-one", Some("work"), None, true), true, true),
        (key("writer-of-scopes", None, Some("read"), true), true, false),
    ];
    let gate = Gate::new(apps.clone(), AuditLog::default(), Sessions::default(), Clock::System);
    let own = Peer::Unix { uid: own_uid(), pid: None };
    // OAuth clients show their keys elsewhere, and only read: see `super::clients`.
    for route in ROUTES.iter().filter(|route| route.access.needs_proof() && route.access != Access::Client) {
        let path = route.path.replace("{name}", "work").replace("{id}", "i");
        let may = |writes: bool, limited: bool| match route.access {
            Access::Owner => false,
            Access::Write | Access::Socket if !writes => false,
            _ => route.reach != RouteScope::Every || !limited,
        };
        let rows = keys.iter().map(|(key, writes, limited)| (key, may(*writes, *limited)));
        for (key, opens) in rows.chain([(&all, true)]) {
            let asked = request(route.method.as_str(), &path, &["Host: ringback", key], own);
            let reply = guarded(gate.clone()).send(asked).await;
            let expected = if opens { 200 } else { 403 };
            assert_eq!(reply.status().as_u16(), expected, "{} {path} {key}", route.method.as_str());
            let told = reply.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(told.is_some_and(|told| told.contains("insufficient_scope")), !opens);
        }
    }
    apps.remove("all").unwrap();
    let asked = request("GET", "/token", &["Host: ringback", &all], own);
    assert_eq!(guarded(gate).send(asked).await.status(), 401, "a removed key is refused on the socket, too");
}

#[tokio::test]
async fn the_socket_needs_no_key_but_a_known_host() {
    let own = Peer::Unix { uid: own_uid(), pid: Some(1) };
    for (host, status) in [
        ("Host: localhost", 200),
        ("Host: ringback", 200),
        ("Host: 127.0.0.1:1", 200),
        ("Host: localhost:x", 403),
        ("Host: evil.example", 403),
        ("Host: 0.0.0.0", 403),
    ] {
        assert_eq!(ask("GET", "/token", &[host], own).await.status().as_u16(), status, "{host}");
    }
    assert_eq!(ask("GET", "/token", &["Host: localhost", "Origin: http://localhost"], own).await.status(), 403);
}

#[tokio::test(start_paused = true)]
async fn a_missing_or_wrong_key_is_challenged_as_in_rfc_6750() {
    for (lines, status, challenge) in [
        (&[HOST] as &[&str], 401, Some(r#"Bearer realm="ringback""#)),
        (&[HOST, "Authorization: Basic azN5"], 401, Some(r#"Bearer realm="ringback""#)),
        (&[HOST, "Authorization: Bearer wrong"], 401, Some(r#"Bearer realm="ringback", error="invalid_token""#)),
        (&[HOST, "Authorization: Bearer "], 401, Some(r#"Bearer realm="ringback", error="invalid_token""#)),
        (&[HOST, KEY, KEY], 400, None),
        (&[HOST, "authorization: bearer k3y"], 200, None),
    ] {
        let reply = ask("GET", "/token", lines, tcp()).await;
        let shown = reply.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!((reply.status().as_u16(), shown), (status, challenge), "{lines:?}");
    }
    let (others, _) = apps::tests::fresh();
    let reply = guarded(Gate::new(others, AuditLog::default(), Sessions::default(), Clock::System))
        .send(request("GET", "/token", &[HOST, KEY], tcp()))
        .await;
    assert_eq!(reply.status(), 401);
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_back_off_until_a_right_one() {
    let ms: Vec<u128> = (0..8).map(|before| delay_after(before).as_millis()).collect();
    assert_eq!(ms, [100, 200, 400, 800, 1600, 2000, 2000, 2000]);
    assert_eq!(delay_after(u32::MAX), Duration::from_secs(2));
    let gate = gate();
    for wrong in 1..=3 {
        guarded(gate.clone()).send(request("GET", "/token", &[HOST, "Authorization: Bearer x"], tcp())).await;
        assert_eq!(gate.inner.keys.wrong.load(Ordering::Relaxed), wrong);
    }
    guarded(gate.clone()).send(request("GET", "/token", &[HOST, KEY], tcp())).await;
    assert_eq!(gate.inner.keys.wrong.load(Ordering::Relaxed), 0);
}
