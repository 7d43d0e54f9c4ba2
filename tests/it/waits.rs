//! Messages of the command line while it waits, and browsers that fail to open.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::http::Browser;
use crate::idp::{Act, Idp};
use crate::terminal::AtTerminal;
use crate::world::{World, account, provider, until};

#[test]
fn a_terminal_shows_what_a_refresh_waits_for_and_for_how_long() {
    let idp = Idp::start();
    let world = World::start(&idp);
    world.log_in("work");
    idp.next(Act::WorkAndHold);
    let mut terminal = AtTerminal::start(&world, &["refresh", "work"]);
    terminal.until_shown("Waiting for the provider of `work`, at most 90 s. Ctrl-C stops waiting.");
    idp.release();
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
    terminal.until_shown("work: a new token");
}

#[test]
fn a_terminal_shows_that_a_token_waits_for_a_login() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut terminal = AtTerminal::start(&world, &["token", "work", "--wait", "60"]);
    terminal.until_shown("Waiting for somebody to log in to `work` (`ringback login work`), at most 60 s.");
    world.log_in("work");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());

    world.cli(&["logout", "work"]);
    let started = world.start_login("work", "caller_browser");
    let mut terminal = AtTerminal::start(&world, &["token", "work", "--wait", "60"]);
    terminal.until_shown("Waiting for the pending login to `work`, at most 60 s.");
    Browser::default().go(started.start_url.as_deref().unwrap());
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
}

#[test]
fn a_terminal_shows_that_a_token_waits_for_consent() {
    let idp = Idp::start();
    let config = [provider("idp", &idp, "/token", ""), account("work", "idp", "consent = \"ask\"")].concat();
    let mut world = World::with_config(&config);
    world.run();
    world.log_in("work");
    let mut terminal = AtTerminal::start(&world, &["token", "work", "--wait", "60"]);
    terminal.until_shown(
        "Waiting for your answer whether a program may have a token of `work` (`ringback consent list`), at most 60 s.",
    );
    let (_, list, _) = world.cli(&["consent", "list"]);
    let id = list.split(':').next().unwrap();
    assert_eq!(world.cli(&["consent", "allow", id]).0, 0, "{list}");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
}

#[test]
fn a_terminal_shows_that_a_login_waits_and_a_pipe_does_not() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut terminal = AtTerminal::start(&world, &["login", "work", "--no-browser"]);
    terminal.until_shown("Waiting for the login to `work` in the browser, at most ");
    Browser::default().go(&url_in(&terminal.screen()));
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());

    let (code, _, said) = world.cli(&["login", "work", "--no-browser", "--timeout", "2"]);
    assert!(code == 6 && !said.contains("Waiting"), "{said}");
}

/// The URL that is on a line of its own.
fn url_in(said: &str) -> String {
    said.lines().map(str::trim).find(|line| line.starts_with("http://")).unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// A folder for `PATH` whose only program is this `xdg-open`.
fn launcher(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("xdg-open");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

/// The output of a command that opens a browser, with this `PATH` and `DISPLAY`.
fn opening(world: &World, arguments: &[&str], path: &Path, display: &str) -> String {
    let mut command = world.command(arguments);
    command.env("PATH", path).env("DISPLAY", display);
    String::from_utf8(command.output().unwrap().stderr).unwrap()
}

#[test]
fn a_browser_that_fails_to_open_is_reported_with_the_url() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let (failing, nothing) = (launcher("exit 4"), tempfile::tempdir().unwrap());
    for (path, display, why) in [
        (failing.path(), ":0", "the browser could not be started: xdg-open failed (exit status: 4)"),
        (nothing.path(), ":0", "no program that opens a browser is installed (looked for xdg-open"),
        (failing.path(), "", "there is no browser on this machine (no display, and BROWSER is not set)"),
    ] {
        for arguments in [&["open"][..], &["login", "work", "--timeout", "1"]] {
            let said = opening(&world, arguments, path, display);
            assert!(said.contains(&format!("The browser was not opened: {why}")), "{arguments:?}: {said}");
            assert!(url_in(&said).starts_with("http://127.0.0.1:"), "{said}");
        }
    }
}

#[test]
fn a_login_prints_the_url_even_if_a_browser_was_opened() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let opened = tempfile::tempdir().unwrap();
    let note = opened.path().join("url");
    let good = launcher(&format!("echo \"$1\" >{}", note.display()));
    let said = opening(&world, &["login", "work", "--timeout", "1"], good.path(), ":0");
    assert!(said.contains("The browser is open for the login to `work`. If no page appears"), "{said}");
    assert_eq!(url_in(&said), std::fs::read_to_string(note).unwrap().trim());
}

#[test]
fn a_login_opens_the_accounts_own_browser_and_no_other() {
    let (idp, folder) = (Idp::start(), tempfile::tempdir().unwrap());
    let note = folder.path().join("url");
    let browser = |script: &str| format!("browser = [\"/bin/sh\", \"-c\", \"{script}\", \"-P\", \"work\"]\n");
    let other = launcher(&format!("echo other >{}", note.display()));
    let world = World::start_with(&idp, "", "", &browser(&format!("echo $0 $1 $2 >{}", note.display())));
    let opened = || until("it is open", || std::fs::read_to_string(&note).ok().filter(|text| text.ends_with('\n')));
    let started = world.start_login("work", "daemon_browser");
    assert_eq!(opened(), format!("-P work {}\n", started.start_url.unwrap()));

    std::fs::remove_file(&note).unwrap();
    // It needs no display.
    let said = opening(&world, &["login", "work", "--timeout", "1"], other.path(), "");
    assert!(said.contains("The browser is open for the login to `work`."), "{said}");
    assert_eq!(opened(), format!("-P work {}\n", url_in(&said)));

    std::fs::remove_file(&note).unwrap();
    world.configure(&World::config_of(&idp, "", "", &browser("exit 4")));
    let said = opening(&world, &["login", "work", "--timeout", "1"], other.path(), ":0");
    let why = "The browser was not opened: the browser could not be started: /bin/sh failed (exit status: 4)";
    assert!(said.contains(why) && !note.exists(), "{said}");
}
