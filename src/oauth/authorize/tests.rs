use super::*;
use crate::clock::Wall;
use crate::oauth::dialect::tests::dialect;

#[test]
fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
    let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[test]
fn the_authorization_url_has_each_parameter_once_and_no_secret() {
    let mut dialect = dialect();
    dialect.endpoints.authorize = Some(Url::parse("https://id.example/authorize?tenant=a%20b").unwrap());
    dialect.extra_authorize.insert("prompt".into(), "consent".into());
    let (state, verifier) = (Nonce256::new("STATE"), CodeVerifier::new("VERIFIER"));
    let scope = vec!["account-owner".to_owned(), "call-logs".to_owned()];
    let target = Target { scope, ..Target::default() };
    let request = AuthorizationRequest {
        dialect: &dialect,
        client_id: "id with +&",
        redirect_uri: "http://127.0.0.1:7464/callback/p",
        target: &target,
        response_type: ResponseType::Code,
        nonce: &state,
        state: &state,
        verifier: &verifier,
        dpop_jkt: None,
    };
    let url = request.url().unwrap().to_string();
    assert_eq!(
        url,
        format!(
            "https://id.example/authorize?tenant=a%20b&response_type=code&client_id=id%20with%20%2B%26\
             &redirect_uri=http%3A%2F%2F127.0.0.1%3A7464%2Fcallback%2Fp&scope=account-owner%20call-logs&state=STATE\
             &code_challenge={}&code_challenge_method=S256&prompt=consent",
            challenge(&verifier)
        )
    );
    let silent = Dialect { pkce: Pkce::Off, ..dialect.clone() };
    let without = AuthorizationRequest { dialect: &silent, ..request }.url().unwrap().to_string();
    assert!(!without.contains("code_challenge") && !url.contains("VERIFIER"));
    let bound = AuthorizationRequest { dpop_jkt: Some("JKT"), ..request }.url().unwrap().to_string();
    assert_eq!(bound.replace("&dpop_jkt=JKT", ""), url);
    assert!(bound.contains("&dpop_jkt=JKT&"), "{bound}");
}

fn parameters(dialect: &Dialect, target: &Target, response_type: ResponseType) -> String {
    let (state, nonce, verifier) = (Nonce256::new("STATE"), Nonce256::new("NONCE"), CodeVerifier::new("VERIFIER"));
    let redirect_uri = "http://127.0.0.1/";
    let request = AuthorizationRequest {
        dialect,
        client_id: "c",
        redirect_uri,
        target,
        response_type,
        nonce: &nonce,
        state: &state,
        verifier: &verifier,
        dpop_jkt: None,
    };
    let pairs: Vec<_> = request.parameters().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&").replace(&challenge(&verifier), "CHALLENGE")
}

#[test]
fn the_parameters_depend_on_the_response_type() {
    let scopes =
        |scope: &[&str]| Target { scope: scope.iter().map(|s| (*s).to_owned()).collect(), ..Target::default() };
    let resources = Target {
        resource: vec!["https://a".into(), "https://b".into()],
        audience: Some("aud".into()),
        ..Target::default()
    };
    let proof = "code_challenge=CHALLENGE&code_challenge_method=S256";
    let begin = "client_id=c&redirect_uri=http://127.0.0.1/";
    for (target, response_type, expected) in [
        (scopes(&[]), ResponseType::Code, format!("response_type=code&{begin}&state=STATE&{proof}")),
        (
            scopes(&["openid"]),
            ResponseType::Code,
            format!("response_type=code&{begin}&scope=openid&state=STATE&nonce=NONCE&{proof}"),
        ),
        (
            scopes(&["openid-like", "a:openid"]),
            ResponseType::Code,
            format!("response_type=code&{begin}&scope=openid-like a:openid&state=STATE&{proof}"),
        ),
        (scopes(&["a"]), ResponseType::Token, format!("response_type=token&{begin}&scope=a&state=STATE")),
        (
            scopes(&["a", "openid"]),
            ResponseType::Token,
            format!("response_type=id_token token&{begin}&scope=a openid&state=STATE&nonce=NONCE"),
        ),
        (
            resources,
            ResponseType::Code,
            format!(
                "response_type=code&{begin}&state=STATE&{proof}&resource=https://a&resource=https://b&audience=aud"
            ),
        ),
    ] {
        assert_eq!(parameters(&dialect(), &target, response_type), expected);
        let silent = Dialect { nonce: NoncePolicy::Off, ..dialect() };
        assert_eq!(parameters(&silent, &target, response_type), expected.replace("&nonce=NONCE", ""));
    }
}

#[test]
fn a_pushed_request_leaves_two_parameters_in_the_url() {
    let mut dialect = dialect();
    dialect.endpoints.authorize = Some(Url::parse("https://id.example/authorize?tenant=a").unwrap());
    dialect.extra_authorize.insert("prompt".into(), "consent".into());
    let url = pushed_url(&dialect, "my id", "urn:x:1").unwrap();
    assert_eq!(url.as_str(), "https://id.example/authorize?tenant=a&client_id=my%20id&request_uri=urn%3Ax%3A1");
}

#[test]
fn the_reply_to_a_pushed_request_is_parsed() {
    let read = |status, body: &str| {
        let received =
            ReceivedReply { status, content_type: None, retry_after: None, body: body.as_bytes(), at: Wall(0) };
        match pushed(received) {
            Ok(uri) => uri,
            Err(Failed::Refused(refusal)) => format!("refused {refusal}"),
            Err(Failed::Busy { why, .. }) => why,
        }
    };
    for (status, body, expected) in [
        (201, r#"{"request_uri":"urn:x:1","expires_in":60}"#, "urn:x:1"),
        (200, r#"{"request_uri":"urn:x:1"}"#, "urn:x:1"),
        (201, r#"{"request_uri":"a b"}"#, "the reply has no usable request_uri"),
        (201, r#"{"request_uri":""}"#, "the reply has no usable request_uri"),
        (201, "{}", "the reply has no usable request_uri"),
        (400, r#"{"error":"invalid_request"}"#, "refused invalid_request"),
        (503, "", "the provider answered 503"),
    ] {
        assert_eq!(read(status, body), expected, "{body}");
    }
}
