//! Additional listeners (`[[listen.extra]]`): mistakes, warnings, and what comes of them.

use std::path::Path;

use super::super::{ExtraListener, FilePrivacy, Sources, assemble};

const ACCOUNT: &str =
    "[accounts.work]\nprovider = \"google\"\nclient_id = \"i\"\nclient_secret = \"s\"\nscope = \"a\"\n";

/// What is said of these entries, without the file's name; and their places.
fn read(entries: &str) -> (Vec<String>, Vec<String>) {
    let path = Path::new("/c.toml");
    let text = format!("[listen]\n{entries}\n{ACCOUNT}");
    let parsed = assemble(&Sources { text: &text, path, privacy: FilePrivacy::Private, home: None, providers: &[] });
    let warnings = parsed.config.iter().flat_map(|config| &config.warnings);
    let said = parsed.mistakes.iter().chain(warnings).map(|said| said.to_string().replace("/c.toml:", ""));
    let said = said.filter(|said| said.contains("listen"));
    let listeners = parsed.config.as_ref().map(|config| ExtraListener::all(&config.listen)).unwrap_or_default();
    (said.collect(), listeners.iter().map(ToString::to_string).collect())
}

#[test]
fn each_mistake_in_an_additional_listener_is_told() {
    for (entry, expected) in [
        ("address = \"10.88.0.1\"", "3:11: listen.extra[0].address: is not an address with port"),
        ("address = \"10.88.0.1:0\"", "3:11: listen.extra[0].address: has the port 0"),
        ("address = \"localhost:1\"", "is not an address with port"),
        ("address = \"[::ffff:10.0.0.1]:1\"", "is an IPv4 address in the form of an IPv6 one"),
        ("address = \"[::ffff:0.0.0.0]:1\"", "is an IPv4 address in the form of an IPv6 one"),
        ("address = \"0.0.0.0:1\"", "is every address of this machine, also in networks that it joins later"),
        ("address = \"[::]:1\"", "is every address of this machine"),
        ("address = \"0.0.0.0:1\"\nwildcard = true", "hosts: is missing"),
        ("address = \"10.0.0.1:1\"\nwildcard = true", "4:12: listen.extra[0].wildcard: has no use"),
        ("address = \"10.0.0.1:1\"\napp = \"a\"", "app: has no use; expected it only with `socket`"),
        ("address = \"10.0.0.1:1\"\nmode = \"0660\"", "mode: has no use"),
        ("address = \"10.0.0.1:1\"\nsocket = \"/s\"", "socket: stands beside `address`; expected one of the two"),
        ("hosts = [\"a\"]", "address: is missing, and so is `socket`; expected one of the two"),
        ("socket = \"/s\"", "app: is missing: the callers of `socket` have the rights of an app"),
        ("socket = \"/s\"\napp = \"default\"", "the app of your own programs, which has every right"),
        ("socket = \"/s\"\napp = \"A b\"", "is not a valid name of an app"),
        (
            "socket = \"/s\"\napp = \"a\"\nmode = \"0640\"",
            "mode: is `0640`; expected `\"0600\"`, `\"0660\"` or `\"0666\"`",
        ),
        ("socket = \"/s\"\napp = \"a\"\nwildcard = true", "wildcard: has no use; expected it only with `address`"),
        ("address = \"10.0.0.1:1\"\nhosts = [\"a b\"]", "has `a b`, which is not a host"),
        ("address = \"10.0.0.1:1\"\nshape = \"gce\"\naccount = \"work\"", "is not a loopback address"),
        ("address = \"127.0.0.1:1\"\nshape = \"gce\"", "account: is missing"),
        ("address = \"127.0.0.1:1\"\nshape = \"azure\"\naccount = \"work\"", "app: is missing"),
        ("address = \"127.0.0.1:1\"\nshape = \"gce\"\naccount = \"work\"\napp = \"a\"", "app: has no use"),
        ("address = \"127.0.0.1:1\"\nshape = \"aws\"", "shape: is `aws`; expected `\"gce\"` or `\"azure\"`"),
        ("address = \"127.0.0.1:1\"\naccount = \"work\"", "account: has no use; expected it only with `shape`"),
        ("socket = \"/s\"\napp = \"a\"\nshape = \"azure\"\naccount = \"work\"", "shape: has no use"),
        (
            "address = \"127.0.0.1:1\"\nshape = \"gce\"\naccount = \"home\"",
            "has the account `home`, and there is no such",
        ),
        ("adress = \"10.0.0.1:1\"", "3:1: listen.extra[0].adress: is not a known key; did you mean `address`?"),
        (
            "address = \"10.0.0.1:1\"\n[[listen.extra]]\naddress = \"10.0.0.1:1\"",
            "listen.extra: has `10.0.0.1:1`, where another listener is",
        ),
        ("address = \"127.0.0.1:7464\"", "listen.extra: has `127.0.0.1:7464`, where another listener is"),
    ] {
        let (said, places) = read(&format!("[[listen.extra]]\n{entry}\n"));
        assert!(said.len() == 1 && said.iter().any(|said| said.contains(expected)), "{entry}: {said:#?}");
        assert!(places.is_empty(), "{entry}: {places:?}");
    }
    assert!(read("extra = {}").0[0].contains("listen.extra: is a table; expected a list of tables"));
}

#[test]
fn an_address_beyond_private_networks_is_warned_of() {
    for (entry, warned) in [
        ("address = \"10.88.0.1:1\"", false),
        ("address = \"172.17.0.1:1\"", false),
        ("address = \"192.168.1.1:1\"", false),
        ("address = \"169.254.1.1:1\"", false),
        ("address = \"127.0.0.1:1\"", false),
        ("address = \"[fd00::1]:1\"", false),
        ("address = \"[fe80::1]:1\"", false),
        ("address = \"[::1]:1\"", false),
        ("address = \"192.0.2.1:1\"", true),
        ("address = \"172.32.0.1:1\"", true),
        ("address = \"100.64.0.1:1\"", true),
        ("address = \"[2001:db8::1]:1\"", true),
        ("address = \"0.0.0.0:1\"\nwildcard = true\nhosts = [\"h\"]", true),
    ] {
        let (said, places) = read(&format!("[[listen.extra]]\n{entry}\n"));
        assert_eq!(said.iter().any(|said| said.contains("plain HTTP")), warned, "{entry}: {said:?}");
        assert_eq!((said.len(), places.len()), (usize::from(warned), 1), "{entry}: {said:?}");
    }
}
