//! The floors of `src/lib.rs`: which module may know which. Reads the sources, tests left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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

const MODULES: &[Module] = &[
    module("secret", 0, &[]),
    // It reads the machine's clocks, which differ by system.
    module("clock", 0, &["os"]),
    module("random", 0, &[]),
    module("contract", 0, &[]),
    module("failpoint", 0, &[]),
    // Rules. The account goes by what a dialect says and a reply means; a config makes dialects.
    module("oauth", 1, &[]),
    module("error", 1, &["oauth"]),
    module("account", 1, &["oauth", "error"]),
    module("config", 1, &["oauth"]),
    // The operating system, below the adapters and `clock`: it knows nothing of ringback but its words.
    confined("os", 2, &["secret"]),
    // Adapters.
    module("config_file", 2, &["os"]),
    module("apps", 2, &["os"]),
    module("rate_limit", 2, &[]),
    module("audit", 2, &["os", "rate_limit"]),
    module("credentials", 2, &["os"]),
    module("store", 2, &["os"]),
    // What comes back is told in the words of the account's machine (`Answer`).
    // Metadata is kept in a private folder.
    confined("provider", 2, &["oauth", "account", "clock", "failpoint", "secret", "os"]),
    module("broker", 3, &[]),
    // Doors. HTTP knows the broker, and of the adapters one type (see `TYPES_ONLY`).
    confined(
        "http",
        4,
        &["broker", "apps", "audit", "os", "clock", "config", "contract", "error", "secret", "provider", "rate_limit"],
    ),
    // The command line's client has no runtime and no TLS: nothing that would bring them in.
    confined("client", 4, &["os", "contract", "error", "secret", "clock"]),
    confined("log", 4, &["error"]),
    // The desktop's door.
    confined("attention", 4, &["broker", "os", "contract"]),
    // The practice provider proves nothing if it shares code with what it tests.
    confined("sandbox", 4, &["secret", "clock"]),
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

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Files that are compiled for tests only are named so.
        let of_tests =
            name == "tests" || name == "tests.rs" || name.ends_with("_test.rs") || name.ends_with("_tests.rs");
        if path.is_dir() && !of_tests {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") && !of_tests {
            found.push(path);
        }
    }
}

/// With those of the tests.
fn every_source(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            every_source(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file: no comments, no strings' ends, nothing from the test module on.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    shipped.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Every `crate::X` in `code`, grouped imports included, with what follows it.
fn mentions(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let items: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![rest.split([';', ' ', ',', ')', '(', '<', '>', '\n']).next().unwrap_or_default()],
        };
        for item in items {
            let (module, path) = item.split_once("::").unwrap_or((item, ""));
            let module: String = module.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // Modules are lower case: what is not is a type of an inline module's parent.
            if module.starts_with(|c: char| c.is_ascii_lowercase()) {
                found.push((module, path.to_owned()));
            }
        }
    }
    found
}

/// Chains of `super` that lead out of a top-level module are `crate` in disguise. `depth`: 1 for `src/x.rs`.
fn plainly(code: &str, depth: usize) -> String {
    let chain = "super::".repeat(depth);
    code.replace(&chain, "crate::")
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

/// Whether `path` is `name`, or something in the module `name`.
fn is_in(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn a_module_knows_only_the_floors_below_it() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut wrong = BTreeSet::new();
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let relative = file.strip_prefix(root()).unwrap();
        let name =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if name == "lib" || name == "main" {
            continue;
        }
        let Some(from) = MODULES.iter().find(|module| module.name == name) else {
            wrong.insert(format!("{}: `{name}` is not in the table of floors", relative.display()));
            continue;
        };
        let code = plainly(&code(&std::fs::read_to_string(file).unwrap()), relative.components().count());
        for (to, path) in mentions(&code) {
            if to == name {
                continue;
            }
            edges.entry(name.clone()).or_default().insert(to.clone());
            if let Some(why) = reason(from, &to) {
                wrong.insert(format!("{}: uses `crate::{to}`, but {why}", relative.display()));
            }
            let types_only = TYPES_ONLY.iter().find(|(f, t, _)| *f == name && *t == to);
            if let Some((.., names)) = types_only.filter(|(.., names)| !names.iter().any(|name| is_in(&path, name))) {
                wrong.insert(format!("{}: of `{to}` only {names:?} may be used, not `{path}`", relative.display()));
            }
        }
    }
    assert!(files.len() > 60 && edges.len() > 12, "the sources were not found: {edges:?}");
    let list: Vec<&String> = wrong.iter().collect();
    assert!(wrong.is_empty(), "edges that the floors do not allow:\n{list:#?}");
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
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(root()).unwrap().to_owned();
        let name =
            relative.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if MODULES.iter().any(|module| module.floor == 1 && module.name == name) {
            let code = code(&std::fs::read_to_string(&file).unwrap());
            wrong.extend(
                impure
                    .iter()
                    .filter(|word| code.contains(**word))
                    .map(|word| format!("{}: {word}", relative.display())),
            );
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
            &["provider/client.rs", "provider/wire.rs", "cli/demo/visitor.rs", "cli/demo/click.rs"][..],
        ),
        (
            "failpoint::reach",
            &["store/file.rs", "store/rekey.rs", "store/rekey_plan.rs", "provider/wire.rs", "apps/change.rs"],
        ),
        ("println!", &[]),
    ] {
        let mut files = Vec::new();
        sources(&root(), &mut files);
        for file in files {
            let relative = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let has = code(&std::fs::read_to_string(&file).unwrap()).contains(word);
            assert!(
                !has || places.contains(&relative.as_str()),
                "{relative} has `{word}`, which belongs to {places:?}"
            );
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
    every_source(&root(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        if relative == "os.rs" || relative.starts_with("os/") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        wrong.extend(systems.iter().filter(|word| text.contains(**word)).map(|word| format!("{relative}: {word}")));
    }
    assert!(wrong.is_empty(), "put what differs by system below `os`: {wrong:#?}");
}

#[test]
fn the_reader_of_the_sources_sees_every_way_to_name_a_module() {
    let text = "use crate::a::B;\nuse crate::{c::D, e};\nlet x = crate::f::g(); // crate::no\nuse super::super::h::I;\n\
                #[cfg(test)]\nmod tests {\n use crate::no; }";
    let seen: Vec<String> = mentions(&plainly(&code(text), 2)).into_iter().map(|(module, _)| module).collect();
    assert_eq!(seen, ["a", "c", "e", "f", "h"]);
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
