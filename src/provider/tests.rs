//! The HTTP provider against a scripted server.

mod issuers;
mod server;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Map;
use url::Url;

use self::server::Server;
use super::*;
use crate::account::state::RefreshOutcome;
use crate::clock::{Clock, Wall};
use crate::oauth::describe::DescribeEndpoint;
use crate::oauth::dialect::tests::dialect;
use crate::oauth::dialect::{BodyEncoding, Dialect, Endpoints, RateLimit, Revoke};
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::{Expiry, TokenSet};
use crate::secret::{AccessToken, ClientSecret, RefreshToken};

fn credentials() -> Credentials {
    Credentials {
        client_id: "c".into(),
        client_secret: Some(ClientSecret::new("SECRET")),
        client_key: None,
        dpop_key: None,
        origin: String::new(),
    }
}

/// Every endpoint at `server`.
fn at(server: &Server) -> Dialect {
    let url = |path: &str| Some(Url::parse(&server.url(path)).unwrap());
    let endpoints = Endpoints {
        token: url("/token?mode=x"),
        introspect: url("/introspect"),
        device: url("/device"),
        par: url("/par"),
        ..dialect().endpoints
    };
    Dialect { endpoints, ..dialect() }
}

fn refresh() -> Trade {
    Trade::RefreshToken { token: RefreshToken::new("REFRESH"), target: Target::default() }
}

fn tokens() -> TokenSet {
    TokenSet {
        access_token: AccessToken::new("ACCESS"),
        refresh_token: None,
        scope: None,
        expiry: Expiry::Unknown,
        obtained_at: Wall(0),
        dpop_key: None,
        extra: Map::new(),
    }
}

fn provider() -> HttpProvider {
    HttpProvider::new(Clock::virtual_at(Wall(1_700_000_000_000)))
}

#[tokio::test]
async fn parameters_are_appended_to_the_urls_query_and_appear_in_no_error() {
    let server = Server::start(|_| (200, r#"{"access_token":"a"}"#.into())).await;
    let dialect = Dialect { body: BodyEncoding::Query, ..at(&server) };
    assert!(matches!(provider().trade(&dialect, &refresh(), &credentials()).await, RefreshOutcome::Granted(_)));
    let query = "mode=x&grant_type=refresh_token&refresh_token=REFRESH&client_id=c&client_secret=SECRET";
    assert_eq!(server.seen(), [format!("POST /token?{query} ")]);

    // Nothing listens on port 1; the other server closes the connection without a reply.
    let hangs_up = Server::start(|_| (0, String::new())).await;
    for url in ["http://127.0.0.1:1/token".to_owned(), hangs_up.url("/token")] {
        let mut dialect = dialect.clone();
        dialect.endpoints.token = Some(Url::parse(&url).unwrap());
        let answer = format!("{:?}", provider().trade(&dialect, &refresh(), &credentials()).await);
        assert!(answer.starts_with("NotSent") || answer.starts_with("Lost"), "{answer}");
        assert!(!answer.contains("REFRESH") && !answer.contains("SECRET") && !answer.contains("/token"), "{answer}");
    }
}

#[tokio::test]
async fn a_post_without_a_body_has_content_length_0() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut dialect = Dialect { body: BodyEncoding::Query, ..dialect() };
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    dialect.endpoints.token = Some(Url::parse(&url).unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            seen.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"access_token\":\"a\"}").await.unwrap();
        String::from_utf8(seen).unwrap().to_ascii_lowercase()
    });
    assert!(matches!(provider().trade(&dialect, &refresh(), &credentials()).await, RefreshOutcome::Granted(_)));
    let seen = server.await.unwrap();
    assert!(seen.starts_with("post /token?grant_type=refresh_token&"), "{seen}");
    assert_eq!(seen.matches("\r\ncontent-length: 0\r\n").count(), 1, "{seen}");
    assert!(!seen.contains("content-type") && !seen.contains("transfer-encoding"), "{seen}");
    assert_eq!(seen.matches("\r\naccept-encoding: identity\r\n").count(), 1, "{seen}");
}

#[tokio::test]
async fn a_request_over_the_limit_is_not_sent() {
    let server = Server::start(|_| (200, r#"{"access_token":"a","active":true}"#.into())).await;
    let limit = |most, seconds| Some(RateLimit { most, per: Duration::from_secs(seconds) });
    let dialect = Dialect { rate_limit_endpoint: limit(2, 30), rate_limit: limit(3, 60), ..at(&server) };
    let clock = Clock::virtual_at(Wall(1_700_000_000_000));
    let (provider, me) = (HttpProvider::new(clock.clone()), credentials());
    for _ in 0..2 {
        assert!(matches!(provider.trade(&dialect, &refresh(), &me).await, RefreshOutcome::Granted(_)));
    }
    let RefreshOutcome::Busy { retry_after: Some(wait), .. } = provider.trade(&dialect, &refresh(), &me).await else {
        panic!("over the endpoint's limit")
    };
    assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30), "{wait:?}");
    assert!(provider.describe(&dialect, &AccessToken::new("A"), &me).await.is_ok(), "the limit is per endpoint");
    let over_all = provider.device(&dialect, &Target::default(), &me).await;
    assert!(matches!(over_all, Err(AskError::Unreachable { retry_after: Some(_), .. })), "{over_all:?}");
    let another = Credentials { client_id: "d".into(), ..me.clone() };
    assert!(
        matches!(provider.trade(&dialect, &refresh(), &another).await, RefreshOutcome::Granted(_)),
        "the limit is per client"
    );
    assert_eq!(server.seen().len(), 4);
    clock.suspend(wait);
    assert!(
        matches!(provider.trade(&dialect, &refresh(), &me).await, RefreshOutcome::Busy { .. }),
        "the limit of all endpoints together lasts a minute"
    );
    clock.suspend(Duration::from_secs(31));
    assert!(matches!(provider.trade(&dialect, &refresh(), &me).await, RefreshOutcome::Granted(_)));
}

#[tokio::test]
async fn a_revocation_succeeds_only_if_the_provider_confirms_it() {
    for (status, by_bearer, by_form) in
        [(200, true, true), (204, true, true), (401, true, false), (400, false, false), (503, false, false)]
    {
        let server = Server::start(move |_| (status, String::new())).await;
        let url = Url::parse(&server.url("/revoke")).unwrap();
        for (revoke, expected) in [(Revoke::DeleteBearer(url.clone()), by_bearer), (Revoke::Rfc7009(url), by_form)] {
            let dialect = Dialect { revoke, ..at(&server) };
            let got = provider().revoke(&dialect, &tokens(), &credentials()).await;
            let expected =
                if expected { Ok(RevocationOutcome::Complete) } else { Err(format!("the provider answered {status}")) };
            assert_eq!(got, expected, "{status} {:?}", dialect.revoke);
        }
    }
    let server = Server::start(|_| (200, String::new())).await;
    assert_eq!(provider().revoke(&at(&server), &tokens(), &credentials()).await, Ok(RevocationOutcome::Unsupported));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn both_tokens_are_revoked_and_a_token_that_stays_valid_is_reported() {
    const GONE: &str = r#"{"error":"invalid_token"}"#;
    const NO_KIND: &str = r#"{"error":"unsupported_token_type","error_description":"ACCESS?"}"#;
    let lives = |why: &str| Ok(RevocationOutcome::AccessTokenLives(why.to_owned()));
    let failed = |why: &str| Err(why.to_owned());
    for (refresh, access, expected) in [
        ((200, ""), (200, ""), Ok(RevocationOutcome::Complete)),
        // RFC 7009 §2.2 requires 200 for an invalid token; 400 with `invalid_token` counts as revoked, too.
        ((200, ""), (400, GONE), Ok(RevocationOutcome::Complete)),
        ((400, GONE), (400, GONE), Ok(RevocationOutcome::Complete)),
        ((200, ""), (400, NO_KIND), lives("the provider answered 400 (unsupported_token_type)")),
        ((200, ""), (503, ""), lives("the provider answered 503")),
        ((503, ""), (200, ""), failed("the provider answered 503")),
        ((401, r#"{"error":"invalid_client"}"#), (200, ""), failed("the provider answered 401 (invalid_client)")),
    ] {
        let server = Server::start(move |request| {
            let (status, body) = if request.contains("token=R&") { refresh } else { access };
            (status, body.to_owned())
        })
        .await;
        let dialect = Dialect { revoke: Revoke::Rfc7009(Url::parse(&server.url("/revoke")).unwrap()), ..at(&server) };
        let both = TokenSet { refresh_token: Some(RefreshToken::new("R")), ..tokens() };
        assert_eq!(provider().revoke(&dialect, &both, &credentials()).await, expected, "{refresh:?} {access:?}");
        let proof = "client_id=c&client_secret=SECRET";
        let asked = [("R", "refresh_token"), ("ACCESS", "access_token")];
        let asked = asked.map(|(token, hint)| format!("POST /revoke token={token}&token_type_hint={hint}&{proof}"));
        assert_eq!(server.seen(), asked);
    }
}

#[tokio::test]
async fn every_request_goes_to_its_endpoint() {
    let server = Server::start(|request| {
        let reply = match request.split(' ').nth(1) {
            Some("/par") => (201, r#"{"request_uri":"urn:x:1","expires_in":60}"#),
            Some("/device") => {
                (200, r#"{"device_code":"D","user_code":"U","verification_uri":"https://x/","expires_in":60}"#)
            }
            Some("/introspect") => (200, r#"{"active":true,"sub":"me"}"#),
            Some("/details") => (200, r#"{"scope":"a","scope_details":[{"voip_id":7}]}"#),
            _ => (404, ""),
        };
        (reply.0, reply.1.to_owned())
    })
    .await;
    let (provider, mut dialect, me) = (provider(), at(&server), credentials());
    let parameters = [("client_id".to_owned(), "c".to_owned()), ("state".to_owned(), "s".to_owned())];
    assert_eq!(provider.push(&dialect, &parameters, &me).await, Ok("urn:x:1".into()));
    let device = provider.device(&dialect, &Target::default(), &me).await.unwrap();
    assert_eq!((device.user_code.as_str(), device.interval), ("U", Duration::from_secs(5)));
    let token = AccessToken::new("ACCESS");
    let described = provider.describe(&dialect, &token, &me).await.unwrap();
    assert_eq!((described.source, described.identity["sub"].as_str()), (DescribeEndpoint::Introspection, Some("me")));
    dialect.endpoints.details = Some(Url::parse(&server.url("/details")).unwrap());
    let described = provider.describe(&dialect, &token, &me).await.unwrap();
    assert_eq!((described.source, described.identity["voip_id"].as_i64()), (DescribeEndpoint::Details, Some(7)));
    let proof = "client_id=c&client_secret=SECRET";
    assert_eq!(
        server.seen(),
        [
            "POST /par client_id=c&state=s&client_secret=SECRET".to_owned(),
            format!("POST /device {proof}"),
            format!("POST /introspect token=ACCESS&token_type_hint=access_token&{proof}"),
            "GET /details Bearer ACCESS".to_owned(),
        ]
    );
}

/// Phone.com's `GET /oauth/access-token`, since `/details` does not know permanent tokens.
#[tokio::test]
async fn a_missing_details_endpoint_has_a_fallback() {
    const PERMANENT: &str = r#"{"scope":"account-owner","scope_details":[{"voip_id":7}]}"#;
    for (details, fallback, expected, asked) in [
        ((404, "{}"), (200, PERMANENT), Ok(7), 2),
        ((404, "<html>"), (200, PERMANENT), Ok(7), 2),
        ((200, PERMANENT), (404, ""), Ok(7), 1),
        ((404, ""), (401, r#"{"error":"invalid_token"}"#), Err("invalid_token"), 2),
        ((404, ""), (404, r#"{"error":"not_there"}"#), Err("not_there"), 2),
        ((401, r#"{"error":"invalid_token"}"#), (200, PERMANENT), Err("invalid_token"), 1),
        ((503, ""), (200, PERMANENT), Err("the provider answered 503"), 1),
    ] {
        let server = Server::start(move |request| {
            let (status, body) = if request.starts_with("GET /t/details Bearer ACCESS") { details } else { fallback };
            (status, body.to_owned())
        })
        .await;
        let mut dialect = at(&server);
        dialect.endpoints.details = Some(Url::parse(&server.url("/t/details")).unwrap());
        dialect.endpoints.details_fallback = Some(Url::parse(&server.url("/t")).unwrap());
        let got = provider().describe(&dialect, &AccessToken::new("ACCESS"), &credentials()).await;
        let got = got.map(|described| described.identity["voip_id"].as_i64().unwrap()).map_err(|e| e.to_string());
        assert_eq!(got, expected.map_err(str::to_owned), "{details:?} {fallback:?}");
        assert_eq!(server.seen().len(), asked, "{:?}", server.seen());
    }
}

#[tokio::test]
async fn a_missing_endpoint_is_an_error() {
    let (provider, me, token) = (provider(), credentials(), AccessToken::new("A"));
    let bare = Dialect { endpoints: Endpoints::default(), ..dialect() };
    let impossible = |what: &str| AskError::Impossible(format!("the provider has no {what}"));
    let pushed = provider.push(&bare, &[], &me).await;
    assert_eq!(pushed, Err(impossible("pushed authorization request endpoint (`par_url`)")));
    let device = provider.device(&bare, &Target::default(), &me).await;
    assert_eq!(device.err(), Some(impossible("device authorization endpoint (`device_url`)")));
    let nothing_of_tokens =
        "introspection endpoint (`introspect_url`, RFC 7662), and none for a token's details (`details_url`)";
    assert_eq!(provider.describe(&bare, &token, &me).await.err(), Some(impossible(nothing_of_tokens)));
    assert!(matches!(provider.trade(&bare, &refresh(), &me).await, RefreshOutcome::NotSent { .. }));
}
