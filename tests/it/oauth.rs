//! The token endpoint for OAuth client libraries, and its metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::{Reply, Request};
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider, until};

const FORM: &str = "application/x-www-form-urlencoded";

/// Two accounts; `work` has a token of the scope `one two`.
fn world(idp: &Idp) -> World {
    let config =
        [provider("idp", idp, "/token", "narrow = \"scope\""), account("work", "idp", ""), account("home", "idp", "")];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    world.log_in("work");
    world
}

fn form(target: &str, body: &str) -> Request {
    let mut request = Request::new("POST", target).header("Content-Type", FORM);
    request.body = Some(body.into());
    request
}

fn basic(name: &str, key: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{key}")))
}

/// `error` and `error_description`, which have to be all that there is.
fn told(reply: &Reply) -> (String, String) {
    let body = reply.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{reply:?}");
    (body["error"].as_str().unwrap().into(), body["error_description"].as_str().unwrap().into())
}

#[test]
fn every_way_to_ask_gets_the_accounts_token_in_the_form_of_the_rfc() {
    let idp = Idp::start();
    let world = world(&idp);
    let key = world.add_app(&["editor", "--account", "work"]);
    let token = world.token("work");
    let credentials = format!("client_id=editor&client_secret={key}");
    for target in ["/oauth2/token", "/oauth2/work/token", "/v4/oauth/access-token", "/oauth/access-token"] {
        let bare = |body: &str| form(target, body);
        for request in [
            bare("grant_type=client_credentials").header("Authorization", &basic("editor", &key)),
            bare(&format!("grant_type=client_credentials&{credentials}")),
            bare(&format!("grant_type=refresh_token&refresh_token={key}")),
            bare(&format!("grant_type=refresh_token&refresh_token={key}&client_id=editor&client_secret=")),
            bare(&format!("grant_type=refresh_token&refresh_token={key}&{credentials}")),
            bare(&format!("grant_type=client_credentials&{credentials}&scope=two+one")),
            Request::new("POST", target).json(
                &json!({"grant_type": "client_credentials", "client_id": "editor", "client_secret": key, "scope": null})
                    .to_string(),
            ),
        ] {
            for reply in [world.ask_tcp(&request), world.ask(&request)] {
                assert_eq!(reply.status, 200, "{request:?} {reply:?}");
                let body = reply.json();
                let names: Vec<&String> = body.as_object().unwrap().keys().filter(|name| *name != "refresh_token").collect();
                assert_eq!(names, ["access_token", "expires_in", "scope", "token_type"], "{reply:?}");
                // Some clients would lose the key without it.
                let refreshes = request.body.as_ref().unwrap().contains("refresh_token=");
                assert_eq!(body.get("refresh_token").and_then(Value::as_str), refreshes.then_some(key.as_str()));
                assert_eq!((&body["access_token"], &body["token_type"]), (&token.as_str().into(), &"Bearer".into()));
                assert!((3000..=3600).contains(&body["expires_in"].as_u64().unwrap()) && body["scope"] == "one two");
                assert_eq!((reply.header("cache-control"), reply.header("pragma")), (Some("no-store"), Some("no-cache")));
            }
        }
    }
    assert_eq!(idp.refreshes(), 0);
    let log = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
    assert!(log.contains(r#""event":"token","result":"ok","account":"work","app":"editor""#), "{log}");
    assert!(!log.contains(&key) && !world.log().contains(&key) && !world.log().contains("/oauth2/token"));
}

#[test]
fn the_account_is_the_urls_or_the_only_one_that_the_caller_has() {
    let idp = Idp::start();
    let world = world(&idp);
    let all = world.add_app(&["all", "--all-accounts"]);
    let one = world.add_app(&["one", "--account", "work"]);
    let ask = |target: &str, name: &str, key: &str| {
        world.ask_tcp(&form(target, "grant_type=client_credentials").header("Authorization", &basic(name, key)))
    };
    for (target, name, key, status, code, says) in [
        ("/oauth2/token", "one", &one, 200, "", ""),
        ("/oauth2/work/token", "all", &all, 200, "", ""),
        ("/oauth2/token", "all", &all, 400, "invalid_request", "there are several: `home`, `work`. Use the token URL"),
        ("/v4/oauth/access-token", "all", &all, 400, "invalid_request", "`home`, `work`"),
        ("/oauth2/home/token", "one", &one, 400, "unauthorized_client", "no right to that account"),
        ("/oauth2/worq/token", "all", &all, 400, "invalid_request", "Did you mean `work`?"),
        ("/oauth2/home/token", "all", &all, 503, "temporarily_unavailable", "Run `ringback login home`."),
        ("/oauth2/token?account=work", "one", &one, 400, "invalid_request", "no parameter `account`"),
    ] {
        let reply = ask(target, name, key);
        assert_eq!(reply.status, status, "{target} {reply:?}");
        if status != 200 {
            let (got, description) = told(&reply);
            assert!(got == code && description.contains(says), "{target} {name}: {got} {description}");
        }
    }
    // On the socket no key is needed, as for every other request.
    let anybody = form("/oauth2/work/token", "grant_type=client_credentials&client_id=whoever");
    assert_eq!(world.ask(&anybody).json()["access_token"], world.token("work").as_str());
    let several = world.ask(&form("/oauth2/token", "grant_type=client_credentials"));
    assert!(told(&several).1.contains("`home`, `work`"), "{several:?}");
    // The only account is enough for a key without limits, too.
    let alone = World::start(&idp);
    alone.log_in("work");
    let request = form("/oauth2/token", "grant_type=client_credentials");
    let reply = alone.ask_tcp(&request.header("Authorization", &basic("default", &alone.key())));
    assert_eq!(reply.json()["access_token"], alone.token("work").as_str());
}

#[test]
fn errors_have_codes_on_which_no_client_drops_its_key() {
    let idp = Idp::start();
    let world = world(&idp);
    let key = world.add_app(&["editor", "--account", "work"]);
    let ask =
        |body: &str| told(&world.ask_tcp(&form("/oauth2/token", body).header("Authorization", &basic("editor", &key))));
    for (body, code, says) in [
        ("", "invalid_request", "`grant_type` has to be"),
        ("grant_type=refresh_token", "invalid_request", "`refresh_token` has to be the program's key"),
        ("grant_type=authorization_code&code=c", "unsupported_grant_type", "`refresh_token` only. Set the client up"),
        ("grant_type=client_credentials&scope=a%22b", "invalid_request", "`scope` has to be words"),
        (
            "grant_type=client_credentials&resource=https://api.example/",
            "invalid_target",
            "not one of the account's resources",
        ),
        ("grant_type=client_credentials&audience=x", "invalid_target", "resource or audience"),
    ] {
        let (got, description) = ask(body);
        assert!(got == code && description.contains(says), "{body}: {got} {description}");
    }
    let wrong = world.ask_tcp(&form("/oauth2/token", "grant_type=refresh_token&refresh_token=rbk_wrong"));
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "invalid_client"), "{wrong:?}");
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"ringback\""));
    world.post("/v1/lock");
    let locked = world.ask_tcp(&form("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={key}")));
    assert_eq!(locked.status, 503, "{locked:?}");
    assert_eq!(
        told(&locked),
        ("temporarily_unavailable".into(), "the token store is locked. Run `ringback unlock`.".into())
    );
}

#[test]
fn a_narrower_scope_gets_a_narrower_token() {
    let idp = Idp::start();
    let world = world(&idp);
    let key = world.add_app(&["editor", "--account", "work"]);
    let narrow = r#"{"access_token":"narrow","token_type":"bearer","expires_in":3600,"scope":"one"}"#;
    idp.next(Act::Raw(plain(200, "application/json", narrow)));
    for grant in ["client_credentials", "refresh_token"] {
        let body = format!("grant_type={grant}&refresh_token={key}&client_secret={key}&scope=one");
        assert_eq!(world.ask_tcp(&form("/oauth2/token", &body)).json()["access_token"], "narrow");
    }
    let limited = world.add_app(&["limited", "--account", "work", "--scope", "one"]);
    let ask = |scope: &str| {
        let body = format!("grant_type=client_credentials&client_secret={limited}&scope={scope}");
        world.ask_tcp(&form("/oauth2/token", &body))
    };
    // As much of it as the key allows, which the reply says.
    let reply = ask("one+two").json();
    assert_eq!((&reply["access_token"], &reply["scope"]), (&"narrow".into(), &"one".into()));
    assert_eq!(told(&ask("two")).0, "unauthorized_client");
}

/// How many lines the audit log has of refreshes that this app asked for.
fn reports(world: &World, app: &str) -> usize {
    let log = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == "refresh" && line["app"] == app).count()
}

/// An account without a refresh ahead of expiry, so that only a report of a rejected token renews one.
#[test]
fn a_refresh_of_a_token_that_the_app_has_is_a_report_that_it_was_rejected() {
    let idp = Idp::living(12);
    let world = World::start_with(&idp, "", "", "lazy = true");
    world.log_in("work");
    let (editor, other) = (world.add_app(&["editor"]), world.add_app(&["other"]));
    let ask = |grant: &str, key: &str| {
        let body = format!("grant_type={grant}&client_secret={key}&refresh_token={key}");
        let reply = world.ask_tcp(&form("/oauth2/token", &body));
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["access_token"].as_str().unwrap().to_owned()
    };
    let first = world.token("work");
    for key in [&editor, &other] {
        assert_eq!(ask("refresh_token", key), first, "the first time it asks for a token that it does not have");
        assert_eq!(ask("client_credentials", key), first, "a program that was started again");
    }
    until("the lines are written", || {
        let log = std::fs::read_to_string(world.state().join("audit.jsonl")).unwrap();
        (log.matches(r#""event":"token""#).count() >= 4).then_some(())
    });
    assert_eq!((reports(&world, "editor"), reports(&world, "other"), idp.refreshes()), (0, 0, 0));
    idp.set_lifetime(3600);
    // Within the limits of reports: a token that is new is not refreshed.
    let second = until("a new token", || Some(ask("refresh_token", &editor)).filter(|token| *token != first));
    until("the reports are written", || (reports(&world, "editor") > 0).then_some(()));
    assert_eq!(idp.refreshes(), 1);
    // The other program has the old token: it gets the new one, and that is no report.
    assert_eq!(ask("refresh_token", &other), second);
    assert_eq!((reports(&world, "other"), idp.refreshes()), (0, 1));
}

#[test]
fn a_report_that_brings_nothing_serves_the_token_and_an_ended_login_is_told() {
    let idp = Idp::living(16);
    let world = World::start_with(&idp, "", "", "lazy = true");
    world.log_in("work");
    let key = world.add_app(&["editor"]);
    let ask = || world.ask_tcp(&form("/oauth2/token", &format!("grant_type=refresh_token&refresh_token={key}")));
    let first = ask().json()["access_token"].clone();
    assert_eq!(ask().json()["access_token"], first, "it is new");
    idp.always_at("/token", Act::Raw(plain(400, "application/json", r#"{"error":"invalid_grant"}"#)));
    let told = until("the provider ends the login", || Some(ask()).filter(|reply| reply.status != 200));
    assert_eq!((told.status, told.code().as_str()), (503, "temporarily_unavailable"), "{told:?}");
    assert!(told.body.contains("Run `ringback login work`."), "{told:?}");
    assert_eq!(world.token("work"), first.as_str().unwrap(), "whoever asks for the token still gets it");
}

#[test]
fn metadata_is_at_one_path_and_names_the_issuer_that_was_asked() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let authority = world.authority();
    let port = authority.rsplit(':').next().unwrap().to_owned();
    let path = "/.well-known/oauth-authorization-server/oauth2";
    for host in [authority, format!("localhost:{port}"), format!("LOCALHOST:{port}"), format!("[::1]:{port}")] {
        let reply = world.ask_tcp(&Request::get(path).header("Host", &host)).json();
        let issuer = format!("http://{}/oauth2", host.to_lowercase());
        assert_eq!(
            reply,
            json!({
                "issuer": issuer, "token_endpoint": format!("{issuer}/token"), "response_types_supported": [],
                "grant_types_supported": ["client_credentials", "refresh_token"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            })
        );
    }
    assert_eq!(world.get(path).json()["issuer"], "http://localhost/oauth2", "over the socket");
    for other in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/oauth2/work",
        "/.well-known/oauth-authorization-server/v4",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/oauth2",
        "/oauth2/.well-known/openid-configuration",
        "/oauth2/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/oauth2",
        "/register",
    ] {
        for reply in [world.ask_tcp(&Request::get(other)), world.get(other)] {
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{other}: {reply:?}");
            assert!(reply.header("www-authenticate").is_none(), "{other}: {reply:?}");
        }
    }
}
