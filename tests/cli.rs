//! Transcripts of the command line: `tests/cli/*.toml`. `TRYCMD=overwrite cargo test --test cli` writes
//! them again; check the diff before committing. The tests below run the program against a scripted
//! daemon.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "files of a test")]

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use trycmd::TestCases;

/// Removes variables that a developer's shell may set.
fn transcripts(cases: &str) -> TestCases {
    let tests = TestCases::new();
    tests.case(cases);
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("XDG_CONFIG_HOME", "/nonexistent/config"),
        ("XDG_RUNTIME_DIR", "/nonexistent/run"),
        ("RUNTIME_DIRECTORY", ""),
        ("RINGBACK_LOG", "info"),
        ("RUST_BACKTRACE", "0"),
        ("COLUMNS", "100"),
        ("NO_COLOR", "1"),
    ] {
        tests.env(name, value);
    }
    tests
}

#[test]
fn the_command_line_matches_its_transcripts() {
    let tests = transcripts("tests/cli/*.toml");
    for name in ["RINGBACK_URL", "RINGBACK_KEY_FILE", "RINGBACK_CONFIG"] {
        tests.env(name, "");
    }
}

#[test]
fn environment_variables_select_the_daemon_and_the_config() {
    transcripts("tests/cli/env/*.toml");
}

/// Runs `ringback ARGS --socket ...` against a peer that answers each request with the next of `replies`,
/// each a status and a body. Returns exit code, standard output and standard error.
fn against(replies: &[(u16, &str)], args: &[&str], stdin: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let listener = UnixListener::bind(&socket).unwrap();
    let replies: Vec<String> = replies
        .iter()
        .map(|(status, body)| format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
        .collect();
    std::thread::spawn(move || {
        for reply in replies {
            let (mut stream, _) = listener.accept().unwrap();
            // Enough for the head and the small bodies here, which arrive in one write.
            let _ = stream.read(&mut [0; 8192]).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        }
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
    command
        .args(args)
        .arg("--socket")
        .arg(&socket)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("BROWSER");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read it may have exited already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn only_the_token_is_printed_on_standard_output() {
    let none = String::new;
    assert_eq!(against(&[(200, "a~6\n")], &["token"], ""), (0, "a~6\n".into(), none()));
    let json = r#"{"account":"work","access_token":"a~6","later":1}"#;
    let header = "Authorization: Bearer a~6\n".into();
    assert_eq!(against(&[(200, json)], &["token", "--header"], ""), (0, header, none()));
    assert_eq!(against(&[(200, json)], &["token", "--json"], ""), (0, format!("{json}\n"), none()));
}

#[test]
fn each_format_of_a_token_is_printed_alone() {
    let reply = r#"{"account":"work","access_token":"a~.b.c","expires_at":1795478400}"#;
    let bound = r#"{"account":"work","access_token":"a~6","token_type":"DPoP"}"#;
    let credential = "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
                      \"status\":{\"expirationTimestamp\":\"2026-11-24T00:00:00Z\",\"token\":\"a~.b.c\"}}\n";
    for (body, arguments, expected) in [
        ("a~6\n", &["--format", "bare"][..], "a~6\n"),
        (reply, &["--format=header"], "Authorization: Bearer a~.b.c\n"),
        (bound, &["--format=header"], "Authorization: DPoP a~6\n"),
        (reply, &["--format", "curl-config"], "header = \"Authorization: Bearer a~.b.c\"\n"),
        ("a~6\n", &["--format", "xoauth2", "--user", "me"], "dXNlcj1tZQFhdXRoPUJlYXJlciBhfjYBAQ==\n"),
        (reply, &["--format", "json"], &format!("{reply}\n")),
        (reply, &["--format", "env"], "ACCESS_TOKEN='a~.b.c'\nEXPIRES_AT=1795478400\n"),
        (reply, &["--format", "exec-credential"], credential),
    ] {
        let printed = against(&[(200, body)], &[&["token"], arguments].concat(), "");
        assert_eq!(printed, (0, expected.to_owned(), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_format_that_has_errors_of_its_own_prints_them_alone_on_standard_output() {
    let body = r#"{"error":"login_required","error_description":"A fact","hint":"An advice."}"#;
    let refused = |arguments: &[&str]| against(&[(428, body)], &[&["token"], arguments].concat(), "");
    let google = "{\"version\":1,\"success\":false,\"code\":\"login_required\",\"message\":\"A fact. An advice.\"}\n";
    assert_eq!(refused(&["--format", "google-executable"]), (5, google.into(), String::new()));
    let told = "error: A fact\nhint: An advice.\n";
    assert_eq!(refused(&["--format", "exec-credential"]), (5, String::new(), told.into()));
    for json in [&["--json"][..], &["--format", "json"], &["--format=json"]] {
        let (code, out, said) = refused(json);
        assert!(code == 5 && out.contains("\"error\":\"login_required\"") && said == told, "{json:?}: {out}{said}");
    }
    let (code, _, said) = against(&[], &["token", "--user", "me"], "");
    assert!(code == 2 && said.contains("`--user` has no meaning for this format"), "{said}");
    let (code, _, said) = against(&[], &["token", "--format", "xoauth2"], "");
    assert!(code == 2 && said.contains("--user <USER>"), "{said}");
}

#[test]
fn an_error_is_printed_with_a_hint_and_sets_the_exit_code() {
    let body = r#"{"error":"login_required","error_description":"a \u001b[31mfact\u0007","hint":"An advice."}"#;
    let told = "error: a [31mfact\nhint: An advice.\n";
    assert_eq!(against(&[(428, body)], &["token"], ""), (5, String::new(), told.into()));
}

#[test]
fn config_check_reads_client_secret_files_and_never_shows_them() {
    let folder = tempfile::tempdir().unwrap();
    let (config, secret) = (folder.path().join("c.toml"), folder.path().join("secret"));
    let account =
        |name: &str, source: &str| format!("[accounts.{name}]\nprovider = \"gitlab\"\nclient_id = \"i\"\n{source}\n");
    let check = |text: &str| {
        std::fs::write(&config, text).unwrap();
        let output =
            Command::new(env!("CARGO_BIN_EXE_ringback")).args(["config", "check", "--config"]).arg(&config).output();
        let output = output.unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!out.contains("canary") && !err.contains("canary"), "{out}{err}");
        (output.status.code().unwrap(), out, err.replace(folder.path().to_str().unwrap(), "DIR"))
    };
    let put = |content: &str, mode| {
        std::fs::write(&secret, content).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let nothing = String::new;
    let one = account("work", "client_secret_file = \"secret\"");
    let (code, out, err) = check(&one);
    assert_eq!((code, out), (2, nothing()));
    let missing =
        "DIR/c.toml: accounts.work.client_secret_file: the secret file DIR/secret can't be used: No such file";
    assert!(err.starts_with(missing) && err.contains("error: the config has a mistake\n"), "{err}");
    put("canary", 0o644);
    let (code, _, err) = check(&format!("{one}{}", account("more", "client_secret_file = \"nowhere\"")));
    assert_eq!(code, 2);
    assert!(err.contains("others can read or change it (mode 0644)") && err.contains("has 2 mistakes\n"), "{err}");
    put("\n", 0o600);
    assert!(check(&one).2.contains("the text from the file DIR/secret is empty\n"));
    put("canary", 0o600);
    assert_eq!(check(&one), (0, "ok: 1 account\n".into(), nothing()));
    let two = format!("{one}{}", account("more", "client_secret_file = \"secret\""));
    assert_eq!(check(&two).1, "ok: 2 accounts\n");
    for (command, says) in [
        (
            "client_secret_command = [\"/nowhere/program\"]",
            "`/nowhere/program`, which does not exist or can't be run\n",
        ),
        (
            "client_secret_command = [\"secret\", \"canary\"]",
            "`secret`, which does not exist: it is in no folder of PATH\n",
        ),
        ("client_secret_command = [\"./secret\"]", "`DIR/./secret`, which does not exist or can't be run\n"),
        ("client_secret_command = [\"sh\", \"-c\", \"echo canary\"]", ""),
        ("client_secret_file = \"secret\"\nhook = [\"/bin/sh\"]", ""),
        ("client_secret_file = \"secret\"\nhook = [\"/nowhere/hook\"]", "hook: names the program `/nowhere/hook`"),
        ("client_secret_file = \"secret\"\nbrowser = [\"/nowhere/b\"]", "browser: names the program `/nowhere/b`"),
    ] {
        let (code, out, err) = check(&account("work", command));
        assert_eq!((code, out.as_str(), err.is_empty()), (0, "ok: 1 account\n", says.is_empty()), "{command}: {err}");
        assert!(err.contains(says), "{command}: {err}");
    }
    let printed = account("work", "client_secret_file = \"secret\"");
    let (_, _, err) = check(&printed.replace("client_id = \"i\"", "client_id_command = [\"/nowhere/id\", \"canary\"]"));
    assert!(err.contains("work.client_id_command: names the program `/nowhere/id`, which does not exist"), "{err}");
    let (code, out, err) = check("");
    assert_eq!((code, out), (0, "ok: 0 accounts\n".into()));
    assert!(err.starts_with("There are no accounts yet"), "{err}");

    // One mistake does not hide another one elsewhere.
    let (code, _, err) = check(&format!(
        "{}{}[providers.gitlab]\nca_file = \"{}\"\n",
        account("work", "client_secret_file = \"nowhere\"\nscope = \"a,b\""),
        account("more", "client_secret_flie = \"secret\""),
        folder.path().join("ca.pem").display()
    ));
    let lines: Vec<&str> = err.lines().collect();
    assert_eq!(code, 2);
    for (line, begins) in lines.iter().zip([
        "DIR/c.toml:9:1: accounts.more.client_secret_flie: is not a known key; did you mean `client_secret_file`?",
        "DIR/c.toml: accounts.work.client_secret_file: the secret file DIR/nowhere can't be used: No such file",
        "DIR/c.toml: providers.gitlab.ca_file: ca_file DIR/ca.pem: No such file",
        "warning: DIR/c.toml:5:9: accounts.work.scope: has `a,b`: this is one scope with a comma in it",
        "error: the config has 3 mistakes",
        "hint: Correct the file",
    ]) {
        assert!(line.starts_with(begins), "{begins}\n{err}");
    }
    assert_eq!(lines.len(), 6, "{err}");
}

#[test]
fn config_check_reads_private_keys_and_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.pem");
    let config = folder.path().join("c.toml");
    let key = include_str!("../src/oauth/assertion/rsa-pkcs8.pem");
    let signs = "[providers.gitlab]\nclient_auth = \"private_key_jwt\"\n";
    let trusts = format!("[providers.gitlab]\nclient_auth = \"none\"\nca_file = \"{}\"\n", file.display());
    for (named, provider, content, says) in [
        ("client_key_file = \"file.pem\"", signs, key, ""),
        ("client_key_file = \"file.pem\"", signs, &format!("\u{feff}{key}"), ""),
        ("client_key_file = \"file.pem\"", signs, "canary", "file.pem: the client key is not a private key in PEM"),
        ("client_key_file = \"other.pem\"", signs, "", "client_key_file: the secret file DIR/other.pem can't be used"),
        ("", &trusts, "canary", "providers.gitlab.ca_file: ca_file DIR/file.pem: there is no certificate in it"),
    ] {
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!("[accounts.a]\nprovider = \"gitlab\"\nclient_id = \"i\"\n{named}\n{provider}");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringback"));
        let checked = command.args(["config", "check", "--config"]).arg(&config).output().unwrap();
        let err = String::from_utf8(checked.stderr).unwrap().replace(folder.path().to_str().unwrap(), "DIR");
        assert_eq!(checked.status.code(), Some(if says.is_empty() { 0 } else { 2 }), "{err}");
        assert!(err.contains(says) && !err.contains("canary"), "{says}: {err}");
    }
}

const PENDING: &str = r#"{"login_id":"l1","account":"work","status":"pending","expires_at":1}"#;
const DONE: &str = r#"{"login_id":"l1","account":"work","status":"succeeded","expires_at":1,"scope":"a b"}"#;

fn started(url: &str) -> String {
    let far = i64::MAX / 2;
    format!(r#"{{"version":1,"login_id":"l1","account":"work","joined":false,"start_url":"{url}","expires_at":{far}}}"#)
}

#[test]
fn a_login_without_a_browser_prints_the_url_on_its_own_line_and_waits() {
    let url = "http://127.0.0.1:7464/login/start/t1";
    for args in [&["login"][..], &["login", "--no-browser"]] {
        let (code, out, err) = against(&[(200, &started(url)), (200, PENDING), (200, DONE)], args, "");
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        assert!(err.lines().any(|line| line == url), "{err}");
        assert!(err.ends_with("Logged in to `work`.\nScope: a b\n"), "{err}");
    }
}

#[test]
fn a_failed_login_is_exit_code_6() {
    let failed = PENDING.replace(
        r#""status":"pending""#,
        r#""status":"failed","failure":{"error":"login_failed","error_description":"a fact","hint":"An advice.","provider_error":"access_denied"}"#,
    );
    let (code, _, err) =
        against(&[(200, &started("http://127.0.0.1:1/login/start/t1")), (200, &failed)], &["login"], "");
    assert_eq!(code, 6, "{err}");
    assert!(err.contains("error: a fact\n       the provider's own code: access_denied\nhint: An advice.\n"), "{err}");
}

#[test]
fn a_login_works_with_an_earlier_daemon_that_replaces_without_asking() {
    let unknown =
        r#"{"error":"usage","error_description":"not the object that this route takes","hint":"Correct it."}"#;
    let start = started("http://127.0.0.1:1/login/start/t1");
    let replies = [(400, unknown), (200, start.as_str()), (200, DONE)];
    let (code, _, err) = against(&replies, &["login", "--replace"], "");
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_login_as_another_person_without_a_terminal_is_exit_code_11_and_names_both() {
    let asks = PENDING.replace(
        r#""status":"pending""#,
        r#""status":"pending","confirm":{"current":{"voip_id":1},"new":{"sub":"2","name":"E\u001b[2Jve"}}"#,
    );
    let (code, _, err) = against(&[(200, &started("http://127.0.0.1:1/login/start/t1")), (200, &asks)], &["login"], "");
    assert_eq!(code, 11, "{err}");
    assert!(err.contains("error: `work` is logged in as voip_id 1, but this login is as name E[2Jve, sub 2;"), "{err}");
}

#[test]
fn after_a_wrong_pasted_url_another_can_be_pasted() {
    let wrong = r#"{"error":"usage","error_description":"that is another login's","hint":"Copy it again."}"#;
    let start = started("https://accounts.example.com/?state=x");
    let replies = [(200, start.as_str()), (400, wrong), (200, PENDING), (200, DONE)];
    let (code, out, err) = against(&replies, &["login", "--paste"], "nonsense\n 'http://localhost/?code=a'\n");
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("error: that is another login's\n") && err.contains("Logged in"), "{err}");
    let (code, ..) = against(&[(200, start.as_str())], &["login", "--paste"], "");
    assert_eq!(code, 2, "end of input is a usage error");
}

/// The reply to `POST .../login` with `more` members and no start URL.
fn started_with(more: &str) -> String {
    let far = i64::MAX / 2;
    format!(r#"{{"version":1,"login_id":"l1","account":"work","joined":false,{more}"expires_at":{far}}}"#)
}

#[test]
fn a_device_login_prints_the_code_and_the_url_each_on_its_own_line() {
    let device = r#""device":{"user_code":"WDJB-MJHT","verification_uri":"https://provider.example/device"},"#;
    let done = DONE.replace(r#""scope""#, r#""identity":{"voip_id":1000001},"scope""#);
    let replies = [(200, started_with(device)), (200, PENDING.into()), (200, done)];
    let replies = replies.each_ref().map(|(status, body): &(u16, String)| (*status, body.as_str()));
    let (code, out, err) = against(&replies, &["login", "--device"], "");
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    for line in ["WDJB-MJHT", "https://provider.example/device"] {
        assert!(err.lines().any(|told| told == line), "{err}");
    }
    assert!(err.contains("Logged in to `work` as voip_id 1000001.\n"), "{err}");
    assert!(!err.contains('\u{2588}'), "a QR code is printed at a terminal only: {err}");
}

#[test]
fn a_login_without_interaction_completes_and_prints_its_warning() {
    let start = started_with(r#""warning":"a reason","#);
    let (code, _, err) = against(&[(200, &start), (200, DONE)], &["login"], "");
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("warning: a reason\n") && err.contains("needs no browser"), "{err}");
}

// `setsid` is part of util-linux.
#[cfg(target_os = "linux")]
#[test]
fn without_a_terminal_no_password_is_requested() {
    let prompt = started_with(r#""password":{"user":"ann","pipe":"/nonexistent/pipe"},"#);
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("s")).unwrap();
    let reply = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n{prompt}", prompt.len());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 8192]).unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
    });
    // A new session has no terminal, wherever the test runs.
    let mut command = Command::new("setsid");
    command.args(["--wait", env!("CARGO_BIN_EXE_ringback"), "login", "--socket"]).arg(folder.path().join("s"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("needs the password of ann") && err.contains("`password_file`"), "{err}");
}

#[test]
fn token_info_is_printed_and_an_inactive_token_is_exit_code_5() {
    let info = r#"{"version":1,"account":"work","source":"details","active":true,"voip_id":1000001,"claims":{"a":"b\u001b[0m"}}"#;
    let told = "work: the token works, according to the provider's details page\nwhose: voip_id 1000001\nFull reply:\n  a: b[0m\n";
    assert_eq!(against(&[(200, info)], &["info"], ""), (0, told.into(), String::new()));
    let dead = info.replace("true", "false");
    let (code, out, _) = against(&[(200, &dead)], &["info", "--json"], "");
    assert_eq!((code, serde_json::from_str::<serde_json::Value>(&out).unwrap()["active"].clone()), (5, false.into()));
}

#[test]
fn an_imported_token_is_read_from_standard_input_and_described() {
    let account = r#"{"account":"work","provider":"phonecom","state":"active","attention_needed":false,"scope":"a b",
        "expiry":"never","refreshable":false,"generation":1,"identity":{"voip_id":1000001}}"#;
    let (code, out, err) = against(&[(200, account)], &["import", "work"], " \"Bearer canary\"\n");
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let told = "The access token is accepted for `work` as voip_id 1000001.\nScope: a b\n";
    assert!(err.starts_with(told) && !err.contains("canary"), "{err}");
}

#[test]
fn a_mistyped_app_is_answered_with_the_nearest_name() {
    let unknown = r#"{"error":"not_found","error_description":"there is no app `editr`","hint":"Look."}"#;
    let apps = r#"{"version":1,"apps":[{"name":"editor","write":false,"created_at":1,"uses":0}],"wrong_keys":0}"#;
    for action in ["remove", "rotate"] {
        let (code, _, err) = against(&[(404, unknown), (200, apps)], &["app", action, "editr"], "");
        assert_eq!((code, err.as_str()), (2, "error: there is no app `editr`\nhint: Did you mean `editor`?\n"));
    }
}

#[test]
fn json_has_a_version_and_errors_have_one_shape() {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let refused = r#"{"error":"login_required","error_description":"a fact","hint":"An advice."}"#;
    for args in [&["token", "--json"][..], &["refresh", "--json"], &["logout", "--json"], &["app", "list", "--json"]] {
        let (code, out, err) = against(&[(428, refused)], args, "");
        assert_eq!((code, err.as_str()), (5, "error: a fact\nhint: An advice.\n"), "{args:?}");
        let expected = serde_json::json!({"version": 1, "error": "login_required", "error_description": "a fact", "hint": "An advice."});
        assert_eq!(json(&out), expected, "{args:?}");
    }
    let gone = r#"{"account":"work","outcome":"revoked_at_provider","detail":"d"}"#;
    let (code, out, err) = against(&[(200, gone)], &["logout", "--json"], "");
    assert_eq!((code, err.as_str(), &json(&out)["version"]), (0, "", &1.into()), "{out}");
    let replies = [(200, started("http://127.0.0.1:1/login/start/t1")), (200, DONE.to_owned())];
    let replies = replies.each_ref().map(|(status, body)| (*status, body.as_str()));
    let (code, out, err) = against(&replies, &["login", "--json"], "");
    assert_eq!((code, &json(&out)["status"]), (0, &"succeeded".into()), "{out}{err}");
}
