//! Accounts by URL, and the credential helpers: what the daemon finds, and what each program is answered.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::idp::Idp;
use crate::world::{World, account, feed, provider, told, until};

/// Two accounts, of which the first is the default, and both are logged in.
fn world(idp: &Idp) -> World {
    let urls = "api_urls = [\"https://api.example/v1\"]\nissuer = \"https://id.example/realm\"";
    let own = "api_urls = [\"https://api.example/v1/calls\", \"git.example\"]\ncredential_username = \"ann\"";
    let config = [
        "default_account = \"work\"\n".to_owned(),
        provider("idp", idp, "/token", urls),
        account("work", "idp", "lazy = true"),
        account("home", "idp", own),
        account("zoo", "idp", "api_urls = [\"https://git.example/\"]"),
    ];
    let mut world = World::with_config(&config.concat());
    world.run();
    world.log_in("work");
    world.log_in("home");
    world
}

/// Runs the program under `name` with this input.
fn linked(world: &World, name: &str, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = world.command(arguments).arg0(name).stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, input.as_bytes());
    told(child.wait_with_output().unwrap())
}

#[test]
fn a_url_leads_to_the_token_of_its_account() {
    let idp = Idp::start();
    let world = world(&idp);
    let (work, home) = (world.token("work"), world.token("home"));
    for (url, expected) in [
        ("https://api.example/v1", &work),
        ("https://api.example:443/v1/faxes?access_token=canary#x", &work),
        ("https://user:canary@API.example/v1/calls/7", &home),
        ("https://id.example/realm", &work),
    ] {
        assert_eq!(world.cli(&["token", url]), (0, format!("{expected}\n"), String::new()), "{url}");
    }
    for (url, code, said) in [
        ("https://api.example/v2", 4, "no account is for https://api.example/v2\nhint: The accounts are for"),
        ("http://api.example/v1", 2, "`url` is neither https nor http on this machine"),
        ("https://git.example/x", 2, "several accounts are for https://git.example/x: `home`, `zoo`"),
        ("https://", 2, "that is neither the name of an account nor a URL"),
    ] {
        let (found, out, err) = world.cli(&["token", url]);
        assert!(found == code && out.is_empty() && err.contains(said), "{url}: {found} {err}");
    }
    assert!(!world.log().contains("canary"), "{}", world.log());
}

#[test]
fn an_app_finds_its_own_accounts_and_hears_of_no_other() {
    let idp = Idp::start();
    let world = world(&idp);
    let key = format!("Bearer {}", world.add_app(&["editor", "--account", "home"]));
    let ask = |target: &str| world.ask_tcp(&crate::http::Request::get(target).header("Authorization", &key));
    let url = |url: &str, account: &str| json!({"url": url, "account": account, "username": "ann"});
    assert_eq!(
        ask("/v1/api-urls").json(),
        json!({"version": 1, "api_urls": [url("https://api.example/v1/calls", "home"), url("https://git.example", "home")]})
    );
    let of = |asked: &str| ask(&format!("/v1/api-urls?url={asked}"));
    // To the owner, two accounts are for it.
    assert_eq!(of("git.example/x").json()["api_urls"], json!([url("https://git.example/x", "home")]));
    let reply = of("https://api.example/v1/faxes");
    assert_eq!((reply.status, reply.code().as_str()), (404, "unknown_account"), "{reply:?}");
    assert!(!reply.body.contains("work") && reply.body.contains("https://git.example."), "{reply:?}");
    assert_eq!(of("").status, 400);
}

#[test]
fn git_gets_a_password_or_a_bearer_token_and_nothing_for_other_hosts() {
    let idp = Idp::start();
    let world = world(&idp);
    let (token, expires_at) = (world.token("home"), world.account("home").expires_at.unwrap());
    let server = "protocol=https\nhost=api.example\npath=v1/calls/a.git\n";
    let end = format!("password_expiry_utc={expires_at}\n");
    let password = format!("username=ann\npassword={token}\n{end}");
    let bearer = format!("capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential={token}\n{end}");
    for (input, expected) in [
        (server.to_owned(), password.as_str()),
        (format!("capability[]=authtype\n{server}wwwauth[]=Bearer realm=\"x\"\n\n"), &bearer),
        (format!("capability[]=authtype\n{server}wwwauth[]=Basic realm=\"x\"\n\n"), &password),
        ("protocol=https\nhost=other.example\n".into(), ""),
        ("protocol=http\nhost=api.example\npath=v1\n".into(), ""),
        ("protocol=ssh\nhost=api.example\n".into(), ""),
    ] {
        let answer = linked(&world, "git-credential-ringback", &["get"], &input);
        assert_eq!(answer, (0, expected.to_owned(), String::new()), "{input}");
        assert_eq!(linked(&world, "ringback", &["credential", "git", "get"], &input), answer);
    }
    let (code, out, err) = linked(&world, "git-credential-ringback", &["get"], "protocol=https\nhost=git.example\n");
    assert!(code == 2 && out.is_empty() && err.contains("`home`, `zoo`"), "two accounts: {code} {err}");
    for operation in ["store", "erase", "capability", "later"] {
        let answer = linked(&world, "git-credential-ringback", &[operation], server);
        assert_eq!(answer, (0, String::new(), String::new()), "{operation}");
    }
    assert_eq!(world.cli(&["logout", "home"]).0, 0);
    let (code, out, err) = linked(&world, "git-credential-ringback", &["get"], server);
    assert!(code == 5 && out.is_empty() && err.contains("ringback login home"), "{code} {err}");
}

#[test]
fn git_reports_a_refused_token_once() {
    let idp = Idp::living(12);
    let world = world(&idp);
    let first = world.token("work");
    idp.set_lifetime(3600);
    let before = idp.refreshes();
    let erase = |secret: &str| {
        let input = format!("protocol=https\nhost=api.example\npath=v1/x\nusername=oauth2\n{secret}");
        assert_eq!(linked(&world, "git-credential-ringback", &["erase"], &input).0, 0);
    };
    erase("password=another\n");
    erase("");
    // Within the limits of reports: a token that is new is not refreshed.
    until("a new token", || {
        erase(&format!("password={first}\n"));
        (world.token("work") != first).then_some(())
    });
    let second = world.token("work");
    erase(&format!("password={first}\n"));
    erase(&format!("credential={first}\n"));
    assert_eq!((world.token("work"), idp.refreshes() - before), (second, 1));
}

#[test]
fn docker_gets_lists_and_stores_nothing_of_its_own() {
    let idp = Idp::start();
    let world = world(&idp);
    let token = world.token("home");
    let docker = |action: &str, input: &str| linked(&world, "docker-credential-ringback", &[action], input);
    let (code, out, err) = docker("get", "api.example/v1/calls\n");
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = json!({"ServerURL": "api.example/v1/calls", "Username": "ann", "Secret": token});
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    let nothing = (1, "credentials not found in native keychain\n".to_owned(), String::new());
    for unknown in ["other.example", "https://index.docker.io/v1/", "", "a b"] {
        assert_eq!(docker("get", unknown), nothing, "{unknown}");
    }
    let known =
        r#"{"https://api.example/v1":"oauth2","https://api.example/v1/calls":"ann","https://git.example":"oauth2"}"#;
    assert_eq!(docker("list", ""), (0, format!("{known}\n"), String::new()));
    assert_eq!(docker("erase", "api.example"), (0, String::new(), String::new()));
    let stored = |secret: &str| {
        docker("store", &json!({"ServerURL": "api.example/v1/calls", "Username": "ann", "Secret": secret}).to_string())
    };
    assert_eq!(stored(&token), (0, String::new(), String::new()));
    let (code, out, err) = stored("canary");
    assert!(
        code == 2 && out.contains("keeps only tokens of its own logins") && !(out + &err).contains("canary"),
        "{err}"
    );
    assert_eq!(docker("get", "api.example/v1/calls").0, 0, "the account is as it was");
    assert_eq!(docker("later", "").0, 2);
}

#[test]
fn kubectl_gets_a_credential_by_account_or_cluster() {
    let idp = Idp::start();
    let world = world(&idp);
    let info = |server: &str| {
        json!({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential",
               "spec": {"cluster": {"server": server}, "interactive": false}})
        .to_string()
    };
    for (arguments, info, account, version) in [
        (&["credential", "kubectl"][..], None, "work", "v1"),
        (&["credential", "kubectl"], Some(info("https://api.example/v1/calls")), "home", "v1beta1"),
        (&["credential", "kubectl", "home"], Some(info("https://api.example/v1")), "home", "v1beta1"),
        (&["credential", "kubectl", "https://id.example/realm"], None, "work", "v1"),
    ] {
        let mut command = world.command(arguments);
        command.envs(info.map(|info| ("KUBERNETES_EXEC_INFO", info)));
        let (code, out, err) = told(command.output().unwrap());
        let credential: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code} {err}"));
        assert_eq!(credential["status"]["token"], json!(world.token(account)), "{arguments:?}");
        assert!(credential["status"]["expirationTimestamp"].is_string(), "{credential}");
        assert_eq!(credential["apiVersion"], json!(format!("client.authentication.k8s.io/{version}")));
    }
}

#[test]
fn cargo_is_answered_line_by_line() {
    let idp = Idp::start();
    let world = world(&idp);
    let get = |index: &str, more: &str| {
        format!(
            "{{\"v\":1,\"kind\":\"get\",\"operation\":\"read\",\"registry\":{{\"index-url\":\"{index}\"}}{more}}}\n"
        )
    };
    let input = [
        get("sparse+https://api.example/v1/calls/", ""),
        get("sparse+https://other.example/", ""),
        get("https://api.example/v1/calls/", ""),
        get("sparse+https://api.example/v1/calls/", ",\"args\":[\"--bare\"]"),
    ];
    let (code, out, err) = linked(&world, "ringback", &["--cargo-plugin"], &input.concat());
    assert_eq!((code, err.as_str()), (0, ""));
    let (token, expiration) = (world.token("home"), world.account("home").expires_at.unwrap());
    let got = |token: String| json!({"Ok": {"kind": "get", "token": token, "cache": "expires", "expiration": expiration, "operation_independent": true}});
    let elsewhere = json!({"Err": {"kind": "url-not-supported"}});
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [json!({"v": [1]}), got(format!("Bearer {token}")), elsewhere.clone(), elsewhere, got(token)]);
    assert_eq!(world.cli(&["logout", "home"]).0, 0);
    let (_, out, _) = linked(&world, "cargo-credential-ringback", &["--cargo-plugin"], &input[0]);
    assert!(out.contains("needs a login") && out.contains("Run `ringback login home`."), "{out}");
}

#[test]
fn pip_and_uv_get_what_keyring_would_print() {
    let idp = Idp::start();
    let world = world(&idp);
    let token = world.token("home");
    for (arguments, expected) in [
        (&["get", "https://api.example/v1/calls/simple/", "me"][..], (0, format!("{token}\n"))),
        (&["get", "https://api.example/v1/calls/simple/", "--mode", "creds"], (0, format!("ann\n{token}\n"))),
        (&["get", "--mode", "creds", "api.example/v1/calls"], (0, format!("ann\n{token}\n"))),
        (
            &["--mode=creds", "--output=json", "get", "https://api.example/v1/calls/simple/", "me"],
            (0, format!("{{\"username\":\"me\",\"password\":\"{token}\"}}\n")),
        ),
        (
            &["--mode=creds", "--output=json", "get", "https://api.example/v1/calls/simple/"],
            (0, format!("{{\"username\":\"ann\",\"password\":\"{token}\"}}\n")),
        ),
        (
            &["get", "--output", "json", "https://api.example/v1/calls/simple/", "me"],
            (0, format!("{{\"password\":\"{token}\"}}\n")),
        ),
        (&["--mode=creds", "--output=json", "get", "https://other.example/simple/"], (1, String::new())),
        (&["get", "https://other.example/simple/", "me"], (1, String::new())),
        (&["get", "other.example:8080", "me"], (1, String::new())),
        (&["set", "https://api.example/v1/calls/simple/", "me"], (2, String::new())),
    ] {
        let (code, out, _) = linked(&world, "/somewhere/keyring", arguments, "");
        assert_eq!((code, out), expected, "{arguments:?}");
    }
}

#[test]
fn all_tokens_are_in_one_document_with_the_error_of_those_that_have_none() {
    let idp = Idp::start();
    let mut world = world(&idp);
    let all = |world: &World, arguments: &[&str]| {
        let (code, out, _) = world.cli(&[&["token", "--all-json"], arguments].concat());
        (code, serde_json::from_str::<Value>(&out).unwrap())
    };
    let (code, told) = all(&world, &[]);
    assert_eq!((code, &told["version"]), (5, &json!(1)), "{told}");
    let names: Vec<_> = told["accounts"].as_array().unwrap().iter().map(|entry| entry["account"].clone()).collect();
    assert_eq!(names, ["home", "work", "zoo"]);
    for (place, name) in [(0, "home"), (1, "work")] {
        assert_eq!(told["accounts"][place]["access_token"], json!(world.token(name)));
    }
    let without = &told["accounts"][2];
    assert_eq!((&without["error"], without.get("access_token")), (&json!("login_required"), None), "{without}");
    assert!(without["hint"].as_str().unwrap().contains("ringback login zoo"), "{without}");
    world.log_in("zoo");
    assert_eq!(all(&world, &[]).0, 0);
    world.stop();
    let (code, told) = all(&world, &[]);
    assert_eq!((code, &told["error"]), (3, &json!("no_daemon")), "{told}");
    assert_eq!(world.cli(&["token", "work", "--all-json"]).0, 2);
}

#[test]
fn an_older_daemon_is_told_apart_from_an_unknown_url() {
    let idp = Idp::start();
    let mut world = world(&idp);
    world.stop();
    let socket = world.runtime().join("older.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let older = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = std::io::Read::read(&mut stream, &mut head).unwrap();
        let body = r#"{"error":"not_found","error_description":"this route does not exist","hint":"See docs/api.md for the routes."}"#;
        let length = body.len();
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
    });
    let (code, _, err) = world.cli(&["token", "https://api.example/v1", "--socket", socket.to_str().unwrap()]);
    assert!(code == 2 && err.contains("the running daemon is older than this command"), "{code} {err}");
    older.join().unwrap();
}
