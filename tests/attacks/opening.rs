//! The browser launcher gets one argument, our own one-time URL, whatever the provider's URL is.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::idp::Idp;
use crate::world::{World, account, told, until};

/// Name, an authorization endpoint, and whether the config accepts it.
#[rustfmt::skip]
const ATTACKS: &[(&str, &str, bool)] = &[
    ("a script", "javascript:alert(1)", false),
    ("a file", "file:///etc/passwd", false),
    ("data", "data:text/html,<script>alert(1)</script>", false),
    ("a program's scheme", "ms-msdt:/id", false),
    ("a flag", "--remote-debugging-port=9222", false),
    ("a flag behind a space", " --version", false),
    ("no TLS", "http://id.example/authorize", false),
    ("user and password", "https://user:password@id.example/authorize", false),
    ("a fragment", "https://id.example/authorize#x", false),
    ("a line break", "https://id.example/\\nauthorize", false),
    ("a backslash", "https://id.example\\\\@evil.example/", false),
    ("a shell's substitution", "https://id.example/$(touch%20/tmp/evil)", true),
    ("backticks", "https://id.example/`id`", true),
    ("quotes", "https://id.example/'\\\"", true),
    ("a shell's separators", "https://id.example/;id|id&&id", true),
    ("a percent sign of a launcher", "https://id.example/%s%u%action", true),
    ("a flag as a path", "https://id.example/--version?-x", true),
];

#[test]
fn a_launcher_gets_our_one_time_url_and_nothing_from_a_provider() {
    let idp = Idp::start();
    let folder = tempfile::tempdir().unwrap();
    let (launcher, seen) = (folder.path().join("xdg-open"), folder.path().join("seen"));
    let script =
        format!("#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done >{0}.new && mv {0}.new {0}\n", seen.display());
    std::fs::write(&launcher, script).unwrap();
    std::fs::set_permissions(&launcher, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut wrong = Vec::new();
    for (name, url, taken) in ATTACKS {
        let provider = format!(
            "[providers.idp]\npreset = \"generic\"\nauthorize_url = \"{url}\"\ntoken_url = \"{}\"\n",
            idp.url("/token")
        );
        let mut world = World::with_config(&[provider, account("work", "idp", "")].join("\n"));
        let (code, _, said) = told(world.command(&["config", "check"]).output().unwrap());
        if (code == 0) != *taken {
            wrong.push(format!("{name}: config check ends with {code}: {said}"));
        }
        if code != 0 {
            continue;
        }
        world.run();
        let _ = std::fs::remove_file(&seen);
        let mut login = world.command(&["login", "--timeout", "20"]);
        login
            .env("PATH", &path)
            .env("DISPLAY", ":7")
            .env("BROWSER", "/bin/false")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut login = login.spawn().unwrap();
        let words = until("the launcher is run", || std::fs::read_to_string(&seen).ok());
        login.kill().unwrap();
        login.wait().unwrap();
        let start = format!("http://{}/login/start/", world.authority());
        let words: Vec<&str> = words.lines().collect();
        if words.len() != 1 || !words[0].starts_with(&start) || words[0].contains("id.example") {
            wrong.push(format!("{name}: the launcher got {words:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} attacks, all refused", ATTACKS.len());
}
