//! No dependency cycles between the files of a module, direct or indirect. A parent (`http.rs`) is a file too: what its
//! children share belongs in a file below them, and the parent composes.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{self, ModulePath, Source};

/// Groups of files that still have cycles: top-level modules of the root package, and crates.
const NOT_YET: &[&str] = &[];

type Graph = BTreeMap<ModulePath, BTreeSet<ModulePath>>;

/// The file that defines `name`: that of its longest module prefix.
fn file_of<'a>(name: &'a [String], modules: &BTreeSet<ModulePath>) -> &'a [String] {
    (0..=name.len()).rev().map(|length| &name[..length]).find(|module| modules.contains(*module)).unwrap_or_default()
}

/// The group that a file is checked in: its top-level module, or its crate below `crates/`.
fn group(package: &str, module: &[String]) -> Option<String> {
    if package.is_empty() { module.first().cloned() } else { Some(package.to_owned()) }
}

/// Which file uses which, for each group.
fn graphs(sources: &[Source]) -> BTreeMap<String, Graph> {
    let mut graphs: BTreeMap<String, Graph> = BTreeMap::new();
    for source in sources {
        let Some(own) = group(&source.package, &source.module) else { continue };
        let modules = sources::modules(sources, &source.package);
        let used = sources::names(&source.text, &source.module, &modules);
        let used = used.iter().map(|name| file_of(name, &modules).to_vec());
        let inside = |used: &ModulePath| group(&source.package, used).as_ref() == Some(&own) && *used != source.module;
        // A crate's `lib.rs` and `main.rs` count as one file.
        graphs.entry(own.clone()).or_default().entry(source.module.clone()).or_default().extend(used.filter(inside));
    }
    graphs
}

/// All files that `from` uses, directly or indirectly.
fn reachable(graph: &Graph, from: &ModulePath) -> BTreeSet<ModulePath> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&ModulePath> = graph[from].iter().collect();
    while let Some(file) = next.pop() {
        if found.insert(file.clone()) {
            next.extend(graph.get(file).into_iter().flatten());
        }
    }
    found
}

/// The edges that are part of a cycle: their ends are strongly connected.
fn circles(graph: &Graph) -> Vec<String> {
    let reach: BTreeMap<&ModulePath, BTreeSet<ModulePath>> =
        graph.keys().map(|file| (file, reachable(graph, file))).collect();
    let shown = |file: &ModulePath| if file.is_empty() { "lib".to_owned() } else { file.join("/") };
    let edges = graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let closed = edges.filter(|(from, to)| reach.get(to).is_some_and(|reached| reached.contains(*from)));
    closed.map(|(from, to)| format!("{}.rs uses {}.rs", shown(from), shown(to))).collect()
}

#[test]
fn no_two_files_of_a_module_use_each_other() {
    let graphs = graphs(&sources::sources());
    assert!(graphs.len() > 12 && graphs.values().flatten().any(|(_, used)| !used.is_empty()), "no imports were found");
    for (group, graph) in &graphs {
        let circles = circles(graph);
        if NOT_YET.contains(&group.as_str()) {
            assert!(!circles.is_empty(), "`{group}` no longer has cycles: remove it from the list");
        } else {
            assert!(circles.is_empty(), "`{group}` has cycles between its files:\n{circles:#?}");
        }
    }
    let gone: Vec<_> = NOT_YET.iter().filter(|group| !graphs.contains_key(**group)).collect();
    assert!(gone.is_empty(), "these modules no longer exist: remove them from the list: {gone:?}");
}

#[test]
fn only_the_edges_of_a_cycle_are_found() {
    let path = |text: &str| text.split("::").map(str::to_owned).collect::<ModulePath>();
    let source = |package: &str, module: &str, text: &str| Source {
        package: package.into(),
        file: String::new(),
        module: if module.is_empty() { Vec::new() } else { path(module) },
        text: text.into(),
    };
    let sources = [
        source("", "", "mod a;"),
        source("", "a", "mod b; mod c; use b::B; use crate::other::O;"),
        source("", "a::b", "use super::c::C; use super::c::d::D;"),
        source("", "a::c", "mod d; fn f() { d::f(super::A) }"),
        source("", "a::c::d", "use crate::other::O;"),
        source("", "other", "use crate::a::A;"),
        source("member", "", "mod x; pub use x::X;"),
        source("member", "x", "use crate::X;"),
    ];
    let graphs = graphs(&sources);
    assert_eq!(circles(&graphs["a"]), ["a.rs uses a/b.rs", "a/b.rs uses a/c.rs", "a/c.rs uses a.rs"]);
    assert!(circles(&graphs["other"]).is_empty());
    assert_eq!(circles(&graphs["member"]), ["lib.rs uses x.rs", "x.rs uses lib.rs"]);
}
