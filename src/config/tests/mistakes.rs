//! Every kind of mistake with its exact message.

use std::path::Path;

use super::super::{FilePrivacy, parse};

mod accounts;

/// (config, messages without the file's name)
const TABLE: &[(&str, &[&str])] = &[
    ("a = ", &["1:5: string values must be quoted, expected literal string"]),
    ("a = 1\na = 2", &["2:1: duplicate key"]),
    ("lisen = 1", &["1:1: lisen: is not a known key; did you mean `listen`?"]),
    ("wait = 1", &["1:1: wait: is not a known key; expected it in [serve]"]),
    (
        "zzzzzz = 1",
        &[
            "1:1: zzzzzz: is not a known key; expected one of `default_account`, `listen`, `store`, `serve`, `audit`, `providers`, `accounts`",
        ],
    ),
    ("[listen]\ntcpp = []", &["2:1: listen.tcpp: is not a known key; did you mean `tcp`?"]),
    (
        "[serve]\ndefault_account = \"work\"",
        &[
            "2:1: serve.default_account: is not a known key here: it belongs at the top of the config file, above the first `[...]`",
        ],
    ),
    (
        "[store.listen]\ntcp = []",
        &[
            "1:8: store.listen: is not a known key here: it belongs in the config file, under a header of its own, `[listen]`",
        ],
    ),
    (
        "[store]\nmin_ttl = 1\nkeep = 2",
        &[
            "2:1: store.min_ttl: is not a known key; expected it in [serve]",
            "3:1: store.keep: is not a known key; expected it in [audit]",
        ],
    ),
    // Consequences of a mistake are not reported with it.
    (
        "default_account = \"work\"\n[acounts.work]\nprovider = \"phonecom\"",
        &["2:2: acounts: is not a known key; did you mean `accounts`?"],
    ),
    ("default_account = \"work\"\naccounts = 1", &["2:1: accounts: is an integer; expected a table"]),
    (
        "[store]\nkey = \"comand\"\nkey_command = [\"x\"]",
        &[
            "2:7: store.key: is `comand`; expected `\"auto\"`, `\"file\"`, `\"keyring\"`, `\"credential\"`, `\"command\"`, `\"passphrase\"` or `\"memory\"`; did you mean `command`?",
        ],
    ),
    (
        "[store]\nkey = \"command\"\nkey_comand = [\"x\"]",
        &["3:1: store.key_comand: is not a known key; did you mean `key_command`?"],
    ),
    ("[listen]\nmin_ttl = 1", &["2:1: listen.min_ttl: is not a known key; expected it in [serve]"]),
    ("listen = 5", &["1:1: listen: is an integer; expected a table"]),
    (
        "[listen]\ntcp = \"127.0.0.1:1\"",
        &[
            "2:7: listen.tcp: is a text; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`",
        ],
    ),
    (
        "[listen]\ntcp = [\"localhost:7464\"]",
        &[
            "2:7: listen.tcp: has `localhost:7464`, which is not an address with port; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`; did you mean `127.0.0.1:7464`?",
        ],
    ),
    (
        "[listen]\ntcp = [\"0.0.0.0:7464\"]",
        &[
            "2:7: listen.tcp: has `0.0.0.0:7464`, which is not loopback; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`",
        ],
    ),
    (
        "[listen]\ntcp = [\"[::1]:1\", \"[::1]:1\"]",
        &[
            "2:7: listen.tcp: has `[::1]:1` twice; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`",
        ],
    ),
    (
        "[listen]\ntcp = [1]",
        &[
            "2:7: listen.tcp: item 1 is an integer; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`",
        ],
    ),
    ("[listen]\nsocket = 1", &["2:10: listen.socket: is an integer; expected `true`, `false` or a path"]),
    (
        "[listen]\ntcp = []\nsocket = false",
        &[
            "3:10: listen.socket: is off, and `tcp` is empty: no program could reach the daemon; expected one of the two",
        ],
    ),
    (
        "[listen]\nmax_connections = 0",
        &["2:19: listen.max_connections: is out of range; expected a whole number from 1 to 65536"],
    ),
    (
        "[listen]\nmax_connections = 99999999999999999999",
        &["2:19: listen.max_connections: is out of range; expected a whole number from 1 to 65536"],
    ),
    (
        "[store]\nkey = \"keyrnig\"",
        &[
            "2:7: store.key: is `keyrnig`; expected `\"auto\"`, `\"file\"`, `\"keyring\"`, `\"credential\"`, `\"command\"`, `\"passphrase\"` or `\"memory\"`; did you mean `keyring`?",
        ],
    ),
    (
        "[store]\nkey = \"passphrase\"\nkey_command = [\"x\"]\nlock_on_suspend = 1\nlock_after_idle = \"10s\"",
        &[
            "4:19: store.lock_on_suspend: is an integer; expected `true` or `false`",
            "5:19: store.lock_after_idle: is too short; expected from 1m to 7days",
            "3:15: store.key_command: has no use; expected it only with `key = \"command\"`",
        ],
    ),
    (
        "[store]\nkey = \"credential\"",
        &["1:2: store.key_credential: is missing; expected the name of a file in $CREDENTIALS_DIRECTORY, without `/`"],
    ),
    (
        "[store]\nkey_command = [\"x\"]",
        &["2:15: store.key_command: has no use; expected it only with `key = \"command\"`"],
    ),
    (
        "[store]\nkey = \"command\"\nkey_command = []",
        &[
            "3:15: store.key_command: is empty; expected a list of texts: the program (absolute, or found in PATH) and its arguments",
        ],
    ),
    (
        "[store]\nfolder = \"~x/y\"",
        &[
            "2:10: store.folder: begins with `~` and no `/` after it; expected a path: absolute, from `~/`, or relative to the config file's folder",
        ],
    ),
    (
        "[serve]\nwait = \"10\"",
        &[
            "2:8: serve.wait: is not a duration; expected a duration such as `\"90s\"`, `\"10m\"` or `\"1h 30m\"`, or whole seconds",
        ],
    ),
    (
        "[serve]\nwait = -1",
        &[
            "2:8: serve.wait: is negative; expected a duration such as `\"90s\"`, `\"10m\"` or `\"1h 30m\"`, or whole seconds",
        ],
    ),
    (
        "[serve]\nwait = 1.5",
        &[
            "2:8: serve.wait: is a float; expected a duration such as `\"90s\"`, `\"10m\"` or `\"1h 30m\"`, or whole seconds",
        ],
    ),
    ("[serve]\nlogin_timeout = \"2h\"", &["2:17: serve.login_timeout: is too long; expected from 1s to 1h"]),
    ("[serve]\nlogin_timeout = 0", &["2:17: serve.login_timeout: is too short; expected from 1s to 1h"]),
    (
        "default_account = \"wrk\"\n[accounts.work]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "1:19: default_account: is `wrk`, and there is no such account; expected the name of an `[accounts.NAME]`; did you mean `work`?",
        ],
    ),
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
    if config == "DEFAULTS" {
        let practice = account.replace("[accounts.a]", "[accounts.b]").replace("phonecom", "practice");
        let shared = "redirect_uri = \"http://[::1]:7464/callback/phonecom\"";
        return format!("{account}{practice}{shared}\n[providers.practice]\npreset = \"phonecom\"");
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
    let wrong: Vec<String> = TABLE
        .iter()
        .chain(accounts::TABLE)
        .map(|(config, expected)| (config, messages(config, FilePrivacy::Private), expected))
        .filter(|(_, said, expected)| said != *expected)
        .map(|(config, said, expected)| format!("{config}\n  says {said:#?}\n  not {expected:#?}\n"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn a_secret_in_a_file_that_others_can_read_is_refused() {
    let config = "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"canary\"";
    let advice = "expected a file of your own with mode 0600 (`chmod 600`), or `client_secret_file`";
    for (privacy, why) in [
        (FilePrivacy::Exposed { mode: 0o644 }, "stands in a file that others can read (mode 0644)"),
        (FilePrivacy::Foreign { uid: 0 }, "stands in a file of another user (uid 0)"),
    ] {
        assert_eq!(messages(config, privacy), [format!("4:17: accounts.a.client_secret: {why}; {advice}")]);
    }
    assert!(messages(config, FilePrivacy::Private).is_empty());
}
