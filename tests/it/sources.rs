//! Parses the sources for tests of their structure: the files, and the modules that each file uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path below its crate's root; empty for `lib.rs` and `main.rs`.
pub(crate) type ModulePath = Vec<String>;

/// A file of shipped code.
pub(crate) struct Source {
    /// The crate's folder below `crates/`; empty for the root package.
    pub(crate) package: String,
    /// Relative to the repository, such as `src/http/gate.rs`.
    pub(crate) file: String,
    /// The module that it defines.
    pub(crate) module: ModulePath,
    /// The whole text.
    pub(crate) text: String,
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file in `folder`.
pub(crate) fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// Whether a file is compiled for tests only, according to its path.
pub(crate) fn is_of_tests(file: &Path) -> bool {
    file.iter()
        .filter_map(|part| part.to_str())
        .any(|name| name == "tests" || name == "tests.rs" || name.ends_with("_test.rs") || name.ends_with("_tests.rs"))
}

/// The packages: folder name below `crates/` (empty for the root package), and path.
pub(crate) fn packages() -> Vec<(String, PathBuf)> {
    let crates = std::fs::read_dir(repository().join("crates")).into_iter().flatten();
    let members = crates.map(|entry| entry.unwrap().path()).filter(|path| path.join("src").is_dir());
    let named = members.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    std::iter::once((String::new(), repository().to_owned())).chain(named).collect()
}

/// A path relative to the repository, for messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap().to_str().unwrap().to_owned()
}

/// Every file of shipped code, of all packages.
pub(crate) fn sources() -> Vec<Source> {
    let mut all = Vec::new();
    for (package, folder) in packages() {
        let (mut files, root) = (Vec::new(), folder.join("src"));
        rust_files(&root, &mut files);
        files.retain(|file| !is_of_tests(file.strip_prefix(&root).unwrap()));
        all.extend(files.into_iter().map(|path| {
            let below = path.strip_prefix(&root).unwrap().with_extension("");
            let mut module: ModulePath = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if module == ["lib"] || module == ["main"] {
                module.clear();
            }
            let text = std::fs::read_to_string(&path).unwrap();
            Source { package: package.clone(), file: shown(&path), module, text }
        }));
    }
    assert!(all.len() > 60, "the sources were not found");
    all
}

/// The code of a file without comments and without its test module.
pub(crate) fn code(text: &str) -> String {
    shipped(text).lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn shipped(text: &str) -> &str {
    let begins = |line: &str| line == "mod tests {";
    let end: usize = text.lines().take_while(|line| !begins(line)).map(|line| line.len() + 1).sum();
    text.get(..end).unwrap_or(text)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Separator,
    Other(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// The tokens of a text, without comments, strings, characters and number suffixes.
fn tokens(text: &str) -> Vec<Token> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("//") {
            2 + comment.find('\n').unwrap_or(comment.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            2 + comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else if first.is_alphanumeric() || first == '_' {
            let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let length = word.len();
            found.push(Token::Word(word));
            length
        } else if rest.starts_with("::") {
            found.push(Token::Separator);
            2
        } else {
            if !first.is_whitespace() {
                found.push(Token::Other(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// The length of the raw string at the start of `text`.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let body = after.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(after.len() - body.len()));
    let inside = body.strip_prefix('"')?;
    Some(text.len() - inside.len() + inside.find(&end)? + end.len())
}

/// The length of the string or character at the start of `text`.
fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a quote starts a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut after = text.chars().skip(1);
    matches!((after.next(), after.next()), (Some('\\'), _) | (_, Some('\'')))
}

/// The paths that a `use` declaration imports, with their local names.
fn use_tree(tokens: &[Token], at: &mut usize, prefix: &[String], named: &mut Vec<(ModulePath, String)>) {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(*at) {
            Some(Token::Word(word)) if word == "as" => {
                *at += 1;
                if let Some(Token::Word(alias)) = tokens.get(*at) {
                    named.push((path, alias.clone()));
                    *at += 1;
                }
                return;
            }
            Some(Token::Word(word)) if word == "self" && !path.is_empty() => *at += 1,
            Some(Token::Word(word)) => {
                path.push(word.clone());
                *at += 1;
            }
            Some(Token::Separator) => *at += 1,
            Some(Token::Other('*')) => {
                *at += 1;
                named.push((path, "*".into()));
                return;
            }
            Some(Token::Other('{')) => {
                *at += 1;
                while !matches!(tokens.get(*at), None | Some(Token::Other('}'))) {
                    use_tree(tokens, at, &path, named);
                    if tokens.get(*at) == Some(&Token::Other(',')) {
                        *at += 1;
                    }
                }
                *at += 1;
                return;
            }
            _ => {
                let name = path.last().cloned().unwrap_or_default();
                named.push((path, name));
                return;
            }
        }
    }
}

/// Every path that the code of `module` uses, relative to the crate's root. `modules`: all modules.
pub(crate) fn names(text: &str, module: &[String], modules: &BTreeSet<ModulePath>) -> BTreeSet<ModulePath> {
    let tokens = tokens(shipped(text));
    let (mut imported, mut written, mut at) = (Vec::new(), Vec::new(), 0);
    while at < tokens.len() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let follows_path = matches!(before, Some(Token::Separator | Token::Other('$')));
        // `pub(in PATH)` restricts visibility and uses nothing.
        let restricts = before.is_some_and(|token| token.is("in"))
            && at.checked_sub(2).and_then(|before| tokens.get(before)) == Some(&Token::Other('('));
        if tokens[at].is("use") && matches!(tokens.get(at + 1), Some(Token::Word(_))) {
            at += 1;
            use_tree(&tokens, &mut at, &[], &mut imported);
        } else if matches!(tokens[at], Token::Word(_)) && !follows_path {
            let mut path = Vec::new();
            while let Some(Token::Word(word)) = tokens.get(at) {
                path.push(word.clone());
                at += 1;
                if tokens.get(at) != Some(&Token::Separator) || !matches!(tokens.get(at + 1), Some(Token::Word(_))) {
                    break;
                }
                at += 1;
            }
            if path.len() > 1 && !restricts {
                written.push(path);
            }
        } else {
            at += 1;
        }
    }
    let mut aliases = BTreeMap::new();
    let mut found = BTreeSet::new();
    for (path, name) in &imported {
        if let Some(target) = resolved(path, module, modules, &BTreeMap::new()) {
            if modules.contains(&target) {
                aliases.insert(name.clone(), target.clone());
            }
            found.insert(target);
        }
    }
    found.extend(written.iter().filter_map(|path| resolved(path, module, modules, &aliases)));
    found
}

/// Resolves a path written in `module` relative to the crate's root; `None` if it leaves the crate.
fn resolved(
    path: &[String],
    module: &[String],
    modules: &BTreeSet<ModulePath>,
    aliases: &BTreeMap<String, ModulePath>,
) -> Option<ModulePath> {
    let (first, rest) = path.split_first()?;
    let below = |base: &[String], rest: &[String]| Some([base, rest].concat());
    let child = below(module, std::slice::from_ref(first));
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => below(module, rest),
        "super" => {
            let more = rest.iter().take_while(|segment| *segment == "super").count();
            below(module.get(..module.len().checked_sub(1 + more)?)?, &rest[more..])
        }
        _ if child.as_ref().is_some_and(|child| modules.contains(child)) => below(module, path),
        first => below(aliases.get(first)?, rest),
    }
}

/// The modules of a package that have a file.
pub(crate) fn modules(sources: &[Source], package: &str) -> BTreeSet<ModulePath> {
    sources.iter().filter(|source| source.package == package).map(|source| source.module.clone()).collect()
}

fn path(text: &str) -> ModulePath {
    text.split("::").map(str::to_owned).collect()
}

#[test]
fn the_parser_sees_every_way_to_use_a_module() {
    let modules: BTreeSet<ModulePath> = ["own", "own::child", "own::beside", "a", "c", "g", "n"].map(path).into();
    let text = "use crate::a::B;\nuse crate::{c::{D, E as F}, g};\nlet x = crate::f::g(); // crate::no\n\
                use super::super::h::I;\nuse super::beside::{self, J};\nuse child::K;\nuse std::fmt;\n\
                pub(in crate::no) fn l() -> impl use<'a> { g::m('\"', \"crate::no\", r#\"crate::\"no\"#, $crate::no) }\n\
                for x in crate::n::O::P { self::q(); std::mem::take::<crate::r::S>(1) }\n\
                #[cfg(test)]\nmod tests {\n use crate::no; }";
    // Above the `super` of a top-level module there is nothing in the crate.
    let wanted = [
        "a::B",
        "c::D",
        "c::E",
        "g",
        "f::g",
        "g::m",
        "n::O::P",
        "own::q",
        "r::S",
        "own::child::K",
        "beside",
        "beside::J",
    ];
    assert_eq!(names(text, &path("own"), &modules), wanted.map(path).into());
    let below = names("use super::super::h::I;\nuse super::beside::{self, J};", &path("own::child"), &modules);
    assert_eq!(below, ["h::I", "own::beside", "own::beside::J"].map(path).into());
}
