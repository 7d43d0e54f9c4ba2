//! `docs/openapi.json` (`OpenAPI` 3.1), made of the route table, the types of the contract and the error table. The daemon
//! serves the file, so none of this is in it.
//!
//! Left out are the pages and what they need: nobody makes a client of those.

mod operations;
mod queries;
mod schemas;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize as _;
use serde_json::{Map, Value, json};

use crate::contract::{ErrorCode, VERSION};
use crate::routes::{Access, ROUTES, Route};
use operations::{Body, Operation, Reply, operation};
use schemas::Schemas;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
const ABOUT: &str = "The local API of ringback, for programs on the same machine. Replies may get more members within a \
version: ignore what you don't know. Processes of the daemon's own user reach the same API without a key over the unix \
socket. docs/api.md describes it in words.";
const SOCKET_ONLY: &str = "On the unix socket only: over TCP the reply is 403, whatever the key.";
/// Statuses of `usage` errors that are not in the error table.
const OF_THE_REQUEST: [(u16, &str); 3] = [
    (408, "the body took too long to arrive"),
    (413, "the body is too large"),
    (431, "there are more header lines than are taken"),
];

/// The whole document.
fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = BTreeMap::<_, Map<_, _>>::new();
    let mut statuses = BTreeSet::new();
    for route in &ROUTES {
        let Some(operation) = operation(route) else { continue };
        statuses.extend(operation.errors.iter().copied().filter(|_| route.access != Access::Client));
        let written = written(route, &operation, &mut schemas);
        paths.entry(route.path).or_default().insert(route.method.as_str().to_lowercase(), written);
    }
    let error = schemas.of_reply::<crate::contract::ErrorReply>();
    let responses: Map<_, _> = statuses
        .into_iter()
        .map(|status| {
            (name(status), json!({ "description": meaning(status), "content": media("application/json", &error) }))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "ringback", "version": VERSION.to_string(), "description": ABOUT },
        "servers": [{ "url": "http://127.0.0.1:7464" }],
        "security": [{ "appKey": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "appKey": { "type": "http", "scheme": "bearer", "description": "The key of an app (`ringback app add`)." },
                "clientSecret": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The name of an app as client id, and its key as client secret. Both may stand in the body instead.",
                },
            },
            "responses": responses,
            "schemas": schemas.all(),
        },
    })
}

fn written(route: &Route, operation: &Operation, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), success(&operation.reply, schemas));
    for status in &operation.errors {
        let response = match route.access {
            Access::Client => {
                let error = schemas.of_reply::<crate::http::oauth_error::OAuthError>();
                json!({ "description": "An error of RFC 6749 §5.2.", "content": media("application/json", &error) })
            }
            _ => json!({ "$ref": format!("#/components/responses/{}", name(*status)) }),
        };
        responses.insert(status.to_string(), response);
    }
    let mut written = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses,
    });
    let parameters: Vec<_> =
        operation.path_parameter(route).into_iter().chain(operation.query.iter().cloned()).collect();
    let mut set = |member: &str, value: Value| written.as_object_mut().unwrap().insert(member.to_owned(), value);
    if !parameters.is_empty() {
        set("parameters", parameters.into());
    }
    if let Some(body) = &operation.body {
        set("requestBody", request_body(body, schemas));
    }
    match route.access {
        Access::Public => drop(set("security", json!([]))),
        Access::Client => drop(set("security", json!([{ "clientSecret": [] }, {}]))),
        access if access.on_socket_only() => {
            set("security", json!([{ "appKey": [] }, {}]));
            set("description", SOCKET_ONLY.into());
        }
        _ => {}
    }
    written
}

fn success(reply: &Reply, schemas: &mut Schemas) -> Value {
    let text = json!({ "type": "string" });
    match reply {
        Reply::Json(about, schema) => {
            json!({ "description": about, "content": media("application/json", &schema(schemas)) })
        }
        Reply::Token(about, schema) => {
            let mut content = media("application/json", &schema(schemas));
            content["text/plain"] = json!({ "schema": text });
            json!({ "description": about, "content": content })
        }
        Reply::Text(about, kind) => json!({ "description": about, "content": media(kind, &text) }),
        Reply::Object(about) => {
            json!({ "description": about, "content": media("application/json", &json!({ "type": "object" })) })
        }
    }
}

fn request_body(body: &Body, schemas: &mut Schemas) -> Value {
    match body {
        Body::Json { required, schema } => {
            json!({ "required": required, "content": media("application/json", &schema(schemas)) })
        }
        Body::TokenRequest => {
            let schema = schemas.token_request();
            let mut content = media("application/x-www-form-urlencoded", &schema);
            content["application/json"] = json!({ "schema": schema });
            json!({ "required": true, "content": content })
        }
    }
}

fn media(kind: &str, schema: &Value) -> Value {
    json!({ kind: { "schema": schema } })
}

/// The name of a response among the components.
fn name(status: u16) -> String {
    format!("Error{status}")
}

/// What an error of this status says: the codes that have it.
fn meaning(status: u16) -> String {
    let rows = ErrorCode::TABLE.iter().filter(|row| row.status == status);
    let mut said: Vec<_> = rows.map(|row| format!("`{}`: {}", row.name, row.when)).collect();
    said.extend(OF_THE_REQUEST.iter().filter(|(of, _)| *of == status).map(|(_, why)| format!("`usage`: {why}")));
    assert!(!said.is_empty(), "no error has the status {status}");
    format!("{}.", said.join("; "))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a document needs neither durability nor privacy")]
fn the_openapi_document_in_the_docs_is_current() {
    // A member a line, for whoever compares two versions; without indentation, since the daemon carries it.
    let mut current = Vec::new();
    let lines = serde_json::ser::PrettyFormatter::with_indent(b"");
    document().serialize(&mut serde_json::Serializer::with_formatter(&mut current, lines)).unwrap();
    let current = String::from_utf8(current).unwrap() + "\n";
    if std::env::var_os("RINGBACK_REGENERATE").is_some() {
        std::fs::write(FILE, &current).unwrap();
    } else {
        let docs = std::fs::read_to_string(FILE).unwrap();
        assert!(docs == current, "{FILE} is out of date: RINGBACK_REGENERATE=1 cargo test --lib docs");
    }
}

#[test]
fn every_route_for_programs_is_in_the_document() {
    let mut ids = BTreeSet::new();
    for route in &ROUTES {
        let operation = operation(route);
        assert!(
            // What the proxy takes and gives is another server's to say.
            operation.is_some() || !route.access.needs_proof() || route.access == Access::Proxy,
            "{} {} has no operation",
            route.method.as_str(),
            route.path
        );
        if let Some(operation) = operation {
            assert!(ids.insert(operation.id), "two operations are called {}", operation.id);
            assert!(operation.errors.is_sorted(), "{}", operation.id);
        }
    }
}
