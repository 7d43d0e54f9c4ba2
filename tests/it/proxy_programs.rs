//! The proxy, as programs get at it: the config, keys with rules, consent, `ringback exec`, and what is told of their use.

use serde_json::json;

use crate::api_server::{ApiServer, proxy_lines, with_key};
use crate::http::{Request, Wire, parse};
use crate::idp::Idp;
use crate::world::{World, until};

#[test]
fn an_app_is_held_to_its_accounts_scopes_consent_and_rules() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let world = api.world(&idp, "");
    let key = |arguments: &[&str]| format!("Bearer {}", world.add_app(arguments));
    let rules = ["--method", "GET", "--path", "/accounts/*/calls/**"];
    let agent = key(&[&["agent", "--proxy", "work"], &rules[..]].concat());
    let free = key(&["free", "--proxy", "work"]);
    let home = key(&["home", "--account", "home"]);
    let scoped = key(&["scoped", "--account", "work", "--scope", "one"]);
    let ask =
        |key: &str, method: &str, path: &str| world.ask_tcp(&Request::new(method, path).header("Authorization", key));
    for (key, method, path, status, says) in [
        (&agent, "GET", "/proxy/work/accounts/1/calls", 200, "x"),
        (&agent, "GET", "/proxy/work/accounts/1/calls/2?a=b", 200, "x"),
        (&agent, "GET", "/proxy/default/accounts/1/calls", 200, "x"),
        (&agent, "POST", "/proxy/work/accounts/1/calls", 403, "`--method POST`"),
        (&agent, "GET", "/proxy/work/accounts/1", 403, "`--path '/accounts/1'`"),
        (&agent, "GET", "/token", 403, "through the proxy only"),
        (&agent, "GET", "/v1/accounts", 403, "through the proxy only"),
        (&agent, "POST", "/v1/accounts/work/rejected", 403, "through the proxy only"),
        (&free, "DELETE", "/proxy/work/any", 200, "x"),
        (&free, "GET", "/v1/accounts/work/token", 403, "through the proxy only"),
        (&free, "GET", "/proxy/home/any", 403, "no right to that account"),
        (&home, "GET", "/proxy/work/any", 403, "no right to that account"),
        (&home, "GET", "/proxy/home/any", 400, "has no proxy"),
        (&scoped, "GET", "/proxy/work/any", 403, "limited to some scopes"),
        (&agent, "GET", "/proxy/nowhere/x", 403, "no right to that account"),
    ] {
        let reply = ask(key, method, path);
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        assert!(reply.body.contains(says), "{method} {path}: {reply:?}");
    }
    let overridden = Request::get("/proxy/work/accounts/1/calls")
        .header("Authorization", &agent)
        .header("X-HTTP-Method-Override", "DELETE");
    assert_eq!(world.ask_tcp(&overridden).status, 403);
    let listed = world.cli(&["app", "list"]).1;
    assert!(
        listed.contains("agent: uses through the proxy only: work, method GET, path /accounts/*/calls/**"),
        "{listed}"
    );
    assert_eq!(world.cli(&["app", "remove", "agent"]).0, 0);
    assert_eq!(ask(&agent, "GET", "/proxy/work/accounts/1/calls").status, 401);
}

#[test]
fn rules_outlive_a_restart_and_an_older_daemon_would_not_read_past_them() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let mut world = api.world(&idp, "");
    let version = |world: &World| {
        let text = std::fs::read_to_string(world.state().join("apps.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["version"].clone()
    };
    assert_eq!(version(&world), 1);
    let agent = format!("Bearer {}", world.add_app(&["agent", "--proxy", "work", "--method", "GET"]));
    assert_eq!(version(&world), 2);
    let caller = format!("Bearer {}", world.add_app(&["caller", "--proxy", "work", "--tool", "get_*"]));
    assert_eq!(version(&world), 3);
    world.restart();
    let ask =
        |method: &str| world.ask_tcp(&Request::new(method, "/proxy/work/x").header("Authorization", &agent)).status;
    assert_eq!((ask("GET"), ask("POST")), (200, 403));
    let call = |tool: &str| world.ask_tcp(&calling(&caller, tool)).body;
    assert!(call("get_a") == "x" && call("drop_a").contains("`--tool 'drop_a'`"));
    assert_eq!(world.cli(&["app", "remove", "caller"]).0, 0);
    assert_eq!(version(&world), 2);
    // And what a later version may ask for, this one refuses.
    for asked in [json!({ "name": "later", "limit": 1 }), json!({ "name": "later", "proxy": { "resources": ["*"] } })] {
        assert_eq!(world.ask(&Request::new("POST", "/v1/apps").json(&asked.to_string())).status, 400, "{asked}");
    }
    assert!(!world.get("/v1/apps").body.contains("later"));
}

fn calling(key: &str, tool: &str) -> Request {
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": tool } });
    Request::new("POST", "/proxy/work").header("Authorization", key).json(&call.to_string())
}

#[test]
fn an_app_is_held_to_the_tools_of_its_rules_and_told_in_json_rpc_which_rule_is_missing() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let world = api.world(&idp, "");
    let caller = format!("Bearer {}", world.add_app(&["caller", "--proxy", "work", "--tool", "get_*", "--tool", "a"]));
    for tool in ["get_x", "a"] {
        assert_eq!(world.ask_tcp(&calling(&caller, tool)).body, "x");
    }
    let refused = world.ask_tcp(&calling(&caller, "b"));
    let said = refused.json();
    assert_eq!((refused.status, &said["jsonrpc"], &said["id"]), (200, &json!("2.0"), &json!(7)), "{refused:?}");
    assert_eq!(said["error"]["data"]["error"], "not_permitted", "{said}");
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("no rule of this app allows the tool b; `--tool 'b'` of `ringback app add`"), "{said}");
    let below = Request::new("POST", "/proxy/work/mcp").header("Authorization", &caller).json("{}");
    assert!(world.ask_tcp(&below).body.contains("`--path '/mcp'`"));
    assert_eq!(api.received().len(), 2);
    let listed = world.cli(&["app", "list"]).1;
    assert!(listed.contains("caller: uses through the proxy only: work, tool get_* a\n"), "{listed}");
    let listed = world.get("/v1/apps").json();
    assert_eq!(listed["apps"][0]["proxy"]["tools"], json!(["get_*", "a"]), "{listed}");
    for (arguments, says) in [
        (&["x", "--proxy", "work", "--tool", "a b"][..], "a tool is 1 to 128 visible ASCII characters"),
        (&["x", "--tool", "a"], "--proxy"),
    ] {
        let (code, _, said) = world.cli(&[&["app", "add"], arguments].concat());
        assert!(code != 0 && said.contains(says), "{code} {said}");
    }
    let lines = proxy_lines(&world, 6);
    let line = lines.iter().find(|line| line["result"] == "not_permitted").unwrap();
    assert!(line["app"] == "caller" && line["reason"].as_str().unwrap().contains("--tool 'b'"), "{line}");
}

#[test]
fn a_program_asks_for_consent_before_its_first_request() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let world = api.world(&idp, "consent = \"ask\"");
    let key = format!("Bearer {}", world.add_app(&["agent", "--proxy", "work"]));
    let mut waiting = Wire::tcp(&world.authority());
    waiting.send(&Request::get("/proxy/work/x").header("Authorization", &key).bytes(&world.authority()));
    let id = until("there is a question", || {
        world.get("/v1/consents").json()["pending"][0]["id"].as_str().map(str::to_owned)
    });
    assert!(api.received().is_empty());
    assert_eq!(
        world.ask(&Request::new("POST", &format!("/v1/consents/{id}")).json("{\"answer\":\"allow\"}")).status,
        200
    );
    assert_eq!(parse(&waiting.rest()).status, 200);
}

#[test]
fn an_account_is_opened_by_the_config_and_by_nothing_else() {
    let (idp, api) = (Idp::start(), ApiServer::saying("x"));
    let world = api.world(&idp, "");
    for (text, says) in [
        ("proxy = {}", "has no `upstream`, and provider `idp` has none either"),
        ("proxy = { upstream = \"http://api.example/\" }", "uses http"),
        ("proxy = { upstream = \"https://169.254.169.254/\" }", "link-local or metadata address"),
        ("proxy = { upstream = \"https://[::ffff:169.254.169.254]/\" }", "link-local or metadata address"),
        ("proxy = { upstream = \"https://u:p@api.example/\" }", "user name or password"),
        ("proxy = { upstream = \"https://api.example/a/..%2fb\" }", "understand differently"),
        ("proxy = { upstream = \"https://api.example/?a\" }", "query or a fragment"),
        ("proxy = { upsteam = \"https://api.example/\" }", "upsteam"),
        ("proxy = { upstream = \"https://api.example/\", timeout = \"0s\" }", "timeout"),
        ("proxy = true", "expected a table"),
    ] {
        let config = crate::world::provider("idp", &idp, "/token", "") + &crate::world::account("work", "idp", text);
        let other = World::with_config(&config);
        let (code, _, said) = other.cli(&["config", "check"]);
        assert!(code == 2 && said.contains(says), "{text}: {code} {said}");
    }
    // A preset's API is not reached without it.
    let reply = world.ask_tcp(&with_key(&world, Request::get("/proxy/home/x")));
    assert_eq!((reply.status, reply.code().as_str()), (400, "usage"), "{reply:?}");
    let fine = "[accounts.p]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nproxy = {}\n";
    assert_eq!(World::with_config(fine).cli(&["config", "check"]).0, 0);
}

#[test]
fn status_and_page_say_where_the_proxy_is_and_who_has_used_it() {
    let (idp, api) = (Idp::start(), ApiServer::saying("hello"));
    let world = api.world(&idp, "");
    let key = format!("Bearer {}", world.add_app(&["agent", "--proxy", "work", "--method", "POST"]));
    let asked = |method: &str| Request::new(method, "/proxy/work/x").header("Authorization", &key);
    assert_eq!(world.ask_tcp(&asked("POST").json("{\"a\":1}")).status, 200);
    assert_eq!(world.ask_tcp(&asked("GET")).status, 403);
    assert_eq!(world.ask(&Request::get("/proxy/work/x")).status, 200);
    let base = format!("http://{}/proxy/work", world.authority());
    let uses = until("all are counted", || {
        let proxy = world.get("/v1/accounts/work").json()["proxy"].clone();
        assert_eq!((&proxy["base_url"], &proxy["upstream"]), (&json!(base), &json!(api.url("/v4"))));
        (proxy["uses"].as_array().map(Vec::len) == Some(2) && proxy["uses"][1]["requests"] == 1)
            .then_some(proxy["uses"].clone())
    });
    assert_eq!(uses[0], json!({"requests": 1, "refused": 0, "sent": 0, "received": 5}));
    assert_eq!(uses[1], json!({"app": "agent", "requests": 1, "refused": 1, "sent": 7, "received": 5}));
    assert!(world.get("/v1/accounts/home").json().get("proxy").is_none());
    let status = world.cli(&["status", "work", "--verbose"]).1;
    for says in [
        &*format!("proxy: {base} leads to {}", api.url("/v4")),
        "proxy, agent: 1 requests, 1 refused, 7 bytes sent, 5 received",
    ] {
        assert!(status.contains(says), "{says}: {status}");
    }
    let reader = format!("Bearer {}", world.add_app(&["reader", "--account", "work"]));
    let seen = world.ask_tcp(&Request::get("/v1/accounts/work").header("Authorization", &reader)).json();
    assert!(seen["proxy"].get("uses").is_none(), "an app learns nothing of others: {seen}");
    let log = world.cli(&["audit", "--app", "agent"]).1;
    assert!(log.contains("POST /x 200 sent=7 received=5"), "{log}");
}

#[test]
fn exec_gives_a_program_a_base_url_and_a_key_that_ends_with_it() {
    let (idp, api) = (Idp::start(), ApiServer::saying("hello"));
    let world = api.world(&idp, "");
    let (code, said, error) = world.cli(&[
        "exec",
        "--base-url",
        "API_BASE_URL",
        "--api-key",
        "API_KEY",
        "--",
        "sh",
        "-c",
        "echo $API_BASE_URL $API_KEY",
    ]);
    assert_eq!(code, 0, "{error}");
    let (base, key) = said.trim().split_once(' ').unwrap();
    assert_eq!(base, format!("http://{}/proxy/work", world.authority()));
    let asked = Request::get("/proxy/work/x").header("Authorization", &format!("Bearer {key}"));
    until("the key has ended", || (world.ask_tcp(&asked).status == 401).then_some(()));
    let script = "exec 3<>/dev/tcp/${API_BASE_URL:7:9}/$(echo $API_BASE_URL | tr -dc '0-9/:' | cut -d: -f3 | cut -d/ -f1); \
                  printf 'GET /proxy/work/x HTTP/1.1\\r\\nHost: '$(echo $API_BASE_URL | cut -d/ -f3)'\\r\\nAuthorization: Bearer '$API_KEY'\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3";
    let (_, said, error) =
        world.cli(&["exec", "--base-url", "API_BASE_URL", "--api-key", "API_KEY", "--", "bash", "-c", script]);
    assert!(said.contains("200 OK") && said.ends_with("hello"), "{said} {error}");
    for (arguments, says) in [
        (&["exec", "work", "home", "--base-url", "A", "--api-key", "B", "--", "true"][..], "for one account"),
        (&["exec", "--base-url", "A-B", "--api-key", "B", "--", "true"], "can't be the name of a variable"),
        (&["exec", "--base-url", "A", "--", "true"], "--api-key"),
    ] {
        let (code, _, said) = world.cli(arguments);
        assert!(code == 2 && said.contains(says), "{arguments:?}: {code} {said}");
    }
}
