//! Unclassified refusals: the login survives them, the account is not reported as healthy, and the provider's text is
//! shown.

use std::fmt::Write as _;

use ringback::contract::{AccountHealth, AccountState};

use crate::idp::{Act, Idp, plain, with_header};
use crate::world::{World, account, provider, until};

/// A refusal in reply to a refresh.
struct Says {
    what: &'static str,
    status: u16,
    kind: &'static str,
    body: &'static str,
    /// Part of the message.
    shown: &'static str,
}

const fn says(what: &'static str, status: u16, body: &'static str, shown: &'static str) -> Says {
    Says { what, status, kind: "application/json", body, shown }
}

const fn page(what: &'static str, status: u16, body: &'static str, shown: &'static str) -> Says {
    Says { what, status, kind: "text/html", body, shown }
}

#[rustfmt::skip]
const REFUSALS: &[Says] = &[
    says("status-message", 400, r#"{"status":"SESSION_GONE","message":"the session is over"}"#, "the session is over"),
    says("errors", 400, r#"{"errors":["no_such_thing"]}"#, "no_such_thing"),
    says("errors-objects", 401, r#"{"errors":[{"message":"Token is revoked"}]}"#, "Token is revoked"),
    says("error-message", 401, r#"{"error":{"message":"Session ended"}}"#, "Session ended"),
    says("detail", 403, r#"{"detail":"Not allowed here"}"#, "Not allowed here"),
    says("empty", 401, "", "401"),
    says("empty-400", 400, "", "400"),
    page("page", 403, "<html>Forbidden</html>", "403"),
    page("page-400", 400, "<html>No</html>", "400"),
    says("framework", 404, r#"{"error":"Not Found"}"#, "Not Found"),
    says("forbidden", 403, r#"{"error":"Forbidden"}"#, "Forbidden"),
    says("ok-false", 200, r#"{"ok":false,"error":"service_unavailable"}"#, "service_unavailable"),
    says("ok-false-other", 200, r#"{"ok":false,"error":"team_is_resting"}"#, "team_is_resting"),
    says("exhausted", 429, r#"{"error":{"status":"RESOURCE_EXHAUSTED"}}"#, "RESOURCE_EXHAUSTED"),
    says("exhausted-400", 400, r#"{"error":{"status":"RESOURCE_EXHAUSTED","code":400}}"#, "RESOURCE_EXHAUSTED"),
    says("transient", 400, r#"{"error":{"is_transient":true,"message":"Please retry"}}"#, "Please retry"),
    says("pace", 400, r#"{"error":"too many requests continuously"}"#, "too many requests continuously"),
    says("upstream", 400, r#"{"error":"upstream_timeout"}"#, "upstream_timeout"),
    says("number", 400, r#"{"error":17,"message":"seventeen"}"#, "seventeen"),
    says("unavailable", 503, r#"{"message":"back at noon"}"#, "back at noon"),
    says("too-many", 429, r#"{"error":"slow","error_description":"one a minute"}"#, "one a minute"),
    says("hidden", 400, r#"{"error":"odd","error_description":"red\u001b[31m\u202eded"}"#, "red"),
];

/// Definite refusals in non-standard formats.
#[rustfmt::skip]
const DEFINITE: &[Says] = &[
    says("d-status-message", 400, r#"{"status":"BAD_REFRESH_TOKEN","message":"the session is over"}"#, "BAD_REFRESH_TOKEN"),
    says("d-errors", 400, r#"{"errors":["invalid_grant"]}"#, "invalid_grant"),
    says("d-error-code", 401, r#"{"error":{"code":"invalid_grant","message":"Ann changed her password"}}"#, "invalid_grant"),
    says("d-standard", 400, r#"{"error":"invalid_grant","error_description":"Ann was\u001b[31m here"}"#, "invalid_grant"),
];

fn path(row: &Says) -> String {
    format!("/token/{}", row.what)
}

fn reply(row: &Says) -> Act {
    if row.kind == "text/html" || row.body.is_empty() {
        return Act::Raw(with_header(row.status, &format!("Content-Type: {}", row.kind), row.body));
    }
    Act::Raw(plain(row.status, row.kind, row.body))
}

/// A world with an account for each row, logged in with a token valid for two seconds; then these replies follow.
fn world(idp: &Idp, rows: &[Says]) -> World {
    let mut config = String::new();
    for row in rows {
        write!(config, "{}{}", provider(row.what, idp, &path(row), ""), account(row.what, row.what, "")).unwrap();
        idp.always_at(&path(row), reply(row));
    }
    let mut world = World::with_config(&config);
    world.run();
    for row in rows {
        world.log_in(row.what);
    }
    world
}

#[test]
fn a_definite_refusal_in_a_non_standard_format_requires_a_login_and_names_its_code() {
    let idp = Idp::living(2);
    let world = world(&idp, DEFINITE);
    for row in DEFINITE {
        world.until_state(row.what, AccountState::NeedsLogin);
        until("the token has expired", || {
            (world.account(row.what).health.unwrap().now == AccountHealth::NeedsUser).then_some(())
        });
        let (code, text, _) = world.cli(&["status", row.what]);
        assert!(code == 5 && text.contains(row.shown) && !text.contains('\u{1b}'), "{}: {code} {text}", row.what);
        let (code, _, said) = world.cli(&["token", row.what, "--wait", "0"]);
        assert!(code == 5 && said.contains(row.shown) && !said.contains('\u{1b}'), "{}: {code} {said}", row.what);
    }
}

#[test]
fn an_unclassified_refusal_ends_no_login_and_is_not_reported_as_healthy() {
    let idp = Idp::living(2);
    let world = world(&idp, REFUSALS);
    // Forced refreshes of an account are two seconds apart.
    std::thread::scope(|scope| {
        for row in REFUSALS {
            let (idp, world) = (&idp, &world);
            scope.spawn(move || refused_often(idp, world, row));
        }
    });
    assert_eq!(world.cli(&["status"]).0, 7);
    // The refresh token was kept and is valid.
    idp.set_lifetime(3600);
    std::thread::scope(|scope| {
        for row in REFUSALS {
            let (idp, world) = (&idp, &world);
            idp.always_at(&path(row), Act::Behave);
            scope.spawn(move || until(row.what, || (world.cli(&["refresh", row.what]).0 == 0).then_some(())));
        }
    });
    assert_eq!((world.cli(&["status"]).0, idp.reuses()), (0, 0));
}

fn refused_often(idp: &Idp, world: &World, row: &Says) {
    let what = row.what;
    until("the token has expired", || {
        (world.get(&format!("/v1/accounts/{what}/token?wait=0")).status != 200).then_some(())
    });
    // Often enough to exceed any limit on the number of attempts.
    for _ in 0..4 {
        let asked = world.post(&format!("/v1/accounts/{what}/refresh"));
        assert!([502, 503].contains(&asked.status), "{what}: {asked:?}");
    }
    assert!(idp.seen_at(&path(row)).len() > 4, "{what}");
    let view = world.account(what);
    assert_eq!(view.state, AccountState::Active, "{what}: {view:?}");
    assert_eq!(view.health.unwrap().now, AccountHealth::Recovering, "{what}: {view:?}");
    let (code, text, _) = world.cli(&["status", what]);
    assert!(code == 7 && text.contains("recovering"), "{what}: {code} {text}");
    assert!(text.contains(row.shown) && !text.contains(['\u{1b}', '\u{202e}']), "{what}: {text:?}");
    let (code, text, _) = world.cli(&["status", what, "--json"]);
    assert!(code == 7 && text.contains(r#""health":"recovering""#), "{what}: {code} {text}");
    let (code, out, said) = world.cli(&["token", what, "--wait", "0"]);
    assert!([7, 8].contains(&code) && out.is_empty() && said.contains(row.shown), "{what}: {code} {said}");
}

/// The access token is not in the request, so it can't be recognized as a secret that was sent.
#[test]
fn an_access_token_quoted_by_a_provider_is_shown_nowhere() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    world.log_in("work");
    let token = world.token("work");
    for (status, error) in [(400, "odd"), (503, "temporarily_unavailable"), (400, "invalid_grant")] {
        let body = format!(r#"{{"error":"{error}","error_description":"instead of {token}"}}"#);
        idp.always_at("/token", Act::Raw(plain(status, "application/json", &body)));
        let (code, _, said) = world.cli(&["refresh", "work"]);
        assert!(code != 0 && said.contains(error), "{error}: {code} {said}");
        let shown = [said, world.cli(&["status", "work"]).1, world.cli(&["status", "--json"]).1, world.log()].concat();
        assert!(shown.contains("instead of [redacted]") && !shown.contains(&token), "{error}: {shown}");
    }
    world.stop();
}
