//! `ringback account`: the config file that it edits, and the daemon that reads it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::http::{Browser, free_port};
use crate::idp::Idp;
use crate::terminal::AtTerminal;
use crate::world::{SECRET, World, account, feed, mode, provider, told, until};

/// A config with a comment, a provider and a fixed port.
fn config(idp: &Idp) -> String {
    let listen = format!("# the port that is registered\n[listen]\ntcp = [\"127.0.0.1:{}\"]\n\n", free_port());
    format!("# mine\n\n{listen}{}", provider("idp", idp, "/token", ""))
}

fn text(world: &World) -> String {
    std::fs::read_to_string(world.config_file()).unwrap()
}

fn secret_file(world: &World) -> std::path::PathBuf {
    world.config_file().with_file_name("work.secret")
}

#[test]
fn the_dialogue_ends_in_an_account_that_is_logged_in() {
    let idp = Idp::start();
    let mut world = World::with_config(&config(&idp));
    world.run();
    let before = text(&world);
    let tools = world.root().join("tools");
    std::fs::create_dir(&tools).unwrap();
    std::fs::write(tools.join("wl-copy"), "#!/bin/sh\ncat >\"$HOME/copied\"\n").unwrap();
    std::fs::set_permissions(tools.join("wl-copy"), PermissionsExt::from_mode(0o755)).unwrap();
    let script = "PATH=\"$HOME/tools:$PATH\" WAYLAND_DISPLAY=none \"$0\" account add";
    let mut terminal = AtTerminal::run(world.shell(script));
    let uri = before.lines().find_map(|line| line.strip_prefix("tcp = [\"")?.strip_suffix("\"]"));
    let uri = format!("http://{}/callback/idp", uri.unwrap());
    for (question, answer) in [
        ("Name of the account [work]:", ""),
        ("(OpenID Connect):", "ipd"),
        ("Did you mean `idp`?", "idp"),
        ("Copy it to the clipboard? [Y/n]", "y"),
        ("Registered redirect URI [", "https://example.com/"),
        ("`redirect_uri` has a host beyond loopback", ""),
        ("Client id:", ""),
        ("Client id: \r\nClient id:", "the client"),
        ("Client secret (it is not shown", SECRET),
        ("Scopes, separated by spaces:", "one two"),
        ("config.toml? [Y/n]", "y"),
        ("Log in now? [Y/n]", "y"),
    ] {
        terminal.until_shown(question);
        terminal.type_line(&format!("{answer}\n"));
    }
    let url = until("the start URL is shown", || {
        let screen = terminal.screen();
        screen.lines().map(str::trim).find(|line| line.contains("/login/start/")).map(str::to_owned)
    });
    Browser::default().go(&url);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
    let screen = terminal.until_shown("Logged in to `work`");
    assert!(!screen.contains("canary"), "{screen}");
    assert!(screen.lines().any(|line| line.trim() == uri), "on a line of its own: {screen}");
    assert_eq!(std::fs::read_to_string(world.root().join("copied")).unwrap(), uri);
    let expected = format!(
        "{before}\n[accounts.work]\nprovider = \"idp\"\nredirect_uri = \"{uri}\"\nclient_id = \"the client\"\n\
         scope = [\"one\", \"two\"]\nclient_secret_file = \"work.secret\"\n"
    );
    assert_eq!(text(&world), expected);
    assert_eq!((mode(&world.config_file()), mode(&secret_file(&world))), (0o600, 0o600));
    assert_eq!(std::fs::read_to_string(secret_file(&world)).unwrap(), format!("{SECRET}\n"));
    assert!(world.token("work").starts_with("AT~"));
}

#[test]
fn without_an_answer_nothing_is_written() {
    let idp = Idp::start();
    let world = World::with_config(&config(&idp));
    let before = text(&world);
    let add = "\"$0\" account add work --provider idp --client-id c --scope one";
    for (last, code) in [("n\n", 0), ("\u{4}", 2)] {
        let mut terminal = AtTerminal::run(world.shell(add));
        for (question, answer) in [("Registered redirect URI", "\n"), ("Client secret", "s\n"), ("[Y/n]", last)] {
            terminal.until_shown(question);
            terminal.type_line(answer);
        }
        assert_eq!(terminal.end(), Some(code), "{}", terminal.screen());
        assert!(text(&world) == before && !secret_file(&world).exists(), "{}", terminal.screen());
    }
}

#[test]
fn options_alone_add_change_and_remove_an_account_of_a_running_daemon() {
    let idp = Idp::start();
    let issuer = idp.url("");
    let mut world = World::with_config("# mine\n");
    world.run();
    let secret = world.root().join("secret");
    let first = ["account", "add", "work", "--provider", &issuer, "--client-id", "the client", "--scope", "one two"];
    let mut command = world.command(&first);
    let mut child = command.arg("--client-secret-stdin").stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, SECRET.as_bytes());
    let (code, _, said) = told(child.wait_with_output().unwrap());
    assert!(code == 0 && said.contains("+client_id = \"the client\"\n"), "{said}");
    assert!(said.contains("The daemon has read the config.") && !said.contains("canary"), "{said}");
    world.log_in("work");

    let (code, _, said) = world.cli(&["account", "edit", "work", "--set", "open_login=true"]);
    assert!(code == 0 && said.contains("+open_login = true\n"), "{said}");
    assert!(text(&world).contains("client_secret_file = \"work.secret\"\nopen_login = true\n"), "{}", text(&world));
    assert_eq!(world.token("work"), world.token("work"), "its tokens stay");

    std::fs::write(&secret, SECRET).unwrap();
    let file = secret.to_str().unwrap();
    let second =
        ["account", "add", "home", "--provider", "127-0-0-1", "--client-id", "c", "--client-secret-file", file];
    let (code, _, said) = world.cli(&second);
    assert!(code == 2 && said.contains("others can read or change it") && !text(&world).contains("home"), "{said}");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let (code, _, said) = world.cli(&second);
    assert!(code == 0 && said.contains("+default_account = \"work\"\n"), "the default stays: {said}");

    let (code, _, said) = world.cli(&["account", "remove", "work"]);
    assert!(code == 11 && text(&world).contains("[accounts.work]"), "{code} {said}");
    let (code, _, said) = world.cli(&["account", "remove", "work", "--revoke"]);
    assert!(code == 0 && said.contains("work: ") && said.contains("work.secret: delete it"), "{said}");
    assert!(!text(&world).contains("accounts.work") && !world.sealed("work").exists(), "{}", text(&world));
    assert_eq!(world.get("/v1/accounts/work").status, 404);
    let (code, _, said) = world.cli(&["account", "remove", "home", "--keep"]);
    assert!(code == 0 && text(&world).starts_with("# mine\n"), "{said}");
}

#[test]
fn set_says_the_same_as_the_option_of_a_key() {
    let idp = Idp::start();
    let world = World::with_config(&config(&idp));
    let add = |name, set: &str| {
        let words = ["account", "add", name, "--provider", "idp", "--client-id", "c", "--scope", "a"];
        let (code, _, said) =
            world.cli(&[&words, &["--set", set, "--set", r#"client_secret_command=["x"]"#][..]].concat());
        assert_eq!(code, 0, "{said}");
        text(&world).split_once(&format!("[accounts.{name}]")).unwrap().1.to_owned()
    };
    assert!(add("usual", "notify=off").contains("redirect_uri = "));
    // Where no browser comes back, nothing is registered.
    for (name, set) in [("text", "grant=client_credentials"), ("toml", r#"grant="client_credentials""#)] {
        let section = add(name, set);
        assert!(!section.contains("redirect_uri"), "{section}");
    }
    let section = add("own", "redirect_uri=http://127.0.0.1:7464/mine");
    assert!(section.contains("redirect_uri = \"http://127.0.0.1:7464/mine\"\n"), "{section}");
}

#[test]
fn other_sources_of_the_client_secret_need_no_answer() {
    let idp = Idp::start();
    let world = World::with_config(&provider("idp", &idp, "/token", ""));
    let add = |name, more: &[&str]| {
        let words = ["account", "add", name, "--provider", "idp", "--client-id", "c", "--scope", "a"];
        world.cli(&[&words[..], more].concat())
    };
    let (code, _, said) = add("asked", &[]);
    assert!(code == 2 && said.contains("--client-secret-file"), "nobody can be asked: {said}");
    let (code, _, said) = add("ran", &["--set", r#"client_secret_command=["/bin/echo", "x"]"#]);
    assert!(code == 0 && text(&world).contains("client_secret_command = ["), "{said}");
    let (code, _, said) = world.cli(&["account", "edit", "ran", "--set", r#"client_id_command=["/bin/echo", "c"]"#]);
    assert!(code == 0 && text(&world).contains("client_id_command = ["), "{said}");
    assert!(!text(&world).contains("client_id = "), "one replaces the other: {}", text(&world));
    let (code, _, said) = world.cli(&["account", "edit", "ran", "--client-id", "c"]);
    assert!(code == 0 && text(&world).contains("client_id = \"c\""), "{said}");
    assert!(!text(&world).contains("client_id_command"), "{}", text(&world));
    let both = ["--client-id", "d", "--set", r#"client_id_command=["/bin/echo", "x"]"#];
    let (code, _, said) = world.cli(&[&["account", "edit", "ran"], &both[..]].concat());
    assert!(code == 2 && said.contains("client_id_command: stands beside `client_id`"), "{said}");
    let (code, _, said) = add("implicit", &["--grant", "implicit"]);
    assert!(code == 0 && text(&world).contains("grant = \"implicit\""), "{said}");

    // At one provider, all clients have a secret, or none has.
    let (code, _, said) = add("public", &["--no-client-secret"]);
    assert!(code == 2 && said.contains("the provider of `ran`, which has a client secret"), "{said}");
    let (code, _, said) = world.cli(&["account", "edit", "ran", "--no-client-secret"]);
    assert!(code == 0 && text(&world).contains("client_auth = \"none\""), "{said}");
    assert!(!text(&world).contains("client_secret_command"), "{}", text(&world));
    let (code, _, said) = world.cli(&["account", "edit", "ran", "--keyring", "--scope", "b"]);
    assert!(code == 2 && said.contains("`--keyring` says where"), "{said}");
}

#[test]
fn a_config_that_is_kept_elsewhere_is_shown_what_to_add() {
    let idp = Idp::start();
    let text_of = [provider("idp", &idp, "/token", ""), account("work", "idp", "")].concat();
    let world = World::with_config(&text_of);
    let elsewhere = world.root().join("elsewhere.toml");
    std::fs::rename(world.config_file(), &elsewhere).unwrap();
    symlink(&elsewhere, world.config_file()).unwrap();
    let before = text(&world);
    let (code, out, said) = world.cli(&["account", "edit", "work", "--scope", "one"]);
    assert!(code == 2 && out.contains("+scope = [\"one\"]\n") && !out.contains("canary"), "{out}{said}");
    let link = format!("is a symbolic link to {}", elsewhere.display());
    assert!(said.contains(&link) && said.contains("Put the lines above"), "{said}");
    assert_eq!(text(&world), before);
}

#[test]
fn a_config_with_another_mistake_can_be_changed_and_the_daemon_says_why_it_waits() {
    let idp = Idp::start();
    let bad = account("bad", "idp", "hook = 7");
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", ""), bad].concat();
    let mut world = World::with_config(&config);
    world.run();
    let (code, _, said) = world.cli(&["account", "edit", "work", "--set", "open_login=true"]);
    assert!(code == 0 && said.contains("The daemon refused the config"), "{said}");
    let (code, _, said) = world.cli(&["account", "edit", "work", "--set", "scope=7"]);
    assert!(code == 2 && said.contains("accounts.work.scope: ") && !said.contains("accounts.bad"), "{said}");
    let (code, _, said) = world.cli(&["account", "remove", "bad", "--keep"]);
    assert!(code == 0 && said.contains("The daemon has read the config."), "{said}");
}

#[test]
fn with_json_every_command_prints_one_object() {
    let idp = Idp::start();
    let world = World::with_config(&config(&idp));
    let before = text(&world);
    let run = |arguments: &[&str], code: i32| {
        let (exit, out, said) = world.cli(&[&["account"], arguments, &["--json"]].concat());
        assert_eq!(exit, code, "{out}{said}");
        let object: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        assert_eq!(object["version"], 1, "{out}");
        object
    };
    assert_eq!(run(&["list"], 0)["accounts"], json!([]));
    let add = ["add", "work", "--provider", "idp", "--client-id", "c", "--grant", "implicit", "--scope", "one two"];
    let shown = run(&[&add[..], &["--dry-run"]].concat(), 0);
    assert!(shown["written"] == false && text(&world) == before, "{shown}");
    let added = run(&add, 0);
    let difference = added["difference"].as_str().unwrap();
    assert!(difference.contains("+client_id = \"c\"\n") && added["difference"] == shown["difference"], "{added}");
    let uri = added["redirect_uri"].as_str().unwrap();
    assert!(uri.ends_with("/callback/idp"), "{added}");
    let expected = json!({
        "version": 1,
        "account": "work",
        "file": world.config_file(),
        "written": true,
        "reloaded": false,
        "difference": difference,
        "redirect_uri": uri,
    });
    assert_eq!(added, expected);
    let listed = json!([{
        "name": "work",
        "usable": true,
        "default": true,
        "provider": "idp",
        "client_id": "c",
        "scope": ["one", "two"],
        "redirect_uri": uri,
    }]);
    assert_eq!(run(&["list"], 0)["accounts"], listed);
    assert_eq!(run(&["edit", "work", "--scope", "one"], 0)["written"], true);
    assert_eq!(run(&["edit", "wrok", "--scope", "one"], 4)["error"], "unknown_account");
    let mistake = run(&["edit", "work", "--set", "scope=7"], 2);
    assert!(mistake["error"] == "usage" && mistake.get("written").is_none(), "{mistake}");
    let removed = run(&["remove", "work", "--keep"], 0);
    assert!(removed["written"] == true && removed["redirect_uri"].is_null(), "{removed}");
    assert_eq!(run(&["list"], 0)["accounts"], json!([]));
}
