//! Token introspection: RFC 7662, or Phone.com's token details.

use serde_json::{Map, Value};

use crate::clock::Wall;
use crate::oauth::reply::{self, Failed, ReceivedReply, clean, moment, scope};

/// What a provider reports about a token.
#[derive(Debug, Clone)]
pub struct Described {
    /// The kind of endpoint that answered.
    pub(crate) source: DescribeEndpoint,
    /// Whether the token works. A details endpoint only describes tokens that do.
    pub(crate) active: bool,
    /// Its scope, separated by spaces.
    pub(crate) scope: Option<String>,
    /// When it expires; `None`: never, or the provider did not say.
    pub(crate) expires_at: Option<Wall>,
    /// Whose it is: the members that tell people and programs apart, such as `voip_id`.
    pub(crate) identity: Map<String, Value>,
    /// All members, without secrets.
    pub(crate) claims: Map<String, Value>,
}

/// How a provider is asked about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DescribeEndpoint {
    /// A GET with the token as Bearer.
    Details,
    /// RFC 7662.
    Introspection,
}

/// Secret members, which are removed from a description.
const SECRETS: [&str; 4] = ["access_token", "refresh_token", "id_token", "client_secret"];

/// Parses the reply to a question about a token.
pub fn parse(source: DescribeEndpoint, received: ReceivedReply<'_>) -> Result<Described, Failed> {
    let mut claims = reply::document(received)?;
    reply::without(&mut claims, &SECRETS);
    match source {
        DescribeEndpoint::Details => details(claims),
        DescribeEndpoint::Introspection => introspection(claims),
    }
}

/// Phone.com's details. Any one of the known members may be missing, but not all of them.
fn details(claims: Map<String, Value>) -> Result<Described, Failed> {
    if !["scope", "expires_at", "scope_details"].iter().any(|name| claims.contains_key(*name)) {
        return Err(Failed::nonsense("the reply has no details of a token"));
    }
    Ok(Described {
        source: DescribeEndpoint::Details,
        active: true,
        scope: claims.get("scope").and_then(scope),
        expires_at: moment(claims.get("expires_at")),
        identity: phonecom_identity(&claims),
        claims,
    })
}

/// The account and the extension. The entries come in any order, and each may lack members that others have, so the
/// account is taken from the scope that owns it.
fn phonecom_identity(claims: &Map<String, Value>) -> Map<String, Value> {
    let entries: &[Value] = claims.get("scope_details").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    let of_scope = |scope: &str| {
        let has = |entry: &&Value| {
            entry.get("scope").and_then(Value::as_str).is_some_and(|words| words.split(' ').any(|word| word == scope))
        };
        entries.iter().filter(has).find(|entry| id(entry, "voip_id").is_some())
    };
    let chosen = of_scope("account-owner")
        .or_else(|| of_scope("nxt-user"))
        .or_else(|| entries.iter().find(|entry| id(entry, "voip_id").is_some()));
    let ids = |name: &str| {
        let elsewhere =
            || entries.iter().find_map(|entry| id(entry, name)).or_else(|| claims.get(name).and_then(plain));
        chosen.and_then(|entry| id(entry, name)).or_else(elsewhere)
    };
    ["voip_id", "extension_id"].iter().filter_map(|name| Some(((*name).to_owned(), ids(name)?))).collect()
}

fn id(entry: &Value, name: &str) -> Option<Value> {
    entry.get(name).and_then(plain)
}

/// A number, or a text that is safe to show.
fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::Number(_) => Some(value.clone()),
        Value::String(text) => Some(clean(text)).filter(|text| !text.is_empty()).map(Value::from),
        _ => None,
    }
}

/// RFC 7662 §2.2. If the token does not work, no other member is used.
fn introspection(claims: Map<String, Value>) -> Result<Described, Failed> {
    let Some(active) = claims.get("active").and_then(Value::as_bool) else {
        return Err(Failed::nonsense("the reply does not say whether the token is active"));
    };
    let identity = ["sub", "username"].iter().filter_map(|name| Some(((*name).to_owned(), plain(claims.get(*name)?)?)));
    Ok(Described {
        source: DescribeEndpoint::Introspection,
        active,
        scope: claims.get("scope").and_then(scope).filter(|_| active),
        expires_at: moment(claims.get("exp")).filter(|_| active),
        identity: identity.filter(|_| active).collect(),
        claims,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(source: DescribeEndpoint, status: u16, body: &str) -> String {
        let received = ReceivedReply {
            status,
            content_type: Some("application/json"),
            retry_after: None,
            body: body.as_bytes(),
            at: Wall(1_700_000_000_000),
        };
        match parse(source, received) {
            Ok(d) => format!(
                "{} {} {} {}",
                d.active,
                d.scope.as_deref().unwrap_or("-"),
                d.expires_at.map_or("-".into(), |at| at.unix_seconds().to_string()),
                Value::Object(d.identity)
            ),
            Err(Failed::Refused(refusal)) => format!("refused {refusal}"),
            Err(Failed::Busy { why, .. }) => format!("busy {why}"),
        }
    }

    #[test]
    fn the_account_is_chosen_by_scope_and_never_by_place() {
        let user = json!({"scope": "nxt-user", "voip_id": 2, "extension_id": 20});
        let owner = json!({"scope": "account-owner", "voip_id": 1});
        let other = json!({"scope": "call-logs", "voip_id": 3});
        let bare = json!({"scope": "account-owner"});
        for (entries, expected) in [
            (json!([user, owner]), r#"{"extension_id":20,"voip_id":1}"#),
            (json!([owner, user]), r#"{"extension_id":20,"voip_id":1}"#),
            (json!([other, user]), r#"{"extension_id":20,"voip_id":2}"#),
            (json!([bare, other]), r#"{"voip_id":3}"#),
            (json!([bare]), "{}"),
            (json!([{"scope": "billing-api account-owner", "voip_id": "9"}, other]), r#"{"voip_id":"9"}"#),
            (json!([{"extension_id": 7}]), r#"{"extension_id":7}"#),
            (json!([7, null, {"voip_id": {}}]), "{}"),
            (json!("none"), "{}"),
        ] {
            let body = json!({"scope": "s", "scope_details": entries}).to_string();
            assert_eq!(ask(DescribeEndpoint::Details, 200, &body), format!("true s - {expected}"), "{body}");
        }
    }

    #[test]
    fn details_are_read_leniently() {
        for (status, body, expected) in [
            (200, r#"{"scope":"a b","expires_at":1700003600}"#, "true a b 1700003600 {}"),
            (200, r#"{"scope":["a","b"],"expires_at":null}"#, "true a b - {}"),
            (200, r#"{"expires_at":0,"voip_id":5}"#, r#"true - - {"voip_id":5}"#),
            (200, r#"{"scope":"a","expires_at":99999999999}"#, "true a 99999999999 {}"),
            (200, r#"{"items":[],"total":0}"#, "busy the reply has no details of a token"),
            (200, "[]", "busy the reply has an unexpected shape (line 1, column 0)"),
            (401, r#"{"@error":{"@message":"No","@code":"oauth2.access_denied"}}"#, "refused oauth2.access_denied: No"),
            (404, r#"{"@error":{"@message":"Not found","@httpStatusCode":404}}"#, "refused http_404: Not found"),
            (
                404,
                "<html>",
                "refused http_404: a reply that is not an OAuth error (`application/json`; from a proxy, firewall or captive portal?)",
            ),
            (503, "", "busy the provider answered 503"),
        ] {
            assert_eq!(ask(DescribeEndpoint::Details, status, body), expected, "{body}");
        }
    }

    #[test]
    fn introspection_has_to_say_whether_the_token_is_active() {
        for (body, expected) in [
            (
                r#"{"active":true,"scope":"a","exp":1700003600,"sub":"u1","username":"Ann\u001b"}"#,
                r#"true a 1700003600 {"sub":"u1","username":"Ann"}"#,
            ),
            (r#"{"active":true}"#, "true - - {}"),
            (r#"{"active":false,"sub":"u1","exp":1}"#, "false - - {}"),
            (r#"{"active":"yes"}"#, "busy the reply does not say whether the token is active"),
            ("{}", "busy the reply does not say whether the token is active"),
            (r#"{"error":"invalid_client"}"#, "refused invalid_client"),
        ] {
            assert_eq!(ask(DescribeEndpoint::Introspection, 200, body), expected, "{body}");
        }
    }

    #[test]
    fn claims_hold_everything_but_secrets() {
        let body = br#"{"active":true,"x":{"y":[1,{"access_token":"t","z":2}]},"refresh_token":"r","id_token":"i"}"#;
        let received = ReceivedReply { status: 200, content_type: None, retry_after: None, body, at: Wall(0) };
        let described = parse(DescribeEndpoint::Introspection, received).unwrap();
        assert_eq!(Value::Object(described.claims), json!({"active": true, "x": {"y": [1, {"z": 2}]}}));
    }
}
