//! Secrets with invisible characters, and settings that would expose a secret: reported by position, never sent.

use std::os::unix::fs::PermissionsExt;

use crate::idp::{Idp, Page};
use crate::report::Report;
use crate::world::{SECRET, World, account, provider};

/// Name, the file's bytes, and the message; empty: the secret is used, without surrounding white space.
type Row = (&'static str, &'static [u8], &'static str);

#[rustfmt::skip]
const FILES: &[Row] = &[
    ("plain", b"SECRET~canary\n", ""),
    ("a byte order mark", b"\xef\xbb\xbfSECRET~canary\r\n", ""),
    ("a zero-width space inside", "SECRET\u{200b}~canary".as_bytes(), "has a zero-width space (U+200B) in line 1, column 7"),
    ("a zero-width space at the end", "\n SECRET~canary\u{200b}\n".as_bytes(), "(U+200B) in line 2, column 15"),
    ("a non-breaking space at the end", "SECRET~canary\u{a0}\n".as_bytes(), "has a non-breaking space (U+00A0) in line 1, column 14"),
    ("a direction mark", "SECRET\u{202e}~canary".as_bytes(), "has a mark that changes the text direction (U+202E)"),
    ("a soft hyphen", "SECRET\u{ad}~canary".as_bytes(), "has an invisible character (U+00AD)"),
    ("a tag character", "SECRET~canary\u{e0041}".as_bytes(), "has an invisible character (U+E0041)"),
    ("a second mark", "\u{feff}\u{feff}SECRET~canary".as_bytes(), "has a byte order mark (U+FEFF) in line 1, column 1"),
    ("an escape", b"SECRET\x1b~canary", "has a control character (U+001B) in line 1, column 7"),
    ("UTF-16 of PowerShell", b"\xff\xfeS\0E\0C\0R\0E\0T\0\r\0\n\0", "is in UTF-16, as written by PowerShell's `>`"),
    ("UTF-16, the other way round", b"\xfe\xff\0S\0E\0C\0R", "is in UTF-16"),
    ("UTF-16 without a mark", b"S\0E\0C\0R\0E\0T\0", "is in UTF-16"),
];

#[test]
fn invisible_characters_in_a_secret_file_are_reported_by_position() {
    let idp = Idp::start();
    let mut report = Report::default();
    let of_file =
        account("work", "idp", "").replace(&format!("client_secret = \"{SECRET}\""), "client_secret_file = \"s\"");
    let mut world = World::with_config(&(provider("idp", &idp, "/token", "") + &of_file));
    let file = world.config_file().with_file_name("s");
    std::fs::write(&file, "SECRET~canary").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    world.run();
    for (name, bytes, says) in FILES {
        report.row();
        std::fs::write(&file, bytes).unwrap();
        let (code, _, said) = world.cli(&["config", "check"]);
        let (before, reply) = (idp.seen_at("/token").len(), world.post("/v1/accounts/work/login"));
        if says.is_empty() {
            report.expect(name, code == 0, &said);
            world.log_in("work");
            let sent = idp.seen_at("/token").pop().unwrap();
            let basic = sent.header("authorization").unwrap_or_default().to_owned();
            // Of `the+client:SECRET%7Ecanary` (RFC 6749 §2.3.1).
            let right = basic == "Basic dGhlK2NsaWVudDpTRUNSRVQlN0VjYW5hcnk=";
            report.expect(name, right, basic);
        } else {
            let named = said.contains(says) && said.contains(file.to_str().unwrap()) && !said.contains("canary");
            report.expect(name, code != 0 && named, &said);
            let told = reply.body.replace("\\\"", "\"");
            report.expect(name, reply.status >= 400 && told.contains(says) && !told.contains("canary"), &told);
            report.expect(name, idp.seen_at("/token").len() == before, "it was sent");
        }
    }
    report.end();
}

/// Provider keys, and the message about them.
type Key = (&'static str, &'static str);

#[rustfmt::skip]
const KEYS: &[Key] = &[
    ("extra_authorize = { client_secret = \"canary\" }", "it would pass through the browser and its history; expected `client_secret_file`"),
    ("extra_authorize = { client_assertion = \"canary\" }", "expected `client_auth = \"private_key_jwt\"`"),
    ("extra_authorize = { code_verifier = \"canary\" }", "expected no such parameter: each login has a new one"),
    ("extra_authorize = { password = \"canary\" }", "expected `grant = \"password\"` of the account"),
    ("extra_authorize = { username = \"canary\" }", "which ringback sets itself"),
    ("extra_authorize = { refresh_token = \"canary\" }", "expected `ringback import`"),
    ("extra_authorize = { grant_type = \"canary\" }", "expected `grant` of the account"),
    ("extra_authorize = { Client_Secret = \"canary\" }", "sets `Client_Secret`, which is a secret"),
    ("extra_authorize = { \" client_secret\" = \"canary\" }", "sets ` client_secret`, which is a secret"),
    ("extra_authorize = { \"client_secret[]\" = \"canary\" }", "which is a secret"),
    ("extra_token = { \"client.secret\" = \"canary\" }", "which is a secret"),
    ("extra_refresh = { access_token = \"canary\" }", "expected `ringback import`"),
    ("revoke_url = \"https://h/r?token=canary\"", "has `token` in its query"),
    ("refresh_url = \"https://h/r?client%5Fsecret=canary\"", "has `client_secret` in its query"),
    ("introspect_url = \"https://h/r?CLIENT_SECRET=canary\"", "has `CLIENT_SECRET` in its query"),
];

#[test]
fn no_setting_sends_a_secret_through_the_browser_or_prints_it() {
    let mut report = Report::default();
    for (keys, says) in KEYS {
        report.row();
        let idp = Idp::start();
        let world = World::with_config(&World::config_of(&idp, "", keys, ""));
        let (code, out, said) = world.cli(&["config", "check"]);
        let hidden = !said.contains("canary\"") && !said.contains("=canary") && !out.contains("canary\"");
        report.expect(keys, code != 0 && said.contains(says) && hidden, (out, said));
    }
    report.end();
}

#[test]
fn a_provider_that_refuses_pkce_is_reported_and_not_retried_without_it() {
    let idp = Idp::start();
    let world = World::start(&idp);
    let mut report = Report::default();
    let setting = "set `pkce = \"off\"` in `[providers.idp]`";
    for (refusal, told) in [
        ("error=invalid_request&error_description=PKCE+is+not+supported", true),
        ("error=invalid_request&error_description=unknown+parameter+code_challenge", true),
        ("error=invalid_request&error_description=redirect_uri", false),
        ("error=access_denied", false),
    ] {
        report.row();
        idp.next_page(Page::Answer(refusal));
        let (page, end) = world.try_log_in("work");
        let said = end.failure.unwrap().error_description;
        let shown = page.body.replace("&#34;", "\"").replace("<code>", "`").replace("</code>", "`");
        report.expect(refusal, said.contains(setting) == told && shown.contains(setting) == told, (said, shown));
        report.expect(refusal, idp.seen_at("/token").is_empty(), "it went on");
    }
    let reply = r#"{"error":"invalid_request","error_description":"unexpected code_verifier"}"#;
    idp.next(crate::idp::Act::Raw(crate::idp::plain(400, "application/json", reply)));
    let (_, end) = world.try_log_in("work");
    report.expect("at the token endpoint", end.failure.unwrap().error_description.contains(setting), "not told");
    report.expect("at the token endpoint", idp.seen_at("/token").len() == 1, "asked again");
    let challenged = |seen: &crate::idp::Seen| seen.query().contains_key("code_challenge");
    report.expect("every request has it", idp.seen_at("/authorize").iter().all(challenged), idp.seen());
    report.end();
}
