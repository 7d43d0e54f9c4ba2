//! Arbitrary token endpoint replies: any status, type and body.
#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ringback::clock::Wall;
use ringback::config::{FilePrivacy, parse};
use ringback::oauth::dialect::Dialect;
use ringback::oauth::reply::{self, ReceivedReply, ParsedReply};

/// A strict dialect, and one that reads the token from another path in the reply.
static DIALECTS: LazyLock<Vec<Arc<Dialect>>> = LazyLock::new(|| {
    let text = "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\n\
                [accounts.b]\nprovider = \"slack\"\nclient_id = \"i\"\nclient_secret = \"s\"\n\
                redirect_uri = \"http://127.0.0.1:7464/callback/b\"\n";
    let config = parse(text, Path::new("/c"), FilePrivacy::Private, None).unwrap();
    config.accounts.values().map(|account| Arc::clone(&account.dialect)).collect()
});

/// A refresh token that a JSON parser finds in a success is kept.
fn never_lost(body: &[u8], dialect: &Dialect, reply: &ParsedReply) {
    if !dialect.response_paths.is_empty() {
        return;
    }
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) else { return };
    let Some(token) = members.get("refresh_token").and_then(serde_json::Value::as_str) else { return };
    let is_usable = (1..=reply::LONGEST_TOKEN).contains(&token.len())
        && !token.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    if is_usable {
        let ParsedReply::Granted(grant) = reply else { panic!("{reply:?}") };
        assert!(grant.refresh_token.as_ref().is_some_and(|kept| kept.matches(token)), "{grant:?}");
    }
}

/// The parts that the `Debug` output of every grant has in common.
const WORDS: &str = "Grant { access_token: Some(AccessToken[redacted]), refresh_token: Some(RefreshToken[redacted]), scope: Some(None, expires_in: ";

fuzz_target!(|data: &[u8]| {
    let [head, body @ ..] = data else { return };
    let dialect = &DIALECTS[usize::from(head & 1)];
    let status = [200, 201, 204, 302, 400, 401, 403, 429, 500, 503][usize::from(head >> 1) % 10];
    let content_type = ["application/json", "text/html", "application/x-www-form-urlencoded", ""][usize::from(head >> 5) % 4];
    let received = || ReceivedReply {
        status,
        content_type: Some(content_type).filter(|kind| !kind.is_empty()),
        retry_after: None,
        body,
        at: Wall(1_700_000_000_000),
    };
    let (once, again) = (reply::parse(received(), dialect), reply::parse(received(), dialect));
    assert_eq!(format!("{once:?}"), format!("{again:?}"), "parsing is deterministic");
    if (200..300).contains(&status) {
        let _ = reply::parse_cut(received(), "cut off".into(), dialect, reply::Asked::default());
        never_lost(body, dialect, &once);
    }
    if let ParsedReply::Granted(grant) = once {
        assert!((200..300).contains(&status), "a grant with status {status}");
        // RFC 6749 §A.12: an access token is sent in a header, so it must be visible ASCII.
        let fit = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(grant.access_token.is_some() || grant.refresh_token.is_some(), "a grant of nothing");
        assert!(grant.access_token.is_some() || !grant.flaws.is_empty(), "a grant without access token has a reason");
        assert!(grant.access_token.as_ref().is_none_or(|token| fit(token.expose())));
        let kept = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        assert!(grant.refresh_token.as_ref().is_none_or(|token| kept(token.expose())));
        // Member names and the scope are printed and may be anything, but must not contain a longer token.
        let token = grant.access_token.as_ref().map_or("", |token| token.expose());
        let flawed = grant.flaws.iter().any(|flaw| flaw.contains(token));
        let named = flawed || grant.extra.keys().any(|name| name.contains(token)) || grant.scope.as_ref().is_some_and(|scope| scope.contains(token));
        // A token may happen to equal part of the fixed text, such as "efresh_token".
        let named = named || WORDS.contains(token);
        assert!(token.len() < 12 || named || !format!("{grant:?}").contains(token), "{grant:?}");
    }
});
