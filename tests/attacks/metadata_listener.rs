//! What a listener in the shape of a metadata server (`shape` in `[[listen.extra]]`) must not do. Google's has no key: it
//! serves the daemon's own user alone.

use crate::http::{Request, Wire, free_port};
use crate::idp::Idp;
use crate::other_users::{as_other_user, can_switch};
use crate::report::Report;
use crate::world::{World, account, provider};

const GCE: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");

/// Name, method, target, header lines, and the status. `{G}`: the first listener's authority, `{K}`: the
/// key of the listener's app, `{O}`: another app's key, `{D}`: the owner's.
type Attack = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], u16);

#[rustfmt::skip]
const ON_GCE: &[Attack] = &[
    ("no flavor", "GET", GCE, &[], 403),
    ("another flavor", "GET", GCE, &[("Metadata-Flavor", "google")], 403),
    ("two flavors", "GET", GCE, &[FLAVOR, FLAVOR], 403),
    ("a key in place of the flavor", "GET", GCE, &[("Authorization", "Bearer {D}")], 403),
    ("a request that was passed on", "GET", GCE, &[FLAVOR, ("X-Forwarded-For", "10.0.0.1")], 403),
    ("a rebound name", "GET", GCE, &[FLAVOR, ("Host", "evil.example")], 403),
    ("the vendor's name", "GET", GCE, &[FLAVOR, ("Host", "metadata.google.internal")], 403),
    ("localhost", "GET", GCE, &[FLAVOR, ("Host", "localhost")], 403),
    ("an Origin", "GET", GCE, &[FLAVOR, ("Origin", "http://evil.example")], 403),
    ("its own Origin", "GET", GCE, &[FLAVOR, ("Origin", "http://{G}")], 403),
    ("fetch metadata of another site", "GET", GCE, &[FLAVOR, ("Sec-Fetch-Site", "cross-site")], 403),
    ("POST", "POST", GCE, &[FLAVOR, ("Content-Length", "0")], 405),
    ("another service account", "GET", "/computeMetadata/v1/instance/service-accounts/home/token", &[FLAVOR], 404),
    ("an account of the daemon", "GET", "/v1/accounts/home/token", &[FLAVOR, ("Authorization", "Bearer {D}")], 404),
    ("the default account", "GET", "/token", &[FLAVOR, ("Authorization", "Bearer {D}")], 404),
    ("the list of apps", "GET", "/v1/apps", &[FLAVOR], 404),
    ("a callback", "GET", "/callback/idp?code=c&state=s", &[FLAVOR], 404),
    ("the other shape", "GET", "/msi/token", &[FLAVOR, ("X-IDENTITY-HEADER", "{K}")], 404),
];

#[rustfmt::skip]
const ON_AZURE: &[Attack] = &[
    ("no header", "GET", "/msi/token", &[], 401),
    ("a wrong key", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "wrong")], 401),
    ("another app's key", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{O}")], 401),
    ("the owner's key", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{D}")], 401),
    ("the key elsewhere", "GET", "/msi/token", &[("Authorization", "Bearer {K}")], 401),
    ("two keys", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{K}"), ("X-IDENTITY-HEADER", "{K}")], 400),
    ("the key in the query", "GET", "/msi/token?key={K}", &[("X-IDENTITY-HEADER", "{K}")], 400),
    ("a rebound name", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{K}"), ("Host", "evil.example")], 403),
    ("an Origin", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{K}"), ("Origin", "http://evil.example")], 403),
    ("an account of the app", "GET", "/v1/accounts/work/token", &[("Authorization", "Bearer {K}")], 404),
    ("the other shape", "GET", GCE, &[FLAVOR], 404),
    ("the status page", "GET", "/", &[("X-IDENTITY-HEADER", "{K}")], 404),
];

#[test]
fn a_metadata_server_serves_one_account_to_whom_it_is_for_and_nothing_else() {
    let idp = Idp::start();
    let (gce, azure, beyond) = (free_port(), free_port(), free_port());
    let mut world = World::with_config("");
    let entry = |shape: &str, port: u16, more: &str| {
        format!("[[listen.extra]]\nshape = \"{shape}\"\naddress = \"127.0.0.1:{port}\"\naccount = \"work\"\n{more}\n")
    };
    let entries =
        [entry("gce", gce, ""), entry("azure", azure, "app = \"cloud\""), entry("azure", beyond, "app = \"other\"")];
    let accounts = [account("work", "idp", ""), account("home", "idp", "")].concat();
    let provider = provider("idp", &idp, "/token", "");
    world.configure(&format!("[listen]\ntcp = [\"127.0.0.1:0\"]\n{}{provider}{accounts}", entries.concat()));
    world.run();
    world.log_in("work");
    world.log_in("home");
    let key = world.add_app(&["cloud", "--account", "work"]);
    let other = world.add_app(&["other", "--account", "home"]);
    let owner = world.key();
    let (gce, azure) = (format!("127.0.0.1:{gce}"), format!("127.0.0.1:{azure}"));
    let filled =
        |text: &str| text.replace("{G}", &gce).replace("{K}", &key).replace("{O}", &other).replace("{D}", &owner);
    let ask = |authority: &str, method: &str, target: &str, headers: &[(&str, &str)]| {
        let request = headers
            .iter()
            .fold(Request::new(method, &filled(target)), |request, (name, value)| request.header(name, &filled(value)));
        Wire::tcp(authority).ask(&request.bytes(authority))
    };
    let tokens = [world.token("work"), world.token("home")];
    for good in [ask(&gce, "GET", GCE, &[FLAVOR]), ask(&azure, "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{K}")])] {
        assert!(good.status == 200 && good.body.contains(&tokens[0]), "the control: {good:?}");
    }
    let mut report = Report::default();
    let on_own = [
        ("the GCE path on the daemon's own port", "GET", GCE, &[FLAVOR, ("Authorization", "Bearer {D}")][..], 404),
        ("the Azure path there", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{K}")], 404),
    ];
    let beyond = format!("127.0.0.1:{beyond}");
    let beyond_rights =
        [("an app without a right to the account", "GET", "/msi/token", &[("X-IDENTITY-HEADER", "{O}")][..], 403)];
    let own = world.authority();
    let tables = [(&gce, ON_GCE), (&azure, ON_AZURE), (&own, &on_own), (&beyond, &beyond_rights)];
    for (authority, (name, method, target, headers, status)) in
        tables.iter().flat_map(|(authority, rows)| rows.iter().map(move |row| (authority, row)))
    {
        report.row();
        let reply = ask(authority, method, target, headers);
        let name = format!("{name} ({method} {target})");
        report.expect(&name, reply.status == *status, &reply);
        report.expect(&name, !tokens.iter().any(|token| reply.body.contains(token)), &reply);
    }
    report.end();
    if !can_switch() {
        return;
    }
    let script = format!(
        "import urllib.request as u; print(u.urlopen(u.Request('http://{gce}{GCE}', headers={{'Metadata-Flavor': 'Google'}})).read())"
    );
    let (worked, said) = as_other_user(&format!("python3 -c \"{script}\""));
    assert!(!worked && said.contains("403") && !said.contains(&tokens[0]), "{said}");
}
