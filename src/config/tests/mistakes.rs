//! Every kind of mistake and the message it gives, word by word.

use std::path::Path;

use super::super::{FilePrivacy, parse};

/// (config, messages without the file's name)
const TABLE: &[(&str, &[&str])] = &[
    ("a = ", &[]),
    ("a = 1\na = 2", &[]),
    ("lisen = 1", &[]),
    ("wait = 1", &[]),
    ("zzzzzz = 1", &[]),
    ("[listen]\ntcpp = []", &[]),
    ("[listen]\nmin_ttl = 1", &[]),
    ("listen = 5", &[]),
    ("[listen]\ntcp = \"127.0.0.1:1\"", &[]),
    ("[listen]\ntcp = [\"localhost:7464\"]", &[]),
    ("[listen]\ntcp = [\"0.0.0.0:7464\"]", &[]),
    ("[listen]\ntcp = [\"[::1]:1\", \"[::1]:1\"]", &[]),
    ("[listen]\ntcp = [1]", &[]),
    ("[listen]\nsocket = 1", &[]),
    ("[listen]\ntcp = []\nsocket = false", &[]),
    ("[listen]\nmax_connections = 0", &[]),
    ("[listen]\nmax_connections = 99999999999999999999", &[]),
    ("[store]\nkey = \"keyrnig\"", &[]),
    ("[store]\nkey = \"credential\"", &[]),
    ("[store]\nkey_command = [\"x\"]", &[]),
    ("[store]\nkey = \"command\"\nkey_command = []", &[]),
    ("[store]\nfolder = \"~x/y\"", &[]),
    ("[serve]\nwait = \"10\"", &[]),
    ("[serve]\nwait = -1", &[]),
    ("[serve]\nwait = 1.5", &[]),
    ("[serve]\nlogin_timeout = \"2h\"", &[]),
    ("[serve]\nlogin_timeout = 0", &[]),
    (
        "default_account = \"wrk\"\n[accounts.work]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[],
    ),
    ("[accounts.default]", &[]),
    ("[accounts.Work]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"", &[]),
    ("[accounts.\"a b\"]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"", &[]),
    ("[accounts.a]\nprovider = \"phonecon\"\nclient_id = \"i\"\nclient_secret = \"s\"", &[]),
    ("[accounts.a]\nprovider = \"generic\"\nclient_id = \"i\"\nclient_secret = \"s\"", &[]),
    ("[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"\"", &[]),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nclient_secret_file = \"f\"",
        &[],
    ),
    ("[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_credential = \"a/b\"", &[]),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_keyring = { service = \"x\", usr = \"y\" }",
        &[],
    ),
    (
        "[providers.phonecom]\nclient_auth = \"none\"\n[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[],
    ),
    ("[providers.p]\ntoken_url = \"http://example.com/t\"", &[]),
    (
        "[providers.phonecom]\nauthorize_url = \"https://u:canary@h/\"\ntoken_url = \"https://h/#f\"\nrevoke_url = \"h/r\"",
        &[],
    ),
    ("[providers.phonecom]\nauthorize_url = \"https://h/?state=1\"", &[]),
    ("[providers.phonecom]\nauthorize_url = \"https://h/?a=1\"\nextra_authorize = { a = \"2\" }", &[]),
    ("[providers.phonecom]\nextra_authorize = { scope = \"x\" }\nextra_token = { client_assertion = \"x\" }", &[]),
    ("[providers.phonecom]\nextra_token = { n = 1 }", &[]),
    ("[providers.phonecom]\nrevoke = \"none\"\nrevoke_url = \"https://r/\"", &[]),
    ("[providers.phonecom]\nrevoke = \"rfc7009\"", &[]),
    ("[providers.phonecom]\niss_required = true", &[]),
    ("[providers.phonecom]\nissuer = \"https://i/?q\"", &[]),
    ("[providers.phonecom]\npkce = \"S256\"\npreset = \"phone\"", &[]),
    ("[[providers]]\n", &[]),
    ("[accounts]\na = 1", &[]),
    ("REDIRECT https://127.0.0.1/cb", &[]),
    ("REDIRECT http://example.com/cb", &[]),
    ("REDIRECT http://127.0.0.1:7464", &[]),
    ("REDIRECT http://127.0.0.1:7464/cb#f", &[]),
    ("REDIRECT http://u@127.0.0.1:7464/cb", &[]),
    ("REDIRECT http://127.0.0.1:7464/a/../b", &[]),
    ("REDIRECT http://127.0.0.1:7464/a?code=1", &[]),
    ("REDIRECT http://localhost:7464/", &[]),
    ("REDIRECT http://127.0.0.1:7464/v1/accounts", &[]),
    ("REDIRECT http://[::1]:7464/a b", &[]),
    ("[listen]\ntcp = []\n[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"", &[]),
    ("TWO http://127.0.0.1:9/cb http://localhost:9/cb", &[]),
    ("TWO http://127.0.0.1:9/cb http://127.0.0.1:7464/callback/phonecom", &[]),
    ("TWO http://127.0.0.1:9/a http://127.0.0.1:9/b", &[]),
    ("accounts.a.client_id = 1\nserve.wiat = 1\nlisten.tcp = 5\n[store]\nkey = 7", &[]),
    ("[providers.p]\npreset = \"phoncom\"\npkce = 1", &[]),
    ("SCOPE [\"a b\"]", &[]),
    ("SCOPE \"a \\\"b\"", &[]),
];

fn expand(config: &str) -> String {
    let account = "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\n";
    if let Some(uri) = config.strip_prefix("REDIRECT ") {
        return format!("{account}redirect_uri = \"{uri}\"");
    }
    if let Some((first, second)) = config.strip_prefix("TWO ").and_then(|uris| uris.split_once(' ')) {
        let (first, second) = (format!("redirect_uri = \"{first}\""), format!("redirect_uri = \"{second}\""));
        let practice = account.replace("[accounts.a]", "[accounts.p]").replace("phonecom", "practice");
        let same = account.replace("[accounts.a]", "[accounts.same]");
        return format!(
            "providers.practice.preset = \"phonecom\"\n{practice}{second}\n{account}{first}\n{same}{first}"
        );
    }
    match config.strip_prefix("SCOPE ") {
        Some(scope) => format!("{account}scope = {scope}"),
        None => config.to_owned(),
    }
}

fn messages(config: &str, privacy: FilePrivacy) -> Vec<String> {
    match parse(&expand(config), Path::new("/c.toml"), privacy, None) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.to_string().replacen("/c.toml:", "", 1)).collect(),
    }
}

#[test]
fn each_mistake_has_its_message() {
    if std::env::var_os("PRINT").is_some() {
        for (config, _) in TABLE {
            println!("@@({config:?}, &{:?}),", messages(config, FilePrivacy::Private));
        }
        return;
    }
    for (config, expected) in TABLE {
        assert_eq!(&messages(config, FilePrivacy::Private), expected, "{config}");
    }
}

#[test]
fn a_secret_in_a_file_that_others_can_read_is_refused() {
    let config = "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"canary\"";
    let advice = "expected a file of yours with mode 0600 (`chmod 600`), or `client_secret_file`";
    for (privacy, why) in [
        (FilePrivacy::Exposed { mode: 0o644 }, "stands in a file that others can read (mode 0644)"),
        (FilePrivacy::Foreign { uid: 0 }, "stands in a file of another user (uid 0)"),
    ] {
        assert_eq!(messages(config, privacy), [format!("4:17: accounts.a.client_secret: {why}; {advice}")]);
    }
    assert!(messages(config, FilePrivacy::Private).is_empty());
}
