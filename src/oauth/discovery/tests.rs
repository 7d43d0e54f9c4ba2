use super::*;
use crate::clock::Wall;
use crate::oauth::dialect::Endpoints;
use crate::oauth::dialect::tests::dialect;

const ISSUER: &str = "https://id.example/tenant";

fn read(body: &str) -> Result<Metadata, String> {
    let received =
        ReceivedReply { status: 200, content_type: None, retry_after: None, body: body.as_bytes(), at: Wall(0) };
    Metadata::parse(ISSUER, received).map_err(|failed| match failed {
        Failed::Refused(refusal) => refusal.to_string(),
        Failed::Busy { why, .. } => why,
    })
}

#[test]
fn metadata_is_looked_up_at_every_well_known_url() {
    for (issuer, expected) in [
        (
            "https://id.example",
            Some(vec![
                "https://id.example/.well-known/oauth-authorization-server",
                "https://id.example/.well-known/openid-configuration",
            ]),
        ),
        (
            "https://id.example/",
            Some(vec![
                "https://id.example/.well-known/oauth-authorization-server",
                "https://id.example/.well-known/openid-configuration",
            ]),
        ),
        (
            "https://id.example/a/b/",
            Some(vec![
                "https://id.example/.well-known/oauth-authorization-server/a/b",
                "https://id.example/.well-known/openid-configuration/a/b",
                "https://id.example/a/b/.well-known/openid-configuration",
            ]),
        ),
        (
            "http://[::1]:8080/a",
            Some(vec![
                "http://[::1]:8080/.well-known/oauth-authorization-server/a",
                "http://[::1]:8080/.well-known/openid-configuration/a",
                "http://[::1]:8080/a/.well-known/openid-configuration",
            ]),
        ),
        ("http://id.example", None),
        ("https://u@id.example", None),
        ("https://id.example?x", None),
        ("https://id.example#x", None),
        ("id.example", None),
    ] {
        let found = well_known(issuer).map(|urls| urls.into_iter().map(String::from).collect::<Vec<_>>());
        assert_eq!(found, expected.map(|urls: Vec<&str>| urls.into_iter().map(str::to_owned).collect()), "{issuer}");
    }
}

#[test]
fn metadata_must_name_its_issuer_and_safe_endpoints() {
    let of = |more: &str| read(&format!(r#"{{"issuer":"{ISSUER}"{more}}}"#));
    assert_eq!(of(""), Ok(Metadata::default()));
    assert_eq!(of(r#","revocation_endpoint":null,"unknown":[{}]"#), Ok(Metadata::default()));
    let other = |issuer: &str| Err(format!("the metadata is of another issuer ({issuer})"));
    for (body, expected) in [
        (r#"{"issuer":"https://id.example/tenant/"}"#, other("https://id.example/tenant/")),
        (r#"{"issuer":"https://ID.example/tenant"}"#, other("https://ID.example/tenant")),
        (r#"{"issuer":"\u001b[1m"}"#, other("[1m")),
        ("{}", Err("the metadata names no issuer".into())),
        ("<html>", Err("the reply is not valid JSON (line 1, column 1)".into())),
    ] {
        assert_eq!(read(body), expected, "{body}");
    }
    for bad in ["http://id.example/t", "https://u:p@id.example/t", "https://id.example/t#f", "/t", "data:,"] {
        let found = of(&format!(r#","token_endpoint":"{bad}""#));
        assert!(found.is_err_and(|why| why.starts_with("the metadata's token_endpoint is not")), "{bad}");
    }
    let deep = format!(r#","x":{}1{}"#, "[".repeat(40), "]".repeat(40));
    assert_eq!(of(&deep), Err("the reply is nested too deeply".into()));
    assert_eq!(of(&format!(r#","x":"{}""#, "x".repeat(LARGEST))), Err("the metadata is larger than 64 KiB".into()));
}

#[test]
fn configured_endpoints_take_precedence_over_metadata() {
    let url = |path: &str| Url::parse(&format!("https://id.example/{path}")).unwrap();
    let body = format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"https://id.example/a","token_endpoint":"https://id.example/t",
            "revocation_endpoint":"https://id.example/r","introspection_endpoint":"https://id.example/i",
            "device_authorization_endpoint":"http://127.0.0.1:9/d","pushed_authorization_request_endpoint":"https://id.example/p",
            "require_pushed_authorization_requests":true,"authorization_response_iss_parameter_supported":true}}"#
    );
    let found = read(&body).unwrap();
    assert_eq!(
        Metadata::of_document(ISSUER, &found.to_document(ISSUER)),
        Ok(found.clone()),
        "cached metadata can be read back"
    );

    let open = Dialect {
        endpoints: Endpoints::default(),
        revoke: Revoke::Unsaid,
        iss: IssPolicy::AsMetadataSays,
        ..dialect()
    };
    let filled = open.with(&found);
    let expected = Endpoints {
        authorize: Some(url("a")),
        token: Some(url("t")),
        introspect: Some(url("i")),
        device: Some(Url::parse("http://127.0.0.1:9/d").unwrap()),
        par: Some(url("p")),
        ..Endpoints::default()
    };
    assert_eq!(filled.endpoints, expected);
    assert_eq!((filled.revoke, filled.par, filled.iss), (Revoke::Rfc7009(url("r")), Par::Always, IssPolicy::Required));

    let written = Dialect { par: Par::Off, iss: IssPolicy::Optional, ..dialect() };
    let filled = written.with(&found);
    assert_eq!(filled.endpoints.token, written.endpoints.token);
    assert_eq!((filled.revoke, filled.par, filled.iss), (Revoke::None, Par::Off, IssPolicy::Optional));
    assert_eq!(dialect().with(&Metadata::default()), dialect(), "no metadata changes nothing");
}
