//! The floors: which top-level module may know which. The table here holds; `docs/ARCHITECTURE.md` shows it. Reads the
//! sources, tests left out.

use std::collections::BTreeSet;
use std::path::Path;

use crate::sources::{self, Source};

/// Module, its floor, and what it knows on its own floor (with the reason), or all that it may know at all.
struct Module {
    name: &'static str,
    floor: u8,
    /// On the same floor, by exception.
    beside: &'static [&'static str],
    /// Where a module may know less than what lies below it.
    only: Option<&'static [&'static str]>,
}

const fn module(name: &'static str, floor: u8, beside: &'static [&'static str]) -> Module {
    Module { name, floor, beside, only: None }
}

const fn confined(name: &'static str, floor: u8, only: &'static [&'static str]) -> Module {
    Module { name, floor, beside: &[], only: Some(only) }
}

/// A crate of its own, which `src/lib.rs` re-exports under this name. It can know nothing of `src`: the compiler holds
/// that, so here is only who may know it.
const fn reexported(name: &'static str, floor: u8) -> Module {
    confined(name, floor, &[])
}

const MODULES: &[Module] = &[
    module("printable", 0, &[]),
    reexported("loopback", 0),
    module("secret", 0, &["printable"]),
    // It reads the machine's clocks, which differ by system.
    module("clock", 0, &["os"]),
    module("random", 0, &[]),
    reexported("contract", 0),
    // The route table: the config keeps redirect URIs off its paths, and HTTP serves it.
    module("routes", 0, &[]),
    module("failpoint", 0, &[]),
    // Rules. The account goes by what a dialect says and a reply means; a config makes dialects.
    module("oauth", 1, &[]),
    module("error", 1, &["oauth"]),
    module("account", 1, &["oauth", "error"]),
    module("config", 1, &["oauth"]),
    // The operating system, below the adapters and `clock`: it knows nothing of ringback but its words.
    confined("os", 2, &["loopback", "printable", "secret"]),
    // Adapters.
    module("config_file", 2, &["os"]),
    module("apps", 2, &["os"]),
    module("rate_limit", 2, &[]),
    module("audit", 2, &["os", "rate_limit"]),
    module("credentials", 2, &["os"]),
    module("store", 2, &["os"]),
    // What comes back is told in the words of the account's machine (`Answer`).
    // Metadata is kept in a private folder.
    confined("provider", 2, &["oauth", "account", "clock", "failpoint", "loopback", "secret", "os"]),
    module("broker", 3, &[]),
    // Front ends. HTTP knows the broker, and of the adapters one type (see `TYPES_ONLY`).
    confined(
        "http",
        4,
        &[
            "broker",
            "apps",
            "audit",
            "os",
            "clock",
            "config",
            "contract",
            "error",
            "loopback",
            "printable",
            "secret",
            "provider",
            "rate_limit",
            "routes",
        ],
    ),
    // The command line's way to the daemon.
    reexported("client", 4),
    confined("log", 4, &["error"]),
    // The desktop.
    confined("attention", 4, &["broker", "os", "contract"]),
    reexported("sandbox", 4),
    // Composes everything.
    module("cli", 4, &["http", "client", "log", "sandbox", "attention"]),
];

/// Edges that exist for a few names and nothing else: (from, to, every name or submodule that may be used).
const TYPES_ONLY: &[(&str, &str, &[&str])] = &[
    ("http", "os", &["notify", "ports", "private_file", "sockets"]),
    ("client", "os", &["folder", "holder", "paths", "ports", "sockets"]),
    ("attention", "os", &["notify"]),
    ("provider", "os", &["folder"]),
    ("http", "provider", &["ProviderFuture"]),
    ("provider", "account", &["state::RefreshOutcome", "state::Priority"]),
];

/// Whether `path` is `name`, or something in it.
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

/// Crates that are re-exported: module, crate, and what its manifest may not name, with the reason.
const CRATES: &[(&str, &str, &[&str], &str)] = &[
    ("contract", "ringback-client", WITH_A_RUNTIME, "programs that use it have neither a runtime nor TLS"),
    ("client", "ringback-client", WITH_A_RUNTIME, "programs that use it have neither a runtime nor TLS"),
    ("sandbox", "ringback-sandbox", &["ringback"], "it proves nothing if it shares code with what it tests"),
];

const WITH_A_RUNTIME: &[&str] =
    &["ringback ", "ringback-sandbox", "tokio", "hyper", "axum", "tower", "reqwest", "rustls", "native-tls", "ring "];

#[test]
fn the_crates_have_no_source_here_and_no_dependency_that_they_must_not_have() {
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
fn a_module_knows_only_the_floors_below_it() {
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
            // Modules are lower case: what is not is an item of the crate's root.
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
fn the_floors_are_in_the_architecture() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ARCHITECTURE.md")).unwrap();
    for floor in 0..=4 {
        let row = docs.lines().find(|line| line.starts_with(&format!("| {floor} "))).unwrap();
        let listed = row.split('|').nth(2).unwrap().split(',').map(|name| name.trim().trim_matches('`'));
        let known = MODULES.iter().filter(|module| module.floor == floor).map(|module| module.name);
        assert_eq!(listed.collect::<BTreeSet<_>>(), known.collect(), "floor {floor}");
    }
}

/// What a folder's code may not mention: the floor of rules has no I/O, no clock of its own, no runtime.
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

/// One place where the broker's order of commit lives, one where a client is made, one that prints.
#[test]
fn what_belongs_to_one_place_is_in_one_place() {
    for (word, places) in [
        (
            "reqwest::Client",
            &["src/provider/client.rs", "src/provider/wire.rs", "src/cli/demo/visitor.rs", "src/cli/demo/click.rs"][..],
        ),
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

/// What differs by system is behind the functions of `os`.
#[test]
fn systems_are_told_apart_in_os_alone() {
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
    assert!(wrong.is_empty(), "put what differs by system below `os`: {wrong:#?}");
}

#[test]
fn an_edge_is_allowed_or_not_as_the_table_says() {
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
