//! Tokens that were made elsewhere, handed over at the command line.

use std::io::Write as _;
use std::process::Stdio;

use crate::idp::{Act, Idp, plain};
use crate::world::{World, told};

fn import(world: &World, token: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = world.command(&[&["import", "work"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    told(child.wait_with_output().unwrap())
}

#[test]
fn a_login_that_can_be_refreshed_is_not_replaced_by_its_own_access_token_without_a_yes() {
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
