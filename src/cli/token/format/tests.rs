use super::*;

const NOBODY: Reader<'static> = Reader { user: None, host: None, port: None, env: |_| None };

fn token(text: &str, expires_at: Option<i64>) -> Token {
    Token { account: "work".into(), access_token: AccessToken::new(text), scheme: "Bearer", expires_at }
}

fn rendered(format: TokenFormat, text: &str, expires_at: Option<i64>, reader: &Reader<'_>) -> Result<String, Failure> {
    let token = token(text, expires_at);
    let bytes = match format.rendering() {
        Rendering::Unchanged => panic!("nothing is made of the reply"),
        Rendering::OfToken(make) => make(&token.access_token, reader)?,
        Rendering::OfReply(make) => make(&token, reader)?,
    };
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

fn decoded(line: &str) -> String {
    String::from_utf8(STANDARD.decode(line.trim_end()).unwrap()).unwrap()
}

#[test]
fn each_format_writes_what_its_reader_parses() {
    for (format, text, expires_at, expected) in [
        (TokenFormat::Bare, "a~\"6", None, "a~\"6\n"),
        (TokenFormat::Header, "a~\"6", None, "Authorization: Bearer a~\"6\n"),
        (TokenFormat::HeadersJson, "a~\"6\\", None, "{\"Authorization\":\"Bearer a~\\\"6\\\\\"}\n"),
        (TokenFormat::CurlConfig, "a~\"6\\", None, "header = \"Authorization: Bearer a~\\\"6\\\\\"\n"),
        (TokenFormat::Env, "aZ0-._+/=", Some(7), "ACCESS_TOKEN=aZ0-._+/=\nEXPIRES_AT=7\n"),
        (TokenFormat::Env, "~a$b'c`", None, "ACCESS_TOKEN='~a$b'\\''c`'\nEXPIRES_AT=\n"),
        (
            TokenFormat::ExecCredential,
            "a\"",
            Some(1_795_478_400),
            "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
             \"status\":{\"expirationTimestamp\":\"2026-11-24T00:00:00Z\",\"token\":\"a\\\"\"}}\n",
        ),
        (
            TokenFormat::ExecCredential,
            "a",
            None,
            "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"a\"}}\n",
        ),
        (
            TokenFormat::GoogleExecutable,
            "h.p.s",
            Some(7),
            "{\"version\":1,\"success\":true,\"token_type\":\"urn:ietf:params:oauth:token-type:jwt\",\"id_token\":\"h.p.s\",\
             \"expiration_time\":7}\n",
        ),
    ] {
        assert_eq!(rendered(format, text, expires_at, &NOBODY).unwrap(), expected, "{format:?}");
    }
}

#[test]
fn header_lines_have_the_scheme_of_the_token() {
    for (format, expected) in [
        (TokenFormat::Header, "Authorization: DPoP t\n"),
        (TokenFormat::HeadersJson, "{\"Authorization\":\"DPoP t\"}\n"),
        (TokenFormat::CurlConfig, "header = \"Authorization: DPoP t\"\n"),
    ] {
        let bound = Token { scheme: "DPoP", ..token("t", None) };
        let Rendering::OfReply(make) = format.rendering() else { panic!("{format:?} knows no type") };
        assert_eq!(make(&bound, &NOBODY).unwrap().as_slice(), expected.as_bytes(), "{format:?}");
    }
}

#[test]
fn sasl_responses_name_the_user_and_nothing_breaks_out_of_its_value() {
    let reader = Reader { user: Some("a=b,c@example.com"), host: Some("mail.example.com"), port: Some(143), ..NOBODY };
    let xoauth2 = rendered(TokenFormat::Xoauth2, "t0k", None, &reader).unwrap();
    assert_eq!(decoded(&xoauth2), "user=a=b,c@example.com\u{1}auth=Bearer t0k\u{1}\u{1}");
    let bearer = rendered(TokenFormat::Oauthbearer, "t0k", None, &reader).unwrap();
    assert_eq!(
        decoded(&bearer),
        "n,a=a=3Db=2Cc@example.com,\u{1}host=mail.example.com\u{1}port=143\u{1}auth=Bearer t0k\u{1}\u{1}"
    );
    let alone = rendered(TokenFormat::Oauthbearer, "t0k", None, &NOBODY).unwrap();
    assert_eq!(decoded(&alone), "n,,\u{1}auth=Bearer t0k\u{1}\u{1}");
    for bad in ["", "a\u{1}auth=x", "a\nb"] {
        for format in [TokenFormat::Xoauth2, TokenFormat::Oauthbearer] {
            let failure = rendered(format, "t0k", None, &Reader { user: Some(bad), ..NOBODY }).unwrap_err();
            assert!(failure.reply().error_description.contains("--user"), "{failure:?}");
        }
        let failure = rendered(TokenFormat::Oauthbearer, "t0k", None, &Reader { host: Some(bad), ..NOBODY });
        assert!(failure.unwrap_err().reply().error_description.contains("--host"));
    }
}

#[test]
fn an_exec_credential_has_the_version_that_its_caller_asks_for() {
    let asked =
        |info: &str| exec_version(Some(info.into())).map_err(|failure| failure.reply().error_description.clone());
    let (v1, beta) = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1");
    assert_eq!(exec_version(None), Ok(v1));
    for (info, version) in [
        ("", v1),
        (r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{}}"#, v1),
        (r#"{"apiVersion":"client.authentication.k8s.io/v1beta1"}"#, beta),
    ] {
        assert_eq!(asked(info).as_deref(), Ok(version), "{info}");
    }
    assert!(asked(r#"{"apiVersion":"client.authentication.k8s.io/v1alpha1"}"#).unwrap_err().contains("v1alpha1"));
    for malformed in ["{}", "x", "[]"] {
        assert!(asked(malformed).unwrap_err().contains("KUBERNETES_EXEC_INFO"), "{malformed}");
    }
}

#[test]
fn google_gets_a_jwt_or_the_reason_why_not() {
    for text in ["opaque", "a.b", "a..c", "a.b.", "a.b.c.d"] {
        let failure = rendered(TokenFormat::GoogleExecutable, text, None, &NOBODY).unwrap_err();
        let told: serde_json::Value = serde_json::from_str(&google_refusal(&failure).unwrap()).unwrap();
        assert_eq!((&told["version"], &told["success"], &told["code"]), (&1.into(), &false.into(), &"usage".into()));
        let message = told["message"].as_str().unwrap();
        assert!(message.contains("`work`") && !message.contains(text), "{message}");
    }
}

#[test]
fn nothing_is_moved_while_it_is_rendered() {
    // Every character of the token takes the most room that it can.
    for (format, text) in [
        (TokenFormat::HeadersJson, "\"".repeat(64 * 1024)),
        (TokenFormat::ExecCredential, "\\".repeat(64 * 1024)),
        (TokenFormat::GoogleExecutable, format!("{}.b.c", "\"".repeat(64 * 1024))),
    ] {
        let token = token(&text, Some(i64::MAX));
        let bytes = match format.rendering() {
            Rendering::OfToken(make) => make(&token.access_token, &NOBODY),
            Rendering::OfReply(make) => make(&token, &NOBODY),
            Rendering::Unchanged => panic!(),
        };
        let bytes = bytes.unwrap();
        assert_eq!(bytes.capacity(), 2 * text.len() + 512, "{format:?}: it grew");
    }
}
