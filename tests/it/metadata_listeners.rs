//! Listeners in the shape of a cloud's metadata server (`shape` in `[[listen.extra]]`). The vendors' own clients are in
//! `tests/peers/journeys/metadata-servers.mjs`.

use serde_json::json;

use crate::http::{Reply, Request, Wire, free_port};
use crate::idp::Idp;
use crate::world::{World, account, provider};

const GCE: &str = "/computeMetadata/v1/instance/service-accounts/default";

fn ask(port: u16, request: &Request) -> Reply {
    let authority = format!("127.0.0.1:{port}");
    Wire::tcp(&authority).ask(&request.bytes(&authority))
}

fn google(path: &str) -> Request {
    Request::get(path).header("Metadata-Flavor", "Google")
}

fn azure(key: &str) -> Request {
    let target = "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fapi.example";
    Request::get(target).header("X-IDENTITY-HEADER", key).header("Metadata", "true")
}

#[test]
fn clients_of_two_clouds_get_the_token_of_the_account_in_their_shape() {
    let idp = Idp::start();
    let (gce, msi) = (free_port(), free_port());
    let mut world = World::with_config("");
    let entries = format!(
        "[listen]\ntcp = [\"127.0.0.1:0\"]\n\
         [[listen.extra]]\nshape = \"gce\"\naddress = \"127.0.0.1:{gce}\"\naccount = \"work\"\n\
         [[listen.extra]]\nshape = \"azure\"\naddress = \"127.0.0.1:{msi}\"\naccount = \"work\"\napp = \"cloud\"\n"
    );
    let accounts = [account("work", "idp", ""), account("home", "idp", "")].concat();
    world.configure(&format!("{entries}{}{accounts}", provider("idp", &idp, "/token", "")));
    world.run();
    let key = world.add_app(&["cloud", "--account", "work"]);

    // A login that is needed passes: clients ask again after 503, and give up after 404.
    let reply = ask(gce, &google(&format!("{GCE}/token")));
    assert_eq!((reply.status, reply.code().as_str()), (503, "temporarily_unavailable"), "{reply:?}");
    assert!(reply.body.contains("ringback login work"), "{reply:?}");
    let reply = ask(msi, &azure(&key));
    let body = reply.json();
    assert_eq!((reply.status, &body["statusCode"]), (503, &json!(503)), "{reply:?}");
    assert!(body["message"].as_str().unwrap().contains("ringback login work"), "{reply:?}");

    world.log_in("work");
    let token = world.token("work");
    let root = ask(gce, &google("/"));
    assert_eq!((root.status, root.header("metadata-flavor")), (200, Some("Google")));
    let info = ask(gce, &google(&format!("{GCE}/?recursive=true")));
    assert_eq!(info.json(), json!({ "aliases": ["default"], "email": "default", "scopes": ["one", "two"] }));
    let own = world.get("/v1/accounts/work/token").json();
    let (left, until) = (own["expires_in"].as_u64().unwrap(), own["expires_at"].as_i64().unwrap());
    let reply = ask(gce, &google(&format!("{GCE}/token?scopes=a%2Cb")));
    let body = reply.json();
    assert_eq!((reply.status, &body["access_token"], &body["token_type"]), (200, &json!(token), &json!("Bearer")));
    assert!((1..=left).contains(&body["expires_in"].as_u64().unwrap()), "{body} {left}");
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    let reply = ask(msi, &azure(&key));
    let expected = json!({
        "access_token": token,
        "expires_on": until.to_string(),
        "token_type": "Bearer",
        "resource": "https://api.example",
    });
    assert_eq!((reply.status, reply.json()), (200, expected));

    assert_eq!(ask(gce, &google("/computeMetadata/v1/instance/service-accounts/a@b.example/token")).status, 404);
    assert_eq!(ask(gce, &google("/computeMetadata/v1/project/project-id")).status, 404);
    let refused = ask(msi, &azure("rbk_wrong"));
    assert_eq!((refused.status, &refused.json()["statusCode"]), (401, &json!(401)), "{refused:?}");
    let (_, log, _) = world.cli(&["audit"]);
    assert!(log.contains("cloud"), "{log}");
}
