//! The layers ("floors"): which top-level module may use which. This table is authoritative, and
//! `docs/ARCHITECTURE.md` shows it. Checks the sources without tests.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources::{self, Source};

/// A module, its floor, and exceptions.
struct Module {
    name: &'static str,
    floor: u8,
    /// Modules of the same floor that it may use, by exception.
    beside: &'static [&'static str],
    /// If set, the only modules that it may use.
    only: Option<&'static [&'static str]>,
}

const fn module(name: &'static str, floor: u8, beside: &'static [&'static str]) -> Module {
    Module { name, floor, beside, only: None }
}

const fn confined(name: &'static str, floor: u8, only: &'static [&'static str]) -> Module {
    Module { name, floor, beside: &[], only: Some(only) }
}

/// A separate crate that `src/lib.rs` re-exports under this name. The compiler ensures that it does not use `src`, so
/// the table only says which modules may use it.
const fn reexported(name: &'static str, floor: u8) -> Module {
    confined(name, floor, &[])
}

const MODULES: &[Module] = &[
    module("printable", 0, &[]),
    module("program_version", 0, &[]),
    reexported("loopback", 0),
    module("secret", 0, &["printable"]),
    // The system clocks differ between operating systems.
    module("clock", 0, &["os"]),
    module("random", 0, &[]),
    module("json_members", 0, &[]),
    reexported("contract", 0),
    // The route table: HTTP serves it, and the config keeps redirect URIs off its paths.
    module("routes", 0, &[]),
    module("failpoint", 0, &[]),
    // Rules. An account depends on dialects and parsed replies; a config produces dialects.
    module("oauth", 1, &[]),
    module("error", 1, &["oauth"]),
    module("account", 1, &["oauth", "error"]),
    module("reverse_proxy", 1, &["oauth"]),
    module("config", 1, &["oauth", "reverse_proxy"]),
    // The operating system, below the adapters and `clock`: of ringback it uses only basic types.
    confined("os", 2, &["loopback", "printable", "secret"]),
    // Adapters.
    module("config_file", 2, &["os"]),
    module("apps", 2, &["os"]),
    module("rate_limit", 2, &[]),
    module("audit", 2, &["os", "rate_limit"]),
    module("callback_certificate", 2, &["os"]),
    module("credentials", 2, &["os"]),
    module("store", 2, &["os"]),
    // Replies are translated into the account state machine's types.
    // Metadata is kept in a private folder.
    confined("provider", 2, &["oauth", "account", "clock", "failpoint", "loopback", "reverse_proxy", "secret", "os"]),
    module("broker", 3, &[]),
    // Front ends. HTTP knows the broker, and of the adapters one type (see `TYPES_ONLY`).
    confined(
        "http",
        4,
        &[
            "broker",
            "apps",
            "audit",
            "callback_certificate",
            "os",
            "clock",
            "config",
            "contract",
            "error",
            "loopback",
            "printable",
            "program_version",
            "secret",
            "provider",
            "rate_limit",
            "reverse_proxy",
            "routes",
        ],
    ),
    // The command line's client of the daemon.
    reexported("client", 4),
    confined("log", 4, &["error"]),
    // The desktop.
    confined("attention", 4, &["broker", "os", "contract"]),
    // Files that follow what the broker publishes.
    confined("token_files", 4, &["broker", "os", "audit", "clock", "contract", "config"]),
    reexported("sandbox", 4),
    // Composes everything.
    module("cli", 4, &["http", "client", "log", "sandbox", "attention", "token_files"]),
];

/// Edges that are allowed for a few names only: (from, to, the names or submodules that may be used).
const TYPES_ONLY: &[(&str, &str, &[&str])] = &[
    ("http", "os", &["notify", "ports", "private_file", "sockets"]),
    ("client", "os", &["folder", "holder", "paths", "ports", "sockets"]),
    ("attention", "os", &["notify"]),
    ("token_files", "os", &["folder"]),
    ("provider", "os", &["folder", "dead_peers"]),
    ("http", "provider", &["ProviderFuture", "ProviderLatency", "upstream"]),
    ("provider", "account", &["state::RefreshOutcome", "state::Priority"]),
];

/// Whether `path` is `name` or inside it.
fn is_in(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn reason(from: &Module, to: &str) -> Option<String> {
    let Some(to) = MODULES.iter().find(|module| module.name == to) else {
        return Some(format!("`{to}` is not in the table of floors: put it there, with a reason"));
    };
    if let Some(only) = from.only {
        return (!only.contains(&to.name)).then(|| format!("`{}` may know only {only:?}", from.name));
    }
    if to.floor < from.floor || from.beside.contains(&to.name) {
        return None;
    }
    let where_ = if to.floor == from.floor { "on the same floor" } else { "above it" };
    Some(format!("`{}` is {where_} (floor {} knows floors below {})", to.name, from.floor, from.floor))
}

/// Re-exported crates: module, crate, and the dependencies that its manifest must not have, with the reason.
const CRATES: &[(&str, &str, &[&str], &str)] = &[
    ("contract", "ringback-client", WITH_A_RUNTIME, "programs that use it have neither a runtime nor TLS"),
    ("client", "ringback-client", WITH_A_RUNTIME, "programs that use it have neither a runtime nor TLS"),
    ("sandbox", "ringback-sandbox", &["ringback"], "it proves nothing if it shares code with what it tests"),
];

const WITH_A_RUNTIME: &[&str] =
    &["ringback ", "ringback-sandbox", "tokio", "hyper", "axum", "tower", "reqwest", "rustls", "native-tls", "ring "];

#[test]
fn separate_crates_have_no_source_here_and_no_forbidden_dependency() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (module, name, forbidden, why) in CRATES {
        let source = workspace.join("src").join(format!("{module}.rs"));
        assert!(!source.exists(), "{}: `{module}` is the crate {name}", source.display());
        let manifest = std::fs::read_to_string(workspace.join("crates").join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split_once("\n[dependencies]\n").unwrap().1;
        let dependencies = dependencies.split("\n[").next().unwrap();
        assert!(dependencies.lines().count() > 3, "{name}: the dependencies were not found");
        let wrong: Vec<&str> =
            dependencies.lines().filter(|line| forbidden.iter().any(|word| line.starts_with(word))).collect();
        assert!(wrong.is_empty(), "{name} has {wrong:?}, but {why}");
    }
}

#[test]
fn a_module_uses_only_the_floors_below_it() {
    let sources = sources::sources();
    let modules = sources::modules(&sources, "");
    let mut wrong = BTreeSet::new();
    let mut edges: BTreeSet<(&str, String)> = BTreeSet::new();
    for Source { file, module, text, .. } in sources.iter().filter(|source| source.package.is_empty()) {
        let Some(name) = module.first() else { continue };
        let Some(from) = MODULES.iter().find(|module| module.name == name) else {
            wrong.insert(format!("{file}: `{name}` is not in the table of floors"));
            continue;
        };
        for used in sources::names(text, module, &modules) {
            // Modules are lower case; other names are items of the crate's root.
            let Some((to, path)) = used.split_first().filter(|(to, _)| *to != name && is_lower(to)) else { continue };
            let path = path.join("::");
            edges.insert((from.name, to.clone()));
            if let Some(why) = reason(from, to) {
                wrong.insert(format!("{file}: uses `crate::{to}`, but {why}"));
            }
            let types_only = TYPES_ONLY.iter().find(|(f, t, _)| f == name && t == to);
            if let Some((.., names)) = types_only.filter(|(.., names)| !names.iter().any(|name| is_in(&path, name))) {
                wrong.insert(format!("{file}: of `{to}` only {names:?} may be used, not `{path}`"));
            }
        }
    }
    assert!(edges.len() > 30, "the sources were not found: {edges:?}");
    let list: Vec<&String> = wrong.iter().collect();
    assert!(wrong.is_empty(), "edges that the floors do not allow:\n{list:#?}");
}

fn is_lower(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The table of `docs/ARCHITECTURE.md` has the modules of each floor.
#[test]
fn the_architecture_lists_the_floors() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ARCHITECTURE.md")).unwrap();
    for floor in 0..=4 {
        let row = docs.lines().find(|line| line.starts_with(&format!("| {floor} "))).unwrap();
        let listed = row.split('|').nth(2).unwrap().split(',').map(|name| name.trim().trim_matches('`'));
        let known = MODULES.iter().filter(|module| module.floor == floor).map(|module| module.name);
        assert_eq!(listed.collect::<BTreeSet<_>>(), known.collect(), "floor {floor}");
    }
}

/// The floor of rules uses no I/O, no system clock and no runtime.
#[test]
fn the_rules_are_pure() {
    let impure = [
        "tokio::",
        "std::fs",
        "TcpListener",
        "TcpStream",
        "UnixStream",
        "std::process",
        "std::env",
        "reqwest",
        "SystemTime::now",
        "Instant::now",
    ];
    let mut wrong = Vec::new();
    for Source { file, module, text, .. } in sources::sources().iter().filter(|source| source.package.is_empty()) {
        if MODULES.iter().any(|known| known.floor == 1 && module.first().is_some_and(|name| name == known.name)) {
            let code = sources::code(text);
            wrong.extend(impure.iter().filter(|word| code.contains(**word)).map(|word| format!("{file}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "rules with I/O: {wrong:#?}");
}

/// Building an HTTP client, failpoints (the steps of a commit) and printing are allowed in the listed files only.
#[test]
fn restricted_calls_appear_only_in_the_listed_files() {
    for (word, places) in [
        (
            "reqwest::Client",
            &["src/provider/client.rs", "src/provider/wire.rs", "src/cli/demo/visitor.rs", "src/cli/demo/click.rs"][..],
        ),
        ("legacy::Client", &["src/provider/upstream.rs"]),
        (
            "failpoint::reach",
            &[
                "src/store/file.rs",
                "src/store/rekey.rs",
                "src/store/rekey_plan.rs",
                "src/provider/wire.rs",
                "src/apps/change.rs",
            ],
        ),
        ("println!", &[]),
    ] {
        for Source { file, text, .. } in sources::sources().iter().filter(|source| source.package.is_empty()) {
            let has = sources::code(text).contains(word);
            assert!(!has || places.contains(&file.as_str()), "{file} has `{word}`, which belongs to {places:?}");
        }
    }
}

/// Code that differs between operating systems is in `os`.
#[test]
fn operating_systems_are_distinguished_in_os_only() {
    let systems = [
        "target_os",
        "target_family",
        "target_vendor",
        "target_env",
        "cfg(unix",
        "cfg!(unix",
        "cfg(windows",
        "cfg!(windows",
    ];
    let mut files = Vec::new();
    for (_, folder) in sources::packages() {
        sources::rust_files(&folder.join("src"), &mut files);
    }
    let mut wrong = Vec::new();
    for path in &files {
        let file = sources::shown(path);
        if file.contains("src/os/") || file.ends_with("src/os.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        wrong.extend(systems.iter().filter(|word| text.contains(**word)).map(|word| format!("{file}: {word}")));
    }
    assert!(wrong.is_empty(), "move code that differs between systems to `os`: {wrong:#?}");
}

#[test]
fn the_table_allows_and_forbids_edges() {
    let module = |name: &str| MODULES.iter().find(|module| module.name == name).unwrap();
    for (from, to, allowed) in [
        ("broker", "store", true),
        ("store", "broker", false),
        ("account", "store", false),
        ("oauth", "account", false),
        ("sandbox", "oauth", false),
        ("client", "provider", false),
        ("cli", "http", true),
        ("http", "store", false),
        ("cli", "nonsense", false),
    ] {
        assert_eq!(reason(module(from), to).is_none(), allowed, "{from} -> {to}");
    }
}
