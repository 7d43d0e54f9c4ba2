//! The ID token of an account: who gets it, for how long, and what becomes of it in refreshes.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::http::Request;
use crate::idp::{Act, Idp, plain};
use crate::world::World;

/// A JWT that ends then.
fn jwt(exp: &Value) -> String {
    let claims = json!({"iss": "https://id.example", "sub": "ann", "exp": exp}).to_string();
    format!("e30.{}.canary", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims))
}

/// A grant, with an ID token if there is one.
fn grant(number: u32, id_token: Option<&str>) -> Act {
    let mut body =
        json!({"access_token": format!("AT-{number}"), "refresh_token": format!("RT-{number}"), "expires_in": 3600});
    if let Some(id_token) = id_token {
        body["id_token"] = id_token.into();
    }
    Act::Raw(plain(200, "application/json", body.to_string()))
}

/// What the command says: exit code, standard output, and what is on standard error.
fn said(world: &World, arguments: &[&str]) -> (i32, String, String) {
    world.cli(&[&["token", "work", "--id-token"], arguments].concat())
}

#[test]
fn an_id_token_is_given_out_where_the_account_allows_it_until_it_ends() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "", "id_token = true");
    assert_eq!(said(&world, &[]).0, 5, "nobody has logged in");
    let far = 4_000_000_000_i64;
    let first = jwt(&json!(far));
    idp.next(grant(1, Some(&first)));
    world.log_in("work");
    assert_eq!(said(&world, &[]), (0, format!("{first}\n"), String::new()));
    let (code, out, _) = said(&world, &["--json"]);
    let expected = json!({"version": 1, "account": "work", "id_token": first, "expires_at": far});
    assert_eq!((code, serde_json::from_str::<Value>(&out).unwrap()), (0, expected));
    // The token reply is for more callers than that.
    assert!(!world.get("/token").body.contains("canary"));

    // A refresh without one keeps it, and one with another replaces it.
    idp.next(grant(2, None));
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    assert_eq!(said(&world, &[]).1, format!("{first}\n"));
    idp.next(grant(3, Some(&jwt(&json!(1)))));
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    let (code, out, err) = said(&world, &[]);
    assert!(
        code == 2 && out.is_empty() && err.contains("has expired") && err.contains("ringback refresh work"),
        "{err}"
    );
    idp.next(grant(4, Some("not-a-jwt.canary")));
    assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
    assert_eq!(world.get("/v1/accounts/work/id-token").json().get("expires_at"), None, "its end is unknown");
    assert!(!world.log().contains("canary"), "{}", world.log());
}

#[test]
fn an_id_token_is_kept_from_those_who_may_not_have_it() {
    let idp = Idp::start();
    let mut world = World::start(&idp);
    idp.next(grant(1, Some(&jwt(&json!(4_000_000_000_i64)))));
    world.log_in("work");
    let (code, out, err) = said(&world, &[]);
    assert!(code == 2 && out.is_empty() && err.contains("Set `id_token = true` in `[accounts.work]`"), "{err}");
    assert!(!world.get("/token").body.contains("canary"));
    world.stop();
    world.configure(&World::config_of(&idp, "", "", "id_token = true"));
    world.run();
    let (one, openid) = (["one", "--scope", "one"], ["two", "--scope", "one", "--scope", "openid"]);
    for (app, status) in [(&one[..], 403), (&openid, 200), (&["three"], 200)] {
        let key = format!("Bearer {}", world.add_app(app));
        let reply = world.ask_tcp(&Request::get("/v1/accounts/work/id-token").header("Authorization", &key));
        assert_eq!((reply.status, reply.body.contains("canary")), (status, status == 200), "{app:?} {reply:?}");
    }
    world.stop();
    let log = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
    assert_eq!(log.matches("\"reason\":\"the ID token\"").count(), 2, "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn without_one_it_says_what_to_request() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "", "id_token = true");
    world.log_in("work");
    let (code, _, err) = said(&world, &[]);
    assert!(code == 2 && err.contains("has no ID token") && err.contains("Add `openid` to `scope`"), "{err}");
}
