//! A provider that rotates and then sends a flawed reply: the new refresh token is kept, the next refresh uses it, and
//! the login survives.

use std::fmt::Write as _;

use ringback::contract::AccountState;

use crate::idp::{Act, Idp, plain, with_header};
use crate::world::{World, account, provider, until};

/// One flaw of a reply.
struct Flaw {
    what: &'static str,
    spoil: fn(&str) -> Vec<u8>,
    /// Whether its access token is served.
    served: bool,
    /// Part of the message: in the account's last error, or in the log if the access token is served.
    told: &'static str,
}

const fn served(what: &'static str, spoil: fn(&str) -> Vec<u8>, told: &'static str) -> Flaw {
    Flaw { what, spoil, served: true, told }
}

const fn kept(what: &'static str, spoil: fn(&str) -> Vec<u8>, told: &'static str) -> Flaw {
    Flaw { what, spoil, served: false, told }
}

fn json(body: impl AsRef<[u8]>) -> Vec<u8> {
    plain(200, "application/json", body)
}

/// `body` with these members appended.
fn more(body: &str, members: &str) -> String {
    format!("{},{members}}}", body.strip_suffix('}').unwrap())
}

/// `body` with `members` prepended.
fn behind(members: &[u8], body: &str) -> Vec<u8> {
    [b"{", members, b",", &body.as_bytes()[1..]].concat()
}

fn token_type(body: &str, kind: &str) -> Vec<u8> {
    json(body.replace("\"bearer\"", &format!("\"{kind}\"")))
}

/// `body` without its access token, or with another.
fn access(body: &str, with: Option<&str>) -> Vec<u8> {
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
    members.remove("access_token");
    if let Some(with) = with {
        members.insert("access_token".into(), with.into());
    }
    json(serde_json::to_vec(&members).unwrap())
}

fn form(body: &str) -> Vec<u8> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(body).unwrap();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs = members.iter().map(|(name, value)| (name, text(value)));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

/// Gzip with a single stored block (RFC 1951 §3.2.4).
fn gzip(body: &str) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    [&head[..], &length.to_le_bytes(), &(!length).to_le_bytes(), body.as_bytes(), &[0; 8]].concat()
}

#[rustfmt::skip]
const FLAWS: &[Flaw] = &[
    served("plain", |b| plain(200, "text/plain", b), "the content type of the reply is `text/plain`"),
    served("html", |b| plain(200, "text/html", b), "the content type of the reply is `text/html`"),
    served("no-type", |b| with_header(200, "X: y", b), ""),
    served("bearertoken", |b| token_type(b, "BearerToken"), "token_type is `BearerToken`"),
    served("jwt", |b| token_type(b, "JWT"), "token_type is `JWT`"),
    served("type-empty", |b| token_type(b, ""), "token_type is ``"),
    served("latin-1", |b| json(behind(b"\"name\":\"Andr\xe9\"", b)), "not valid JSON"),
    served("surrogate", |b| json(behind(br#""name":"\ud83d""#, b)), "not valid JSON"),
    served("bom", |b| json(format!("\u{feff}{b}")), ""),
    served("nul", |b| json(format!("{b}\0")), ""),
    served("comma", |b| json(format!("{},}}", b.strip_suffix('}').unwrap())), "not valid JSON"),
    served("trailing", |b| json(format!("{b}<!-- served by x -->")), "not valid JSON"),
    served("gzip", |b| with_header(200, "Content-Type: application/json\r\nContent-Encoding: gzip", gzip(b)), ""),
    served("gzip-unsaid", |b| json(gzip(b)), ""),
    served("no-error", |b| json(more(b, r#""error":false"#)), ""),
    served("zero-error", |b| json(more(b, r#""error":0,"error_description":"""#)), ""),
    served("form", |b| with_header(200, "Content-Type: application/x-www-form-urlencoded", form(b)), "a form and not JSON"),
    served("form-as-html", |b| with_header(200, "Content-Type: text/html", form(b)), "a form and not JSON"),
    served("deep", |b| json(more(b, &format!("\"x\":{}1{}", "[".repeat(200), "]".repeat(200)))), "not valid JSON"),
    served("repeated", |b| json(more(b, r#""expires_in":3600,"refresh_token":null"#)), "a member twice"),
    served("cut-json", |b| json(format!("{},\"x\":\"", b.strip_suffix('}').unwrap())), "cut off"),
    served("too-large", |b| json(more(b, &format!("\"x\":\"{}\"", "x".repeat(300_000)))), "larger than 256 KiB"),
    served("broken-off", |b| with_header(200, "Content-Type: application/json", format!("{b}{}", "x".repeat(99)))[..].strip_suffix(&[b'x'; 99]).unwrap().to_vec(), "broke off"),
    kept("dpop", |b| token_type(b, "DPoP"), "token_type is `DPoP`: the server binds its tokens to a key"),
    kept("no-access", |b| access(b, None), "there is no access_token"),
    kept("long", |b| access(b, Some(&"x".repeat(65_537))), "access_token is longer than 64 KiB"),
    kept("unfit", |b| access(b, Some("a\nb")), "characters that are not allowed in tokens"),
    kept("with-error", |b| json(more(b, r#""error":"partial","error_description":"d\u001b[31m""#)), "an error (partial: d [31m)"),
];

fn path(flaw: &Flaw) -> String {
    format!("/token/{}", flaw.what)
}

fn world(idp: &Idp) -> World {
    let mut config = String::new();
    for flaw in FLAWS {
        write!(config, "{}{}", provider(flaw.what, idp, &path(flaw), ""), account(flaw.what, flaw.what, "")).unwrap();
    }
    let mut world = World::with_config(&config);
    world.run();
    world
}

#[test]
fn a_refresh_token_in_a_flawed_reply_is_kept_and_used() {
    let idp = Idp::start();
    let mut world = world(&idp);
    for flaw in FLAWS {
        let what = flaw.what;
        world.log_in(what);
        let old = world.token(what);
        idp.next_at(&path(flaw), Act::WorkAndSpoil(flaw.spoil));
        // The refresh after the flawed one is held until the account has been checked.
        idp.next_at(&path(flaw), Act::WorkAndHold);
        let reply = world.post(&format!("/v1/accounts/{what}/refresh"));
        assert_eq!(reply.status == 200, flaw.served, "{what}: {reply:?}");
        let (token, view) = (world.token(what), world.account(what));
        assert_eq!((view.state, view.generation), (AccountState::Active, 2), "{what}: {view:?}");
        assert_eq!(token != old, flaw.served, "{what}: the old token is served if the new one is unusable");
        assert!(idp.honours(&token), "{what}");
        let said = view.last_error.map(|error| error.error_description).unwrap_or_default();
        let said = if flaw.served { world.log() } else { said };
        assert!(said.contains(flaw.told), "{what}: {said}");
        assert!(!said.contains('\u{1b}'), "{what}: {said}");
    }
    idp.release();
    // The kept refresh token is on disk, and the restarted daemon uses it.
    world.restart();
    for flaw in FLAWS {
        let what = flaw.what;
        until(&format!("{what} is refreshed again"), || {
            let done = world.account(what).generation > 2;
            if !done {
                world.post(&format!("/v1/accounts/{what}/refresh"));
            }
            done.then_some(())
        });
        let view = world.account(what);
        assert_eq!((view.state, view.last_error), (AccountState::Active, None), "{what}");
        assert!(idp.honours(&world.token(what)), "{what}");
    }
    assert_eq!(idp.reuses(), 0, "no old refresh token was sent again");
    assert!(!world.log().contains("canary"), "no token is in the log");
}

#[test]
fn a_login_whose_reply_lacks_a_usable_access_token_gets_one_with_the_refresh_token() {
    let idp = Idp::start();
    let world = world(&idp);
    for flaw in FLAWS.iter().filter(|flaw| !flaw.served) {
        let what = flaw.what;
        idp.next_at(&path(flaw), Act::WorkAndSpoil(flaw.spoil));
        world.log_in(what);
        let reply = world.get(&format!("/v1/accounts/{what}/token?wait=20"));
        assert_eq!(reply.status, 200, "{what}: {reply:?}");
        let view = world.account(what);
        assert_eq!((view.state, view.generation, view.last_error), (AccountState::Active, 2, None), "{what}");
    }
    assert_eq!(idp.reuses(), 0);
}

#[test]
fn a_token_request_refuses_encodings_and_declares_an_empty_body() {
    let idp = Idp::start();
    let mut world = World::with_config(&format!(
        "{}{}",
        provider("query", &idp, "/token", "body = \"query\"\n"),
        account("query", "query", "")
    ));
    world.run();
    world.log_in("query");
    let seen = idp.seen_at("/token");
    let [seen] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((seen.header("content-length"), seen.header("content-type")), (Some("0"), None), "{seen:?}");
    assert_eq!(seen.header("accept-encoding"), Some("identity"), "{seen:?}");
    assert_eq!(seen.body, "");
}
