use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;

use super::*;
use crate::clock::Wall;
use crate::oauth::dialect::tests::dialect;
use crate::oauth::dialect::{ClientAuth, Endpoints};
use crate::oauth::grant::Expiry;
use crate::secret::ClientSecret;
use crate::secret::Nonce256;

const FORM: &str = "application/x-www-form-urlencoded";

fn signed<T>(build: impl FnOnce(Signing<'_>) -> T) -> T {
    let signing = Signing {
        now: Wall(0),
        id: &Nonce256::new("jti"),
        rng: &SystemRandom::new(),
        dpop_nonce: &|_| Some("n".into()),
    };
    build(signing)
}

fn credentials(secret: Option<&str>) -> Credentials {
    Credentials {
        client_id: "my id".into(),
        client_secret: secret.map(ClientSecret::new),
        client_key: None,
        dpop_key: None,
        origin: String::new(),
    }
}

fn target() -> Target {
    Target {
        scope: vec!["one".into(), "two".into()],
        resource: vec!["https://a".into(), "https://b".into()],
        audience: Some("aud".into()),
    }
}

fn code() -> Trade {
    Trade::AuthorizationCode {
        code: AuthorizationCode::new("C~6"),
        redirect_uri: "http://127.0.0.1:7464/callback/p".into(),
        verifier: Some(CodeVerifier::new("V")),
        target: Target::default(),
    }
}

fn refresh(target: Target) -> Trade {
    Trade::RefreshToken { token: RefreshToken::new("R\"~+"), target }
}

fn show(request: &HttpRequest) -> String {
    let header = request.authorization.as_deref().map_or("-", String::as_str);
    let query = request.query.as_deref().map_or(String::new(), |query| format!("?{query} "));
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    format!("{} {} {query}{} {header} {body}", request.method, request.url, request.content_type.unwrap_or("-"))
}

fn check(dialect: &Dialect, trade: &Trade, secret: Option<&str>, expected: &str) {
    let request = signed(|signing| token_request(dialect, trade, &credentials(secret), signing)).unwrap();
    assert_eq!(show(&request), expected);
    for secret in ["C~6", "R\"", "S&", "PASS", "DC"] {
        assert!(!request.url.as_str().contains(secret), "the URL is logged and compared");
    }
}

fn by(client_auth: ClientAuth, body: BodyEncoding) -> Dialect {
    Dialect { client_auth, body, ..dialect() }
}

const TOKEN: &str = "POST https://id.example/token";

#[test]
fn token_requests_match_each_dialect_exactly() {
    let (json, form) = (by(ClientAuth::Post, BodyEncoding::Json), by(ClientAuth::Post, BodyEncoding::Form));
    check(
        &json,
        &code(),
        Some("S&"),
        &format!(
            r#"{TOKEN} application/json - {{"grant_type":"authorization_code","code":"C~6","redirect_uri":"http://127.0.0.1:7464/callback/p","code_verifier":"V","client_id":"my id","client_secret":"S&"}}"#
        ),
    );
    check(
        &json,
        &refresh(Target::default()),
        Some("S&"),
        &format!(
            r#"{TOKEN} application/json - {{"grant_type":"refresh_token","refresh_token":"R\"~+","client_id":"my id","client_secret":"S&"}}"#
        ),
    );
    check(
        &form,
        &refresh(Target::default()),
        Some("S&"),
        &format!(
            "{TOKEN} {FORM} - grant_type=refresh_token&refresh_token=R%22%7E%2B&client_id=my+id&client_secret=S%26"
        ),
    );
    // base64("my+id:s%3A%2B%2F%25%26+%C3%A9")
    check(
        &by(ClientAuth::Basic, BodyEncoding::Form),
        &refresh(Target::default()),
        Some("s:+/%& é"),
        &format!(
            "{TOKEN} {FORM} Basic bXkraWQ6cyUzQSUyQiUyRiUyNSUyNislQzMlQTk= grant_type=refresh_token&refresh_token=R%22%7E%2B"
        ),
    );
    check(
        &by(ClientAuth::None, BodyEncoding::Form),
        &refresh(Target::default()),
        None,
        &format!("{TOKEN} {FORM} - grant_type=refresh_token&refresh_token=R%22%7E%2B&client_id=my+id"),
    );
}

#[test]
fn every_grant_sends_its_parameters_in_a_fixed_order() {
    let form = by(ClientAuth::None, BodyEncoding::Form);
    let resources = "resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb&audience=aud&client_id=my+id";
    let password = |user| Trade::Password { user, password: Password::new("PASS"), target: target() };
    let device = Trade::DeviceCode { code: DeviceCode::new("DC"), target: target() };
    let mut with_code = code();
    if let Trade::AuthorizationCode { target: of_code, .. } = &mut with_code {
        *of_code = target();
    }
    for (trade, expected) in [
        (
            Trade::ClientCredentials { target: Target::default() },
            "grant_type=client_credentials&client_id=my+id".to_owned(),
        ),
        (
            Trade::ClientCredentials { target: target() },
            format!("grant_type=client_credentials&scope=one+two&{resources}"),
        ),
        (refresh(target()), format!("grant_type=refresh_token&refresh_token=R%22%7E%2B&scope=one+two&{resources}")),
        (
            password(User::Name("u".into())),
            format!("grant_type=password&username=u&password=PASS&scope=one+two&{resources}"),
        ),
        (
            password(User::PhoneNumber("+1".into())),
            format!("grant_type=password&phonenumber=%2B1&password=PASS&scope=one+two&{resources}"),
        ),
        (
            device,
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=DC&{resources}"),
        ),
        (
            with_code,
            format!(
                "grant_type=authorization_code&code=C%7E6&redirect_uri=http%3A%2F%2F127.0.0.1%3A7464%2Fcallback%2Fp&code_verifier=V&{resources}"
            ),
        ),
    ] {
        check(&form, &trade, None, &format!("{TOKEN} {FORM} - {expected}"));
    }
    check(
        &by(ClientAuth::None, BodyEncoding::Json),
        &Trade::ClientCredentials { target: target() },
        None,
        &format!(
            r#"{TOKEN} application/json - {{"grant_type":"client_credentials","scope":"one two","resource":["https://a","https://b"],"audience":"aud","client_id":"my id"}}"#
        ),
    );
}

#[test]
fn secrets_in_a_query_are_kept_apart_from_the_url() {
    let mut query = by(ClientAuth::Post, BodyEncoding::Query);
    query.endpoints.token = Some(Url::parse("https://id.example/token?mode=x").unwrap());
    check(
        &query,
        &refresh(Target::default()),
        Some("S& s"),
        "POST https://id.example/token?mode=x ?grant_type=refresh_token&refresh_token=R%22%7E%2B&client_id=my%20id&client_secret=S%26%20s - - ",
    );
}

#[test]
fn refreshes_can_have_their_own_endpoint_and_parameters() {
    let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let mut dialect = by(ClientAuth::None, BodyEncoding::Form);
    dialect.extra_token = text(&[("a", "1"), ("audience", "1"), ("b", "1")]);
    dialect.extra_refresh = text(&[("b", "2"), ("c", "2")]);
    dialect.endpoints.refresh = Some(Url::parse("https://id.example/refresh").unwrap());
    check(
        &dialect,
        &refresh(Target::default()),
        None,
        &format!(
            "POST https://id.example/refresh {FORM} - grant_type=refresh_token&refresh_token=R%22%7E%2B&a=1&audience=1&b=2&c=2&client_id=my+id"
        ),
    );
    check(
        &dialect,
        &Trade::ClientCredentials { target: Target { audience: Some("mine".into()), ..Target::default() } },
        None,
        &format!("{TOKEN} {FORM} - grant_type=client_credentials&audience=mine&a=1&b=1&client_id=my+id"),
    );
}

#[test]
fn no_request_is_built_without_a_key_or_an_endpoint() {
    let jwt = by(ClientAuth::PrivateKeyJwt, BodyEncoding::Form);
    let why = |dialect: &Dialect| {
        let built = signed(|signing| token_request(dialect, &code(), &credentials(None), signing));
        built.err().map(|why| why.to_string())
    };
    assert_eq!(why(&jwt).as_deref(), Some("there is no client key to sign with (`client_key_file`)"));
    let mut nowhere = dialect();
    nowhere.endpoints.token = None;
    assert_eq!(why(&nowhere).as_deref(), Some("the provider has no token endpoint (`token_url`)"));
}

#[test]
fn other_requests_are_forms_whatever_the_token_endpoint_uses() {
    let url = |path: &str| Some(Url::parse(&format!("https://id.example/{path}")).unwrap());
    let mut dialect = by(ClientAuth::Post, BodyEncoding::Json);
    dialect.endpoints.par = url("par");
    dialect.endpoints.device = url("device");
    dialect.endpoints.introspect = url("introspect");
    dialect.endpoints.details = url("details?mode=full");
    let (dialect, credentials) = (&dialect, &credentials(Some("S&")));
    let parameters = [("client_id".to_owned(), "my id".to_owned()), ("state".to_owned(), "s".to_owned())];
    let token = AccessToken::new("A~");
    let target = target();
    for (request, expected) in [
        (
            signed(|signing| push_request(dialect, &parameters, credentials, signing)),
            format!("POST https://id.example/par {FORM} - client_id=my+id&state=s&client_secret=S%26"),
        ),
        (
            signed(|signing| device_request(dialect, &target, credentials, signing)),
            format!(
                "POST https://id.example/device {FORM} - scope=one+two&resource=https%3A%2F%2Fa&resource=https%3A%2F%2Fb&audience=aud&client_id=my+id&client_secret=S%26"
            ),
        ),
        (
            signed(|signing| introspection_request(dialect, &token, credentials, signing)),
            format!(
                "POST https://id.example/introspect {FORM} - token=A%7E&token_type_hint=access_token&client_id=my+id&client_secret=S%26"
            ),
        ),
        (
            signed(|signing| details_request(dialect, &token, credentials, signing)),
            "GET https://id.example/details?mode=full - Bearer A~ ".to_owned(),
        ),
    ] {
        assert_eq!(show(&request.unwrap()), expected);
    }
}

/// Where a token is asked for or shown, the key is proved; where it is only named, it need not be (RFC 9449 §5, §7, §10.1).
#[test]
fn a_key_is_proved_where_its_tokens_are_made_or_shown() {
    let claims = |request: &HttpRequest| -> Option<serde_json::Value> {
        let proof = request.dpop.as_ref()?;
        Some(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(proof.split('.').nth(1).unwrap()).unwrap()).unwrap())
    };
    let url = |path: &str| Some(Url::parse(&format!("https://id.example/{path}?mode=x")).unwrap());
    let endpoints = Endpoints {
        token: url("token"),
        introspect: url("i"),
        device: url("d"),
        par: url("par"),
        details: url("details"),
        ..dialect().endpoints
    };
    let revoke = Revoke::DeleteBearer(url("r").unwrap());
    let dialect = &Dialect { endpoints, revoke, ..dialect() };
    let key = Some(dpop::new_key(&SystemRandom::new()).unwrap());
    let me = &Credentials { dpop_key: key.clone(), ..credentials(None) };
    let token = AccessToken::new("A");
    let tokens = TokenSet {
        access_token: token.clone(),
        refresh_token: None,
        scope: None,
        expiry: Expiry::Unknown,
        obtained_at: Wall(0),
        dpop_key: key,
        extra: serde_json::Map::new(),
    };
    let refresh = Trade::RefreshToken { token: RefreshToken::new("R"), target: Target::default() };
    let client = Trade::ClientCredentials { target: Target::default() };
    for (request, proved) in [
        (signed(|s| token_request(dialect, &refresh, me, s)), Some(("POST", "https://id.example/token", false))),
        (signed(|s| token_request(dialect, &client, me, s)), Some(("POST", "https://id.example/token", false))),
        (signed(|s| details_request(dialect, &token, me, s)), Some(("GET", "https://id.example/details", true))),
        (
            signed(|s| revoke_request(dialect, &tokens, RevokedToken::AccessToken, me, s)).map(Option::unwrap),
            Some(("DELETE", "https://id.example/r", true)),
        ),
        (signed(|s| push_request(dialect, &[], me, s)), Some(("POST", "https://id.example/par", false))),
        (signed(|s| device_request(dialect, &Target::default(), me, s)), None),
        (signed(|s| introspection_request(dialect, &token, me, s)), None),
    ] {
        let request = request.unwrap();
        let claims = claims(&request);
        let of = |name: &str| claims.as_ref().and_then(|claims| claims[name].as_str());
        assert_eq!(of("htm").zip(of("htu")), proved.map(|(method, url, _)| (method, url)));
        let shows = proved.is_some_and(|(.., shows)| shows);
        assert_eq!((of("ath").is_some(), of("nonce")), (shows, proved.map(|_| "n")), "{proved:?}");
        assert_eq!(request.authorization.as_ref().map(|text| text.as_str()), shows.then_some("DPoP A"), "{proved:?}");
    }
}

#[test]
fn tokens_are_revoked_as_the_provider_requires() {
    let tokens = TokenSet {
        access_token: AccessToken::new("A"),
        refresh_token: Some(RefreshToken::new("R")),
        scope: None,
        expiry: Expiry::Unknown,
        obtained_at: Wall(0),
        dpop_key: None,
        extra: serde_json::Map::new(),
    };
    let bare = TokenSet { refresh_token: None, ..tokens.clone() };
    // A login may have returned only a refresh token.
    let lone = TokenSet { access_token: AccessToken::new(""), ..tokens.clone() };
    let url = Url::parse("https://id.example/r").unwrap();
    let deleted = Some("DELETE https://id.example/r - Bearer A ".to_owned());
    let by_form = |token: &str, hint: &str| {
        let proof = "client_id=my+id&client_secret=S";
        Some(format!("POST https://id.example/r {FORM} - token={token}&token_type_hint={hint}&{proof}"))
    };
    for (revoke, tokens, expected) in [
        (Revoke::Unsaid, &tokens, [None, None]),
        (Revoke::None, &tokens, [None, None]),
        (Revoke::DeleteBearer(url.clone()), &tokens, [None, deleted.clone()]),
        (Revoke::DeleteBearer(url.clone()), &bare, [None, deleted]),
        (Revoke::DeleteBearer(url.clone()), &lone, [None, None]),
        (Revoke::Rfc7009(url.clone()), &tokens, [by_form("R", "refresh_token"), by_form("A", "access_token")]),
        (Revoke::Rfc7009(url.clone()), &bare, [None, by_form("A", "access_token")]),
        (Revoke::Rfc7009(url), &lone, [by_form("R", "refresh_token"), None]),
    ] {
        let dialect = Dialect { revoke, ..dialect() };
        let requests = [RevokedToken::RefreshToken, RevokedToken::AccessToken].map(|which| {
            let me = credentials(Some("S"));
            signed(|signing| revoke_request(&dialect, tokens, which, &me, signing)).unwrap().as_ref().map(show)
        });
        assert_eq!(requests, expected, "{:?} {tokens:?}", dialect.revoke);
    }
}

#[test]
fn buffers_with_secrets_never_reallocate() {
    // Every byte has the longest possible encoding.
    let text = "\u{1}é".repeat(50);
    let parameters = vec![("é\u{1}", text.as_str()), ("r", &text), ("r", "")];
    let (form, json) = (encoding::pairs(&parameters, encoding::Space::Percent), encoding::json(&parameters));
    let room =
        |sixth: usize, more: usize| parameters.iter().map(|(n, v)| sixth * (n.len() + v.len()) + more).sum::<usize>();
    assert_eq!(form.capacity(), room(3, 2));
    assert_eq!(json.capacity(), room(6, 6) + 4);
    let basic = encoding::basic("id", &text);
    assert_eq!(basic.capacity(), "Basic ".len() + (2 + 1 + 3 * text.len()).div_ceil(3) * 4, "{}", basic.len());
}
