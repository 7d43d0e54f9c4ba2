//! `ringback doctor`: its findings for one fault at a time.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use ringback::clock::{Clock, Wall};
use ringback::contract::AccountState;
use ringback::secret::source::KeySource;
use ringback::store::Store as _;
use ringback::store::file::{FileStore, StateLock};
use ringback::store::key::source::{OsKeyring, Outside};
use serde_json::Value;

use crate::api_server::ApiServer;
use crate::http::free_port;
use crate::idp::{Act, Idp, plain};
use crate::world::{World, account, provider};

/// A world with a fixed port in its config.
fn world(idp: &Idp, of_provider: &str, of_account: &str) -> (World, u16) {
    let port = free_port();
    let listen = format!("[listen]\ntcp = [\"127.0.0.1:{port}\"]\n");
    let parts = [listen, provider("idp", idp, "/token", of_provider), account("work", "idp", of_account)];
    (World::with_config(&parts.join("\n")), port)
}

/// Exit code and findings.
fn doctor(world: &World) -> (i32, Vec<Value>) {
    let (code, out, said) = world.cli(&["doctor", "--json"]);
    let reply: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out} {said}"));
    assert_eq!(reply["attention_needed"], code == 1);
    (code, reply["findings"].as_array().unwrap().clone())
}

/// The findings that need a fix, as `check: what | fix`.
fn needs_hand(findings: &[Value]) -> Vec<String> {
    let bad = findings.iter().filter(|finding| finding["state"] == "needs_hand");
    bad.map(|finding| format!("{}: {} | {}", finding["check"], finding["what"], finding["fix"])).collect()
}

#[test]
fn a_healthy_daemon_needs_no_fix_and_the_redirect_uri_is_shown() {
    let idp = Idp::start();
    let (mut world, port) = world(&idp, "", "");
    world.run();
    let (code, findings) = doctor(&world);
    let bad = needs_hand(&findings);
    assert!(code == 1 && bad.len() == 1 && bad[0].contains("ringback login work"), "{bad:?}");
    world.log_in("work");
    let (code, findings) = doctor(&world);
    assert_eq!((code, needs_hand(&findings)), (0, vec![]));
    let uri = format!("redirect URI http://127.0.0.1:{port}/callback/idp");
    assert!(findings.iter().any(|finding| finding["what"] == uri.as_str()), "{findings:?}");
    let (code, text, _) = world.cli(&["doctor", "--offline"]);
    assert!(code == 0 && text.ends_with("Nothing has to be fixed.\n") && !text.contains("provider at"), "{text}");
}

#[test]
fn an_unused_proxy_variable_is_reported() {
    let idp = Idp::start();
    for (of_provider, told) in [("", 1), ("proxy = \"environment\"", 0)] {
        let world = World::with_config(&format!(
            "[providers.far]\npreset = \"generic\"\nauthorize_url = \"{}\"\n\
             token_url = \"https://id.invalid/token\"\n{of_provider}\n{}",
            idp.url("/authorize"),
            account("work", "far", "")
        ));
        let mut asked = world.command(&["doctor", "--offline", "--json"]);
        let out = asked.env("HTTPS_PROXY", "http://127.0.0.1:9").output().unwrap().stdout;
        let reply: Value = serde_json::from_slice(&out).unwrap();
        let findings = reply["findings"].as_array().unwrap();
        let proxies: Vec<_> = findings.iter().filter(|finding| finding["check"] == "proxy").collect();
        assert_eq!(proxies.len(), told, "{findings:?}");
        for finding in proxies {
            assert_eq!(finding["state"], "note");
            assert_eq!(finding["what"], "HTTPS_PROXY is set, but `far` is reached without a proxy");
            assert!(finding["fix"].as_str().unwrap().contains("`proxy = \"environment\"` in `[providers.far]`"));
        }
    }
}

#[test]
fn each_fault_is_reported_with_its_fix() {
    let idp = Idp::start();
    let (world, port) = world(&idp, "", "");
    let (code, findings) = doctor(&world);
    let bad = needs_hand(&findings);
    assert!(code == 1 && bad.len() == 1 && bad[0].contains("ringback serve"), "{bad:?}");

    let squatter = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (_, findings) = doctor(&world);
    assert!(needs_hand(&findings).iter().any(|bad| bad.contains("port") && bad.contains("is taken")), "{findings:?}");
    drop(squatter);

    std::fs::create_dir_all(world.state()).unwrap();
    std::fs::set_permissions(world.state(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (_, findings) = doctor(&world);
    assert!(needs_hand(&findings).iter().any(|bad| bad.contains("state folder") && bad.contains("chmod 700")));
    std::fs::set_permissions(world.state(), std::fs::Permissions::from_mode(0o700)).unwrap();

    let nobody = free_port();
    world.configure(&format!(
        "[providers.p]\npreset = \"generic\"\nauthorize_url = \"http://127.0.0.1:{nobody}/a\"\n\
         token_url = \"http://127.0.0.1:{nobody}/t\"\nclient_auth = \"none\"\n\
         [accounts.work]\nprovider = \"p\"\nclient_id = \"c\"\n"
    ));
    let (_, findings) = doctor(&world);
    assert!(
        needs_hand(&findings).iter().any(|bad| bad.contains("provider at") && bad.contains("refused")),
        "{findings:?}"
    );

    world.configure("[accounts.work]\nprovider = \"nobody\"\nclient_id = \"x\"\n");
    let (_, findings) = doctor(&world);
    assert!(needs_hand(&findings).iter().any(|bad| bad.contains("config.toml:2")), "{findings:?}");
}

#[test]
fn a_provider_with_a_different_clock_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 400 No\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let world = World::with_config(&format!(
        "[providers.p]\npreset = \"generic\"\nauthorize_url = \"http://{address}/a\"\ntoken_url = \"http://{address}/t\"\n\
         client_auth = \"none\"\n[accounts.work]\nprovider = \"p\"\nclient_id = \"c\"\n"
    ));
    let (_, findings) = doctor(&world);
    assert!(needs_hand(&findings).iter().any(|bad| bad.contains("clock") && bad.contains("differ by")), "{findings:?}");
}

/// Moves the login of account `work` this many hours into the past; the daemon must be stopped.
fn age_login(world: &World, hours: i64) {
    let outside = Outside { env: &|_| None, keyring: &OsKeyring };
    let held = StateLock::take(&world.state()).unwrap();
    let store = FileStore::open(held, &KeySource::File, outside, Clock::System).unwrap();
    let mut record = store.load("work").unwrap().unwrap();
    let Wall(since) = record.logins.since.expect("the login has a time");
    record.logins.since = Some(Wall(since - hours * 3_600_000));
    record.generation += 1;
    store.commit("work", &record).unwrap();
}

#[test]
fn logins_that_repeatedly_end_after_the_same_time_are_reported() {
    let idp = Idp::start();
    let (mut world, _) = world(&idp, "", "");
    let refused = "{\"error\":\"invalid_grant\"}";
    let pattern = |world: &World| {
        let found =
            doctor(world).1.into_iter().find(|finding| finding["what"].to_string().contains("logins after about"));
        found.map(|finding| format!("{}: {} | {}", finding["state"], finding["what"], finding["fix"]))
    };
    world.run();
    for hours in [169, 174] {
        world.log_in("work");
        // Refreshes extend the login.
        assert_eq!(world.post("/v1/accounts/work/refresh").status, 200);
        world.stop();
        age_login(&world, hours);
        world.run();
        assert_eq!(pattern(&world), None);
        idp.next(Act::Raw(plain(400, "application/json", refused)));
        assert_ne!(world.post("/v1/accounts/work/refresh").status, 200);
        world.until_state("work", AccountState::NeedsLogin);
    }
    assert_eq!(
        world.account("work").logins_lasted.iter().map(|seconds| seconds / 3600).collect::<Vec<_>>(),
        [169, 174]
    );
    let told = pattern(&world).unwrap();
    assert!(told.contains("\"note\": \"the provider ended its last 2 logins after about 7 days each\""), "{told}");
    assert!(told.contains("Ask the provider how long"), "{told}");
    world.log_in("work");
    world.restart();
    let told = pattern(&world).unwrap();
    assert!(told.contains("expect that of the present one in 7 days") || told.contains("in 6 days"), "{told}");
}

/// The findings about the proxy and the apps, as `check: what | fix`.
fn of_the_proxy(findings: &[Value]) -> Vec<String> {
    let about = |finding: &&Value| {
        let check = finding["check"].as_str().unwrap();
        check.starts_with("proxy of") || check.starts_with("app ")
    };
    let shown = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {} | {}", text("state"), text("check"), text("what"), text("fix"))
    };
    findings.iter().filter(about).map(shown).collect()
}

#[test]
fn an_upstream_is_asked_without_a_token_and_its_answer_is_told() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        let target = received.line().split(' ').nth(1).unwrap().to_owned();
        match target.as_str() {
            "/moved" => line.answer(308, "Location: /v2\r\n", ""),
            "/down" => line.answer(503, "", ""),
            "/open" => line.answer(200, "", "hello"),
            _ => line.answer(401, "WWW-Authenticate: Bearer\r\n", "no"),
        }
    });
    let (mut world, _) = world(&idp, "", &format!("proxy = {{ upstream = \"{}\" }}", api.url("/v4")));
    world.run();
    world.log_in("work");
    let nobody = free_port();
    for (upstream, told) in [
        (api.url("/v4"), vec!["good proxy of work: ", "/v4 answers 401 to a request without a token, as it should"]),
        (api.url("/open"), vec!["good proxy of work: ", "/open answers (200)"]),
        (
            api.url("/moved"),
            vec!["note proxy of work: ", "redirects to", "/v2, and", "`upstream` in `[accounts.work.proxy]`"],
        ),
        (api.url("/down"), vec!["note proxy of work: ", "answers 503", "ask who runs it"]),
        (
            format!("http://127.0.0.1:{nobody}/x"),
            vec!["needs_hand proxy of work: ", "can't be used: there is no connection", "[accounts.work.proxy]"],
        ),
        (
            "https://nowhere.invalid/x".to_owned(),
            vec![
                "needs_hand proxy of work: ",
                "can't be used: there is no connection",
                "TLS verification can't be turned off",
            ],
        ),
    ] {
        let of_account = format!("proxy = {{ upstream = \"{upstream}\" }}");
        let parts = [provider("idp", &idp, "/token", ""), account("work", "idp", &of_account)];
        world.configure(&parts.join("\n"));
        let (_, findings) = doctor(&world);
        let found = of_the_proxy(&findings);
        let fits = found.len() == 1 && told.iter().all(|part| found[0].contains(part));
        assert!(fits, "{upstream}: {found:?}");
    }
    let received = api.received();
    assert!(received.len() == 4 && received.iter().all(|request| request.header("authorization").is_none()));
    let (_, text, _) = world.cli(&["doctor", "--offline"]);
    assert!(!text.contains("proxy of work"), "{text}");
    assert_eq!(api.received().len(), 4);
}

#[test]
fn an_mcp_server_that_moved_to_another_issuer_is_reported() {
    let idp = Idp::start();
    let api = ApiServer::start(|received, line| {
        let host = received.header("host").unwrap().to_owned();
        let metadata =
            format!("{{\"resource\":\"http://{host}/mcp\",\"authorization_servers\":[\"https://new.example\"]}}");
        if received.line().contains("/.well-known/") {
            return line.answer(200, "Content-Type: application/json\r\n", &metadata);
        }
        let place = format!("http://{host}/.well-known/oauth-protected-resource/mcp");
        line.answer(401, &format!("WWW-Authenticate: Bearer resource_metadata=\"{place}\"\r\n"), "no")
    });
    let of_account = format!("proxy = {{ upstream = \"{}\" }}", api.url("/mcp"));
    let (world, _) = world(&idp, "issuer = \"https://old.example\"\ndiscover = false", &of_account);
    let found = of_the_proxy(&doctor(&world).1);
    let told =
        "the server takes tokens of https://new.example, and not of https://old.example | Run `ringback mcp add work";
    assert!(found.iter().any(|found| found.contains(told)), "{found:?}");
}

#[test]
fn apps_and_rules_that_can_do_nothing_at_the_proxy_are_reported() {
    let idp = Idp::start();
    let api = ApiServer::saying("hello");
    let (mut world, _) = world(&idp, "", &format!("proxy = {{ upstream = \"{}\" }}", api.url("/v4/v4")));
    world.run();
    for arguments in [
        &["good", "--proxy", "work", "--path", "/calls/**"][..],
        &["twice", "--proxy", "work", "--path", "/v4/v4/calls/**"],
        &["trace", "--proxy", "work", "--method", "TRACE"],
    ] {
        world.add_app(arguments);
    }
    let found = of_the_proxy(&doctor(&world).1);
    for told in [
        "note proxy of work: the path of http://127.0.0.1",
        "has `/v4` twice | If that is a mistake, correct `upstream` in `[accounts.work.proxy]`.",
        "note app twice: its rule `/v4/v4/calls/**` begins with `/v4/v4`",
        "--path '/calls/**'",
        "note app trace: its rule for TRACE fits no request",
    ] {
        assert!(found.iter().any(|found| found.contains(told)), "{told}: {found:#?}");
    }
    assert!(!found.iter().any(|found| found.contains("app good")), "{found:?}");
    world.configure(&[provider("idp", &idp, "/token", ""), account("work", "idp", "")].join("\n"));
    let found = of_the_proxy(&doctor(&world).1);
    let told = "needs_hand app good: it may use the proxy of `work`, which is not open | Set `upstream`";
    assert!(found.iter().any(|found| found.contains(told)), "{found:#?}");
    world.configure(&[provider("idp", &idp, "/token", ""), account("home", "idp", "")].join("\n"));
    let found = of_the_proxy(&doctor(&world).1);
    assert!(found.iter().any(|found| found.contains("`work`, which is no account of the config")), "{found:#?}");
}
