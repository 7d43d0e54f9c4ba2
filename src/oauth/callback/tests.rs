use super::*;
use crate::oauth::dialect::tests::dialect;

type Reader = fn(&[(String, String)]) -> Result<AuthorizationResponse, Malformed>;

fn show(read: Reader, parameters: &[(String, String)]) -> String {
    match read(parameters) {
        Ok(AuthorizationResponse { iss, says: Says::Code(code) }) => {
            format!("{} {iss:?} code {}", state(parameters).unwrap(), code.expose())
        }
        Ok(AuthorizationResponse { iss, says: Says::Token(grant) }) => format!(
            "{} {iss:?} token {} {} {} {}",
            state(parameters).unwrap(),
            grant.access_token.as_ref().unwrap().expose(),
            grant.expires_in.map_or("-".into(), |life| life.as_secs().to_string()),
            grant.scope.as_deref().unwrap_or("-"),
            Value::Object(grant.extra)
        ),
        Ok(AuthorizationResponse { says: Says::Error { error, description }, .. }) => {
            format!("error {error}: {description}")
        }
        Err(malformed) => malformed.to_string(),
    }
}

fn parameters(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn check(query: &str, expected: &str) {
    assert_eq!(show(read, &parameters(query)), expected, "{query}");
}

#[test]
fn callbacks_are_read_and_unknown_parameters_ignored() {
    check("code=c~6&state=s&session_state=x", "s None code c~6");
    check("code=c&state=s&iss=https%3A%2F%2Fid", "s Some(\"https://id\") code c");
    check("error=access_denied&state=s", "error access_denied: ");
    check("error=a%0Ab&error_description=%1b%5B31mred&state=s", "error a b: [31mred");
    check("error=e&error_description=one&error_description=two&state=s", "error e: one");
    for unread in ["x=1&x=2", "session_state=LONG", "id_token=LONG", "scope=LONG&scope=", "LONG=1", "&&=&"] {
        let unread = unread.replace("LONG", &"x".repeat(LONGEST_TOKEN + 1));
        assert_eq!(show(read, &parameters(&format!("{unread}&code=c&state=s"))), "s None code c", "{unread:.20}");
    }
    let long = "x".repeat(LONGEST_TOKEN);
    assert_eq!(show(read, &parameters(&format!("code={long}&state=s"))), format!("s None code {long}"));
}

#[test]
fn a_parameter_without_a_value_counts_as_omitted() {
    check("code=c&error=&error_description=&iss=&access_token=&state=s", "s None code c");
    check("code=&code=c&state=&state=s", "s None code c");
    check("code=&error=access_denied&state=s", "error access_denied: ");
    check("code=&state=s", "has neither a `code` nor an `error`");
    check("code=c&state=", "has no `state`");
    let fragment = "access_token=t&error=&code=&refresh_token=&iss=&id_token=&expires_in=&state=s";
    assert_eq!(show(read_fragment, &parameters(fragment)), "s None token t - - {}");
}

#[test]
fn every_fault_of_a_callback_is_named() {
    check("code=c", "has no `state`");
    check("error=access_denied", "has no `state`");
    check("code=c&state=s&state=s", "has `state` more than once");
    check("code=c&code=d&state=s", "has `code` more than once");
    check("code=c&state=s&iss=a&iss=a", "has `iss` more than once");
    check("state=s", "has neither a `code` nor an `error`");
    check("code=c&error=e&state=s", "has both an `error` and a `code` or token");
    check("access_token=t&state=s", "has a token where none is allowed");
    check(&format!("code={}&state=s", "x".repeat(LONGEST_TOKEN + 1)), "has more than 64 KiB in `code`");
}

#[test]
fn the_state_of_a_callback_is_unambiguous_or_missing() {
    for (query, expected) in [
        ("state=s", Ok("s")),
        ("state=s&state=s&state=", Ok("s")),
        ("state=s&state=t", Err(Malformed::NoState)),
        ("state=", Err(Malformed::NoState)),
        ("State=s", Err(Malformed::NoState)),
    ] {
        assert_eq!(state(&parameters(query)), expected, "{query}");
    }
}

#[test]
fn issuers_are_compared_byte_for_byte() {
    let mut dialect = dialect();
    for (known, policy, came, expected) in [
        (None, IssPolicy::Optional, None, Ok(())),
        (None, IssPolicy::AsMetadataSays, Some("https://x"), Ok(())),
        (Some("https://id"), IssPolicy::Optional, None, Ok(())),
        (Some("https://id"), IssPolicy::AsMetadataSays, None, Ok(())),
        (Some("https://id"), IssPolicy::Required, None, Err(WrongIssuer::Missing)),
        (Some("https://id"), IssPolicy::Required, Some("https://id"), Ok(())),
        (Some("https://id"), IssPolicy::Optional, Some("https://id/"), Err(WrongIssuer::Other)),
        (Some("https://id"), IssPolicy::Optional, Some("https://ID"), Err(WrongIssuer::Other)),
        (Some("https://id"), IssPolicy::AsMetadataSays, Some(""), Err(WrongIssuer::Other)),
    ] {
        dialect.issuer = known.map(str::to_owned);
        dialect.iss = policy;
        assert_eq!(check_issuer(&dialect, came), expected, "{known:?} {policy:?} {came:?}");
    }
}

#[test]
fn query_parameters_beside_a_fragment_belong_to_the_callback() {
    let id = "https%3A%2F%2Fid";
    for (query, fragment, expected) in [
        (&*format!("iss={id}"), "access_token=t&state=s", "s Some(\"https://id\") token t - - {}"),
        (&format!("iss={id}&state=s"), "access_token=t", "s Some(\"https://id\") token t - - {}"),
        (&format!("iss={id}"), &format!("access_token=t&state=s&iss={id}"), "s Some(\"https://id\") token t - - {}"),
        ("iss=x", &format!("access_token=t&state=s&iss={id}"), "has `iss` more than once"),
        ("state=x", "access_token=t&state=s", "has `state` more than once"),
        ("", "access_token=t&access_token=t&state=s", "has `access_token` more than once"),
    ] {
        let query = parameters(query);
        assert!(!is_in_query(&query));
        assert_eq!(show(read_fragment, &joined(parameters(fragment).into(), &query)), expected, "{query:?} {fragment}");
    }
    for query in ["code=c&state=s", "iss=i&error=e", "access_token=t", "a=b&refresh_token=r"] {
        assert!(is_in_query(&parameters(query)), "{query}");
    }
}

#[test]
fn fragments_give_tokens_only() {
    let long = "x".repeat(5000);
    for (fragment, expected) in [
        ("access_token=t&state=s", "s None token t - - {}".to_owned()),
        (
            "access_token=t~6&token_type=BEARER&expires_in=3600&scope=a%20b&state=s&iss=https%3A%2F%2Fid&id_token=h.p.s&session_state=x",
            r#"s Some("https://id") token t~6 3600 a b {"id_token":"h.p.s"}"#.into(),
        ),
        ("access_token=t&expires_in=0&scope=&state=s", "s None token t - - {}".into()),
        (&format!("access_token={long}&state=s"), format!("s None token {long} - - {{}}")),
        ("error=access_denied&error_description=no%0A&state=s", "error access_denied: no".into()),
        ("access_token=t", "has no `state`".into()),
        ("access_token=t&code=c&state=s", "has a `code` in the fragment of the URL".into()),
        ("code=c&state=s", "has a `code` in the fragment of the URL".into()),
        ("access_token=t&refresh_token=r&state=s", "has a token where none is allowed".into()),
        ("access_token=t&access_token=u&state=s", "has `access_token` more than once".into()),
        ("access_token=t&error=e&state=s", "has both an `error` and a `code` or token".into()),
        ("access_token=a%20b&state=s", "has no usable `access_token`".into()),
        ("access_token=t&token_type=mac&state=s", "has no usable `access_token`".into()),
        ("id_token=h.p.s&state=s", "has no usable `access_token`".into()),
        ("state=s", "has no usable `access_token`".into()),
        (
            &format!("access_token={}&state=s", "x".repeat(LONGEST_TOKEN + 1)),
            "has more than 64 KiB in `access_token`".into(),
        ),
    ] {
        assert_eq!(show(read_fragment, &parameters(fragment)), expected, "{fragment}");
    }
}
