use super::*;
use crate::oauth::dialect::tests::dialect;

fn show(answer: Result<Answer, Malformed>) -> String {
    match answer {
        Ok(Answer { state, iss, says: Says::Code(code) }) => {
            format!("{} {iss:?} code {}", state.expose(), code.expose())
        }
        Ok(Answer { state, iss, says: Says::Token(grant) }) => format!(
            "{} {iss:?} token {} {} {} {}",
            state.expose(),
            grant.access_token.as_ref().unwrap().expose(),
            grant.expires_in.map_or("-".into(), |life| life.as_secs().to_string()),
            grant.scope.as_deref().unwrap_or("-"),
            Value::Object(grant.extra)
        ),
        Ok(Answer { says: Says::Error { error, description }, .. }) => format!("error {error}: {description}"),
        Err(malformed) => malformed.to_string(),
    }
}

fn parameters(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn check(query: &str, expected: &str) {
    assert_eq!(show(read(&parameters(query))), expected, "{query}");
}

#[test]
fn answers_are_read_strictly_and_unknown_parameters_ignored() {
    check("code=c~6&state=s&session_state=x", "s None code c~6");
    check("code=c&state=s&iss=https%3A%2F%2Fid", "s Some(\"https://id\") code c");
    check("error=access_denied&state=s", "error access_denied: ");
    check("error=a%0Ab&error_description=%1b%5B31mred&state=s", "error a b: [31mred");
    check("code=c", "`state` is missing");
    check("code=c&state=", "`state` is missing");
    check("error=access_denied", "`state` is missing");
    check("code=c&state=s&state=s", "a parameter is repeated");
    check("code=c&code=d&state=s", "a parameter is repeated");
    check("code=c&state=s&iss=a&iss=a", "a parameter is repeated");
    check("state=s", "there is no `code`");
    check("code=&state=s", "there is no `code`");
    check("code=c&error=e&state=s", "there is no `code`");
    check("access_token=t&state=s", "a token came in the URL");
    check(&format!("code={}&state=s", "x".repeat(4097)), "a parameter is too long");
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
fn what_stands_in_the_query_beside_a_fragment_is_part_of_its_answer() {
    let id = "https%3A%2F%2Fid";
    for (query, fragment, expected) in [
        (&*format!("iss={id}"), "access_token=t&state=s", "s Some(\"https://id\") token t - - {}"),
        (&format!("iss={id}&state=s"), "access_token=t", "s Some(\"https://id\") token t - - {}"),
        (&format!("iss={id}"), &format!("access_token=t&state=s&iss={id}"), "s Some(\"https://id\") token t - - {}"),
        ("iss=x", &format!("access_token=t&state=s&iss={id}"), "a parameter is repeated"),
        ("state=x", "access_token=t&state=s", "a parameter is repeated"),
        ("", "access_token=t&access_token=t&state=s", "a parameter is repeated"),
    ] {
        let query = parameters(query);
        assert!(!is_in_query(&query));
        assert_eq!(show(read_fragment(&joined(parameters(fragment).into(), &query))), expected, "{query:?} {fragment}");
    }
    for query in ["code=c&state=s", "iss=i&error=e", "access_token=t", "a=b&refresh_token=r"] {
        assert!(is_in_query(&parameters(query)), "{query}");
    }
}

#[test]
fn fragments_bring_tokens_and_nothing_else() {
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
        ("access_token=t", "`state` is missing".into()),
        ("access_token=t&code=c&state=s", "a code came in the fragment".into()),
        ("code=c&state=s", "a code came in the fragment".into()),
        ("access_token=t&refresh_token=r&state=s", "a token came in the URL".into()),
        ("access_token=t&access_token=u&state=s", "a parameter is repeated".into()),
        ("access_token=t&error=e&state=s", "there is no usable `access_token`".into()),
        ("access_token=a%20b&state=s", "there is no usable `access_token`".into()),
        ("access_token=t&token_type=mac&state=s", "there is no usable `access_token`".into()),
        ("id_token=h.p.s&state=s", "there is no usable `access_token`".into()),
        ("state=s", "there is no usable `access_token`".into()),
        (&format!("access_token=t&state={long}"), "a parameter is too long".into()),
    ] {
        assert_eq!(show(read_fragment(&parameters(fragment))), expected, "{fragment}");
    }
}
