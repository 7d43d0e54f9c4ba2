//! `ringback import` of tokens from elsewhere.

use std::process::Stdio;

use crate::idp::{Act, Idp, plain};
use crate::terminal::AtTerminal;
use crate::world::{World, feed, told};

fn import(world: &World, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = world.command(&[&["import", "work"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, token.as_bytes());
    told(child.wait_with_output().unwrap())
}

#[test]
fn a_refreshable_login_is_not_replaced_by_an_access_token_without_confirmation() {
    let idp = Idp::start();
    let introspect = format!("introspect_url = \"{}\"", idp.url("/introspect"));
    let world = World::start_with(&idp, "", &introspect, "");
    world.log_in("work");
    let token = world.token("work");
    for _ in 0..2 {
        idp.next_at("/introspect", Act::Raw(plain(200, "application/json", r#"{"active":true}"#)));
    }
    let before = world.get("/v1/accounts/work").json();
    let (code, _, said) = import(&world, &token, &[]);
    assert!(code == 11 && said.contains("nothing was replaced") && said.contains("`--replace`"), "{code} {said}");
    assert_eq!(world.get("/v1/accounts/work").json(), before, "nothing has changed");
    let (code, _, said) = import(&world, &token, &["--replace"]);
    assert!(code == 0 && said.contains("no refresh token"), "{code} {said}");
    assert_eq!(world.get("/v1/accounts/work").json()["refreshable"], false);
}

/// As in `ringback token | ringback import work`: standard input is the token, so the question goes to the terminal.
#[test]
fn with_the_token_on_standard_input_the_terminal_asks() {
    let idp = Idp::start();
    let introspect = format!("introspect_url = \"{}\"", idp.url("/introspect"));
    let world = World::start_with(&idp, "", &introspect, "");
    world.log_in("work");
    let piped = "\"$0\" token work | \"$0\" import work";
    for (answer, code, refreshable) in [("n\n", 6, true), ("y\n", 0, false)] {
        // The token is introspected before the question, and again after a yes.
        for _ in 0..if answer == "y\n" { 2 } else { 1 } {
            idp.next_at("/introspect", Act::Raw(plain(200, "application/json", r#"{"active":true}"#)));
        }
        let mut terminal = AtTerminal::run(world.shell(piped));
        terminal.until_shown("Replace the login of `work`? [y/N]");
        terminal.type_line(answer);
        assert_eq!(terminal.end(), Some(code), "{}", terminal.screen());
        assert_eq!(world.account("work").refreshable, refreshable);
    }
}
