//! Error messages name the next step for each kind of failure.

use ringback::contract::{AccountState, ErrorReply, LoginStatus};

use crate::http::Request;
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider};

fn refusal(code: &str) -> Act {
    Act::Raw(plain(401, "application/json", format!("{{\"error\":\"{code}\",\"error_description\":\"Nope\"}}")))
}

#[test]
fn a_refused_client_error_names_the_auth_method_and_the_alternative() {
    let idp = Idp::start();
    for (auth, other) in [("basic", "`client_auth = \"post\"`"), ("post", "`client_auth = \"basic\"`")] {
        let config =
            [provider("idp", &idp, "/token", &format!("client_auth = \"{auth}\"")), account("work", "idp", "")];
        let mut world = World::with_config(&config.join("\n"));
        world.run();
        idp.next(refusal("invalid_client"));
        let failure = world.try_log_in("work").1.failure.unwrap();
        let told = &failure.error_description;
        assert!(told.contains("invalid_client: Nope; sent with") && told.contains(other), "{told}");
        assert!(told.contains("`client_id` and `client_secret` of `[accounts.work]`"), "{told}");
        assert!(told.contains("`[providers.idp]`") && !told.contains("canary"), "{told}");
        assert!(
            failure.hint.contains("secret in `[accounts.work]`") && failure.hint.contains("login work"),
            "{failure:?}"
        );

        // The same for a refresh, and in the account's status.
        world.log_in("work");
        idp.next(refusal("invalid_client"));
        let (code, _, said) = world.cli(&["refresh", "work"]);
        assert!(code == 8 && said.contains(other) && said.contains("ringback refresh work"), "{said}");
        assert!(world.account("work").reason.unwrap().contains("`client_secret` of `[accounts.work]`"));
    }
}

#[test]
fn a_refused_device_request_has_the_same_hint() {
    let idp = Idp::start();
    let device = format!("device_url = \"{}\"", idp.url("/device"));
    let config = [provider("idp", &idp, "/token", &device), account("work", "idp", "grant = \"device_code\"")];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    idp.next_at("/device", refusal("invalid_client"));
    let (code, _, said) = world.cli(&["login", "work"]);
    assert!(code == 6 && said.contains("no device code: invalid_client: Nope; sent with"), "{said}");
    assert!(said.contains("hint: Correct the client's id or secret in `[accounts.work]`"), "{said}");
}

#[test]
fn a_missing_endpoint_error_names_its_config_key() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    let (code, _, said) = world.cli(&["info", "work"]);
    assert_eq!(code, 8, "{said}");
    for part in ["can't be asked", "`introspect_url`", "`details_url`", "ringback provider check work"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("refused"), "no request was sent: {said}");
}

#[test]
fn a_refused_import_quotes_the_provider() {
    let idp = Idp::start();
    let introspect = format!("introspect_url = \"{}\"", idp.url("/introspect"));
    let config = [provider("idp", &idp, "/token", &introspect), account("work", "idp", "")];
    let mut world = World::with_config(&config.join("\n"));
    world.run();
    let import =
        |body: &str| -> ErrorReply { world.ask(&Request::new("POST", "/v1/accounts/work/import").json(body)).parse() };
    for (act, says) in [
        (plain(200, "application/json", "{\"active\":false}"), "introspection (RFC 7662), it is not active"),
        (
            plain(401, "application/json", "{\"error\":\"invalid_token\",\"error_description\":\"Ann revoked it\"}"),
            "the provider refused it: invalid_token: Ann revoked it",
        ),
        (plain(503, "text/plain", "no"), "could not be asked about it: the provider answered 503"),
    ] {
        idp.next_at("/introspect", Act::Raw(act));
        let reply = import("{\"access_token\":\"elsewhere~canary\"}");
        let told = &reply.error_description;
        assert!(told.contains(says) && !told.contains("canary"), "{told}");
        assert!(reply.hint.contains("import again"), "{reply:?}");
    }
    idp.next(refusal("invalid_grant"));
    let reply = import("{\"refresh_token\":\"elsewhere~canary\"}");
    assert!(
        reply.error_description.contains("the provider refused the refresh token: invalid_grant: Nope"),
        "{reply:?}"
    );
    assert_eq!(world.account("work").state, AccountState::SignedOut);
}

#[test]
fn not_found_errors_say_where_to_look() {
    let idp = Idp::start();
    let world = World::start(&idp);
    for (arguments, step) in [
        (&["consent", "allow", "99"][..], "ringback consent list"),
        (&["consent", "forget", "99"], "ringback consent list"),
        (&["provider", "accept", "nobody"], "ringback status"),
        (&["app", "rotate", "nobody"], "ringback app list"),
        (&["token", "nobody"], "ringback status"),
    ] {
        let (code, _, said) = world.cli(arguments);
        assert!(code != 0 && said.contains(step), "{arguments:?}: {said}");
        assert!(!said.contains("Correct the request"), "{said}");
    }
}

#[test]
fn unusable_replies_name_their_content_type_and_unusable_tokens_their_type() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let token = |kind: &str| format!("{{\"access_token\":\"a\",\"token_type\":{kind}}}");
    for (reply, says) in [
        (plain(200, "text/html", "<html>Sign in</html>"), "the reply is not JSON but `text/html`"),
        (plain(403, "text/html; charset=utf-8", "<html>No</html>"), "(`text/html; charset=utf-8`; from a proxy"),
        (
            plain(200, "application/json", token("\"DPoP\"")),
            "token_type is `DPoP`: the server binds its tokens to a key (set `dpop = true` for the account)",
        ),
        (plain(200, "application/json", token("\"mac\"")), "token_type is `mac`: not a bearer token"),
    ] {
        idp.next(Act::Raw(reply));
        let end = world.try_log_in("work").1;
        let told = end.failure.unwrap().error_description;
        assert!(end.status == LoginStatus::Failed && told.contains(says), "{says}: {told}");
    }
}
