//! The section about additional listeners.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use toml::Value;
use toml::de::DeValue;

use crate::config::kind::{Kind, Place, ShownValue};
use crate::config::kinds::{Address, AppName, FilePath, Flag, Hosts, OneOf, Text};
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::row::settings;
use crate::config::schema::ValueKind;
use crate::config::value::is_a;
use crate::config::words::{MetadataShape, SocketMode};

const PLACE: &str = "none; exactly one of `address` and `socket` is required";

settings! {
    /// An additional listener, for programs in containers and sandboxes. Only what the key of an app may ask for is served
    /// there: no page, no login in a browser, nothing about other apps. One that can't be opened, such as on the address
    /// of a bridge that is not there yet, is tried again every 5 s; `ringback status` shows it meanwhile.
    section "listen.extra", Inline, AtReload;
    pub(crate) struct ExtraKeys, static EXTRA;

    /// An address of this machine. Every caller needs the key of an app. **It is plain HTTP**: whoever can read the traffic
    /// of that network can read keys and tokens.
    address: Option<SocketAddr> = Address, none(PLACE), example(r#""10.88.0.1:7464""#), or("socket");

    /// A unix socket for one app, without a key: whoever can reach it has the rights of `app`, and no others. Its folder is
    /// made if it is not there; nobody else may be able to write to it. Show the folder to a sandbox, not the socket: a
    /// restart makes another one.
    socket: Option<PathBuf> = FilePath, none(PLACE), example(r#""~/agent/ringback.sock""#), instead();

    /// The app whose rights the callers of `socket` have (`ringback app add NAME`). With `shape = "azure"` the app whose key
    /// callers show.
    app: Option<String> = AppName, none("none; needed with `socket` and with `shape = \"azure\"`"), example(r#""agent""#), instead();

    /// Who may use `socket`: with `0600` your own user, with `0660` also the file's group, with `0666` everybody who can
    /// reach it, as a container whose programs run as another user.
    mode: u32 = OneOf<SocketMode>, default(0o600), example(r#""0666""#), instead();

    /// Further names by which callers know it, which they send as `Host`: each with the port of `address`, unless it has one
    /// of its own.
    hosts: Vec<String> = Hosts, default(Vec::new()), example(r#"["host.containers.internal"]"#);

    /// Whether `address` may be `0.0.0.0` or `[::]`: every address that this machine has, and ever will have. For a daemon
    /// in a container, which does not know its address; `hosts` then has to say how it is called.
    wildcard: bool = Flag, default(false), example("true"), instead();

    /// Speaks as a cloud's metadata server instead, on a loopback `address`, for client libraries that know no other way:
    /// `gce` as Google Compute Engine's, which has no key and so serves processes of your own user alone; `azure` as that of
    /// managed identities on Azure App Service, with the key of `app` in the header `X-IDENTITY-HEADER`. Nothing but the
    /// token of `account` is served there.
    shape: Option<MetadataShape> = OneOf<MetadataShape>, none("none: ringback's own API"), example(r#""gce""#), instead();

    /// The account whose token is served with `shape`.
    account: Option<String> = Text, none("none; needed with `shape`"), example(r#""work""#), instead();
}

/// Additional listeners: tables, which are a section of their own.
pub(super) struct ExtraListeners;

impl Kind for ExtraListeners {
    type Value = Vec<ExtraKeys>;
    const KIND: ValueKind = ValueKind::Tables(&[]);

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<Vec<ExtraKeys>, Problem> {
        Err(is_a(value))
    }

    fn show(listeners: &Vec<ExtraKeys>) -> Option<ShownValue> {
        let table = |keys: &ExtraKeys| {
            let keys = keys.shown().into_iter();
            Value::Table(keys.filter_map(|(key, shown)| Some((key.to_owned(), shown?.value))).collect())
        };
        (!listeners.is_empty()).then(|| Value::Array(listeners.iter().map(table).collect()).into())
    }

    fn take(section: &SectionReader<'_>, key: &'static str) -> Option<Vec<ExtraKeys>> {
        let read = |item: &SectionReader<'_>| {
            let keys = ExtraKeys::read(Some(item));
            check_listener(&keys, item);
            keys
        };
        Some(section.items(key)?.iter().map(read).collect())
    }
}

/// Reports what an additional listener lacks, and what can't be combined in it.
fn check_listener(keys: &ExtraKeys, item: &SectionReader<'_>) {
    let is_set = |key| item.field(key).is_some();
    match (is_set("address"), is_set("socket")) {
        (true, true) => item.refuse("socket", Problem::new("stands beside `address`").expected("one of the two")),
        (false, false) => {
            let problem = Problem::new("is missing, and so is `socket`");
            item.lacks("address", &["address", "socket"], problem.expected("one of the two"));
        }
        (true, false) => {
            refuse_unused(item, &["mode"], "socket");
            if keys.shape != Some(MetadataShape::Azure) {
                refuse_unused(item, &["app"], "socket");
            }
        }
        (false, true) => {
            refuse_unused(item, &["wildcard", "shape"], "address");
            if !is_set("app") {
                let problem = Problem::new("is missing: the callers of `socket` have the rights of an app");
                item.lacks("app", &["app"], problem.expected("its name (`ringback app add NAME`)"));
            }
        }
    }
    if let Some(address) = keys.address {
        check_address(address, keys, item);
    }
    check_shape(keys, item);
}

/// What a metadata server needs.
fn check_shape(keys: &ExtraKeys, item: &SectionReader<'_>) {
    let lacks = |key: &'static str, what: &str| {
        if item.field(key).is_none() {
            item.lacks(key, &[key, "shape"], Problem::new("is missing").expected(what));
        }
    };
    match keys.shape {
        None if item.field("shape").is_none() => refuse_unused(item, &["account"], "shape"),
        None => {}
        Some(shape) => {
            lacks("account", "the name of an account: `shape` serves the token of one");
            if shape == MetadataShape::Azure && item.field("socket").is_none() {
                lacks("app", "the app whose key callers show (`ringback app add NAME`)");
            }
            if keys.address.is_some_and(|address| !address.ip().is_loopback()) {
                let problem =
                    Problem::new("is not a loopback address: programs believe a metadata server without a proof");
                item.refuse("address", problem.expected("127.0.0.1 or [::1] with `shape`"));
            }
        }
    }
}

fn refuse_unused(item: &SectionReader<'_>, keys: &[&'static str], only_with: &str) {
    for key in keys.iter().copied().filter(|key| item.field(key).is_some()) {
        item.refuse(key, Problem::new("has no use").expected(format!("it only with `{only_with}`")));
    }
}

fn check_address(address: SocketAddr, keys: &ExtraKeys, item: &SectionReader<'_>) {
    match (address.ip().is_unspecified(), keys.wildcard) {
        (true, false) => {
            let problem = Problem::new("is every address of this machine, also in networks that it joins later");
            item.refuse("address", problem.expected("one address; or, if you mean all of them, `wildcard = true`"));
        }
        (true, true) if keys.hosts.is_empty() => {
            let problem = Problem::new("is missing: an address that stands for all says nothing about the daemon's name");
            item.lacks("hosts", &["hosts"], problem.expected("the names that callers use"));
        }
        (true, true) => item.warn(
            "address",
            "is every address of this machine: anybody in its networks can read keys and tokens on their way, since this is \
             plain HTTP",
        ),
        (false, true) => {
            item.refuse("wildcard", Problem::new("has no use").expected("it only with the address `0.0.0.0` or `[::]`"));
        }
        (false, false) if !is_of_own_network(address.ip()) => item.warn(
            "address",
            "is not an address of a private network: anybody on the way can read keys and tokens, since this is plain HTTP",
        ),
        (false, false) => {}
    }
}

/// Whether nobody beyond one's own networks can have it (RFC 1918, RFC 3927, RFC 4193, RFC 4291).
fn is_of_own_network(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
    }
}
