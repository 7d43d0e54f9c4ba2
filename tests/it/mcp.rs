//! `ringback mcp`: accounts for MCP servers that are found by their URL, and the config of their clients.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::http::free_port;
use crate::idp::{Act, Idp, Seen};
use crate::world::{SECRET, World, feed, mode, told};

const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";
const ISSUER: &str = "/.well-known/oauth-authorization-server";

/// What a server says of itself, with `change` made.
struct Said {
    challenge: String,
    resource: Value,
    issuer: Value,
    registered: Value,
}

impl Said {
    /// Of an MCP server at `idp`, whose tokens come from `issuer`.
    fn of(idp: &Idp, issuer: &Idp) -> Self {
        let [own, authorize, token, register] = ["", "/authorize", "/token", "/register"].map(|path| issuer.url(path));
        Self {
            challenge: format!("Bearer resource_metadata=\"{}\", scope=\"notes:read\"", idp.url(RESOURCE)),
            resource: json!({
                "resource": idp.url("/mcp"), "authorization_servers": [own], "scopes_supported": ["notes:read", "notes:all"],
            }),
            issuer: json!({
                "issuer": own, "authorization_endpoint": authorize, "token_endpoint": token,
                "registration_endpoint": register, "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            }),
            registered: json!({ "client_id": "registered", "token_endpoint_auth_method": "none" }),
        }
    }

    fn publish(&self, idp: &Idp, issuer: &Idp) {
        idp.next_at("/mcp", raw(401, &format!("WWW-Authenticate: {}\r\n", self.challenge), ""));
        idp.publish(RESOURCE, &self.resource);
        // Wherever it is looked for.
        for place in [ISSUER, "/.well-known/openid-configuration"] {
            issuer.publish(place, &self.issuer);
        }
        let status = if self.registered.get("error").is_some() { 400 } else { 201 };
        issuer.next_at("/register", raw(status, "Content-Type: application/json\r\n", &self.registered.to_string()));
    }
}

fn raw(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Raw(
        format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").into(),
    )
}

fn text(world: &World) -> String {
    std::fs::read_to_string(world.config_file()).unwrap()
}

fn world() -> World {
    World::with_config(&format!("# mine\n[listen]\ntcp = [\"127.0.0.1:{}\"]\n", free_port()))
}

fn add(world: &World, idp: &Idp, more: &[&str]) -> (i32, String, String) {
    world.cli(&[&["mcp", "add", "notes", &idp.url("/mcp")], more].concat())
}

fn registrations(idp: &Idp) -> Vec<Value> {
    idp.seen_at("/register").iter().map(|seen: &Seen| serde_json::from_str(&seen.body).unwrap()).collect()
}

#[test]
fn tokens_are_bound_where_the_server_or_the_user_wants_it() {
    for (scheme, required, more, bound) in [
        ("Bearer", false, &[][..], false),
        ("Bearer", false, &["--dpop"], true),
        ("Bearer", true, &[], true),
        ("DPoP", false, &[], true),
    ] {
        let (idp, world) = (Idp::start(), world());
        let mut said = Said::of(&idp, &idp);
        said.challenge = said.challenge.replace("Bearer", scheme);
        said.resource["dpop_bound_access_tokens_required"] = required.into();
        said.publish(&idp, &idp);
        let (code, _, told) = add(&world, &idp, more);
        assert_eq!(code, 0, "{told}");
        assert_eq!(
            (text(&world).contains("\ndpop = true\n"), told.contains("DPoP")),
            (bound, bound),
            "{scheme} {told}"
        );
        assert_eq!(registrations(&idp)[0]["dpop_bound_access_tokens"], if bound { json!(true) } else { Value::Null });
    }
}

#[test]
fn a_server_is_found_registered_at_and_logged_in_to_by_its_url() {
    let idp = Idp::start();
    let mut world = world();
    world.run();
    Said::of(&idp, &idp).publish(&idp, &idp);
    let (code, _, said) = add(&world, &idp, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("come from {}.", idp.url(""))) && said.contains("has read the config"), "{said}");
    let config = text(&world);
    let uri = config.lines().find_map(|line| line.strip_prefix("redirect_uri = ")).unwrap().to_owned();
    let expected = format!(
        "\n[providers.notes]\npreset = \"oidc\"\nissuer = \"{}\"\npkce = \"required\"\nclient_auth = \"none\"\n\n\
         [accounts.notes]\nprovider = \"notes\"\nresource = [\"{}\"]\nscope = [\"notes:read\"]\nclient_id = \"registered\"\n\
         redirect_uri = {uri}\n\n[accounts.notes.proxy]\nupstream = \"{}\"\n",
        idp.url(""),
        idp.url("/mcp"),
        idp.url("/mcp"),
    );
    assert!(config.starts_with("# mine\n") && config.ends_with(&expected), "{config}");
    let [registered] = &registrations(&idp)[..] else { panic!("one registration") };
    assert_eq!(registered["application_type"], "native");
    assert_eq!(registered["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(registered["redirect_uris"], json!([uri.trim_matches('"')]));

    world.log_in("notes");
    let asked = idp.seen_at("/authorize").remove(0).query();
    let of = |name: &str| asked.get(name).map(String::as_str);
    assert_eq!((of("resource"), of("scope")), (Some(idp.url("/mcp").as_str()), Some("notes:read")));
    assert_eq!(of("code_challenge_method"), Some("S256"));
    assert_eq!(world.cli(&["refresh", "notes"]).0, 0);
    for request in idp.seen_at("/token") {
        assert_eq!(request.parameters().get("resource"), Some(&idp.url("/mcp")), "{}", request.body);
    }
}

#[test]
fn what_a_server_says_wrong_is_told_and_nothing_is_written() {
    type Change = fn(&mut Said);
    let cases: [(&str, Change, i32, &str); 9] = [
        (
            "another resource",
            |said| said.resource["resource"] = json!("https://other.example/mcp"),
            8,
            "another resource",
        ),
        ("no issuer", |said| said.resource["authorization_servers"] = json!([]), 8, "names no authorization server"),
        ("an unsafe issuer", |said| said.resource["authorization_servers"] = json!(["http://id.example"]), 8, "https"),
        ("another issuer", |said| said.issuer["issuer"] = json!("https://other.example"), 7, "of another issuer"),
        ("no PKCE", |said| said.issuer["code_challenge_methods_supported"] = Value::Null, 8, "PKCE"),
        ("plain PKCE", |said| said.issuer["code_challenge_methods_supported"] = json!(["plain"]), 8, "PKCE"),
        ("no registration", |said| said.issuer["registration_endpoint"] = Value::Null, 2, "--client-id"),
        (
            "a refusal",
            |said| said.registered = json!({ "error": "invalid_redirect_uri", "error_description": "no http" }),
            8,
            "invalid_redirect_uri",
        ),
        (
            "a secret that is missing",
            |said| said.registered = json!({ "client_id": "c", "token_endpoint_auth_method": "client_secret_post" }),
            8,
            "client_secret",
        ),
    ];
    for (what, change, expected, words) in cases {
        let (idp, world) = (Idp::start(), world());
        let before = text(&world);
        let mut said = Said::of(&idp, &idp);
        change(&mut said);
        said.publish(&idp, &idp);
        let (code, _, told) = add(&world, &idp, &[]);
        assert!(code == expected && told.contains(words), "{what}: {code} {told}");
        assert_eq!(text(&world), before, "{what}");
    }
    let (world, idp) = (world(), Idp::start());
    for (url, words) in
        [("ftp://a/", "can't be the URL"), ("http://a.example/mcp", "can't be the URL"), ("https://u:p@a/", "can't be")]
    {
        let (code, _, told) = world.cli(&["mcp", "add", "notes", url]);
        assert!(code == 2 && told.contains(words), "{url}: {told}");
    }
    idp.go_down();
    assert_eq!(add(&world, &idp, &[]).0, 7, "it does not answer");
}

#[test]
fn the_client_is_the_named_one_else_a_document_else_registered() {
    let id = Idp::start();
    let document = "https://127.0.0.1:1/client.json";
    for (more, takes, client, warns) in [
        (&["--client-id", "mine"][..], true, "mine", false),
        (&["--client-metadata-url", document], true, document, true),
        (&["--client-metadata-url", document], false, "registered", false),
    ] {
        let (world, idp) = (world(), id.clone());
        let mut said = Said::of(&idp, &idp);
        said.issuer["client_id_metadata_document_supported"] = json!(takes);
        said.publish(&idp, &idp);
        let (code, _, told) = add(&world, &idp, more);
        assert!(code == 0 && text(&world).contains(&format!("client_id = \"{client}\"")), "{more:?}: {told}");
        assert_eq!(told.contains("is not checked"), warns, "{told}");
    }
    let (code, _, said) = add(&world(), &id, &["--client-metadata-url", "https://a.example/"]);
    assert!(code != 0 && said.contains("https URL with a path"), "{said}");

    let (world, idp) = (world(), Idp::start());
    Said::of(&idp, &idp).publish(&idp, &idp);
    let url = idp.url("/mcp");
    let mut command = world.command(&["mcp", "add", "notes", &url, "--client-id", "c", "--client-secret-stdin"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    feed(&mut child, SECRET.as_bytes());
    let (code, _, said) = told(child.wait_with_output().unwrap());
    assert!(code == 0 && text(&world).contains("client_secret_file = \"notes.secret\"\n"), "{said}");
    assert!(text(&world).contains("client_auth = \"basic\"") && !said.contains("canary"), "{said}");
    assert_eq!(mode(&world.config_file().with_file_name("notes.secret")), 0o600);
    assert!(registrations(&idp).is_empty());
}

#[test]
fn a_server_that_moved_to_another_issuer_gets_another_client() {
    let (first, second, world) = (Idp::start(), Idp::start(), world());
    Said::of(&first, &first).publish(&first, &first);
    assert_eq!(add(&world, &first, &[]).0, 0);
    let written = text(&world);
    Said::of(&first, &first).publish(&first, &first);
    assert_eq!(add(&world, &first, &[]).0, 0);
    assert_eq!((text(&world), registrations(&first).len()), (written, 1), "nothing has changed");
    assert_eq!(world.cli(&["account", "edit", "notes", "--scope", "notes:read notes:all"]).0, 0);
    Said::of(&first, &first).publish(&first, &first);
    assert_eq!(add(&world, &first, &[]).0, 0);
    assert!(text(&world).contains("scope = [\"notes:read\", \"notes:all\"]"), "more scope stays: {}", text(&world));

    let mut said = Said::of(&first, &second);
    said.registered = json!({ "client_id": "elsewhere" });
    said.publish(&first, &second);
    let (code, _, told) = add(&world, &first, &[]);
    assert!(code == 0 && told.contains("+client_id = \"elsewhere\""), "{told}");
    assert!(text(&world).contains(&format!("issuer = \"{}\"", second.url(""))), "{}", text(&world));
    assert!(!text(&world).contains("\"registered\""));

    let mut said = Said::of(&first, &first);
    said.issuer["registration_endpoint"] = Value::Null;
    said.publish(&first, &first);
    let (code, _, told) = add(&world, &first, &[]);
    assert!(code == 8 && told.contains("where your client is not known"), "{told}");
    let (code, _, told) = world.cli(&["mcp", "add", "notes", &second.url("/mcp")]);
    assert!(code == 2 && told.contains("there is an account `notes` already"), "{told}");
}

#[test]
fn a_client_of_mcp_servers_gets_url_and_key_in_its_own_file() {
    let (idp, mut world) = (Idp::start(), world());
    world.run();
    Said::of(&idp, &idp).publish(&idp, &idp);
    assert_eq!(add(&world, &idp, &[]).0, 0);
    let file = world.root().join("mcp.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "{ \"other\": [1,  2] }").unwrap();
    let (code, out, said) = world.cli(&["mcp", "config", "cursor", "notes", "--write", "--file", path]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!((code, out.as_str()), (0, ""), "{said}");
    assert!(written.contains("\"other\": [1,  2]") && mode(&file) == 0o600, "{written}");
    let entry: Value = serde_json::from_str::<Value>(&written).unwrap()["mcpServers"]["notes"].clone();
    assert!(entry["url"].as_str().unwrap().ends_with("/proxy/notes"), "{entry}");
    let key = entry["headers"]["Authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    assert!(!said.contains(&key), "the difference hides the key: {said}");
    assert_eq!(world.cli(&["app", "list"]).1.matches("notes.cursor").count(), 1);

    // Again: another key, in the place of the first.
    let (code, shown, said) = world.cli(&["mcp", "config", "cursor", "notes"]);
    assert!(code == 0 && shown.contains("Bearer ") && !shown.contains(&key), "{code} {said}");
    assert_eq!(world.cli(&["app", "list"]).1.matches("notes.cursor").count(), 1);

    std::fs::write(&file, "{ // mine\n}").unwrap();
    let (code, _, said) = world.cli(&["mcp", "config", "zed", "notes", "--write", "--file", path]);
    assert!(code == 2 && said.contains("is not plain JSON") && said.contains("without `--write`"), "{said}");
    assert!(!world.cli(&["app", "list"]).1.contains("notes.zed"), "no key is made for nothing");
    assert_eq!(world.cli(&["mcp", "config", "zed", "other"]).0, 4);
}
