//! Edits of the file's text: what they change, and that nothing else changes.

use proptest::prelude::*;
use toml::Value;

use crate::config::{ConfigEdit, EditError, apply_edits, example, without_secrets};

fn set(path: &[&str], value: &str) -> ConfigEdit {
    ConfigEdit::set(path, toml::from_str::<toml::Table>(&format!("v = {value}")).unwrap()["v"].clone())
}

fn remove(path: &[&str]) -> ConfigEdit {
    ConfigEdit::remove(path)
}

const A: &str = "accounts";

/// What a row is about, the text, the edits, and the text that they make.
type Row = (&'static str, &'static str, Vec<ConfigEdit>, &'static str);

fn check(rows: Vec<Row>) {
    for (name, text, edits, expected) in rows {
        let edited = apply_edits(text, &edits).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*edited, expected, "{name}");
    }
}

#[test]
fn keys_are_set_and_removed_and_comments_and_order_stay() {
    check(vec![
        (
            "a new section goes to the end",
            "# top\n[listen]\ntcp = []   # none\n\n# the end\n",
            vec![set(&[A, "work", "provider"], r#""google""#), set(&[A, "work", "scope"], r#"["a", "b"]"#)],
            "# top\n[listen]\ntcp = []   # none\n\n# the end\n\n[accounts.work]\nprovider = \"google\"\nscope = [\"a\", \"b\"]\n",
        ),
        ("an empty file", "", vec![set(&[A, "a.b", "x"], "1")], "[accounts.\"a.b\"]\nx = 1\n"),
        ("without a line feed at its end", "a = 1", vec![set(&[A, "w", "x"], "1")], "a = 1\n\n[accounts.w]\nx = 1\n"),
        (
            "a value is replaced where it stands",
            "[accounts.w]\nz = 1 # last\n  client_id  =  'old'   # why\nb = 2\n",
            vec![set(&[A, "w", "client_id"], r#""new""#)],
            "[accounts.w]\nz = 1 # last\n  client_id  =  \"new\"   # why\nb = 2\n",
        ),
        (
            "a value of several lines",
            "[accounts.w]\nscope = [\n  \"a\", # one\n  \"b\",\n] # all\nb = 2\n",
            vec![set(&[A, "w", "scope"], r#"["c"]"#)],
            "[accounts.w]\nscope = [\"c\"] # all\nb = 2\n",
        ),
        (
            "a new key goes behind the last one of its section",
            "[accounts.w]\na = \"\"\"\nx\n\"\"\" # text\n# b = 7\n\n[accounts.w.variables]\nt = \"1\"\n[listen]\n",
            vec![set(&[A, "w", "c"], "3")],
            "[accounts.w]\na = \"\"\"\nx\n\"\"\" # text\nc = 3\n# b = 7\n\n[accounts.w.variables]\nt = \"1\"\n[listen]\n",
        ),
        (
            "a section without keys",
            "[accounts.w] # mine\n",
            vec![set(&[A, "w", "c"], "3")],
            "[accounts.w] # mine\nc = 3\n",
        ),
        (
            "dots in keys",
            "[accounts]\nw.a = 1 # one\nv.a = 2\nw.b = 3\n",
            vec![set(&[A, "w", "b"], "4"), remove(&[A, "w", "a"])],
            "[accounts]\nv.a = 2\nw.b = 4\n",
        ),
        (
            "a table of its own becomes one value",
            "[accounts.w]\na = 1\n\n# tenant\n[accounts.w.variables]\nt = \"1\"\n\n[listen]\n",
            vec![set(&[A, "w", "variables"], r#"{ t = "2" }"#)],
            "[accounts.w]\na = 1\nvariables = { t = \"2\" }\n\n[listen]\n",
        ),
        (
            "a key is removed with its line",
            "[accounts.w]\na = 1\nscope = [\n \"x\",\n]\n# about b\nb = 2\n",
            vec![remove(&[A, "w", "scope"]), remove(&[A, "w", "none"]), remove(&[A, "v"])],
            "[accounts.w]\na = 1\n# about b\nb = 2\n",
        ),
    ]);
}

#[test]
fn sections_are_removed_with_their_own_comments_alone() {
    check(vec![
        (
            "with its token files",
            "[accounts.a]\nx = 1\n\n[[accounts.a.file]]\npath = \"/1\"\n\n[[accounts.a.file]]\npath = \"/2\"\n\n[accounts.b]\nx = 2\n",
            vec![remove(&[A, "a"])],
            "[accounts.b]\nx = 2\n",
        ),
        (
            "its token files alone",
            "[accounts.a]\nx = 1\n\n# one\n[[accounts.a.file]]\npath = \"/1\"\n[[accounts.a.file]]\npath = \"/2\"\n\n# of b\n[accounts.b]\nx = 2\n",
            vec![remove(&[A, "a", "file"])],
            "[accounts.a]\nx = 1\n\n# of b\n[accounts.b]\nx = 2\n",
        ),
        (
            "a section is removed with its own comments alone",
            "# file\n\n[accounts.a]\nx = 1\n# y = 2 of a\n\n# not of b\n\n# of b\n[accounts.b]\nx = 1\n# inside\ny = 2\n# z = 3\n\n# of c\n[accounts.c]\nx = 1\n",
            vec![remove(&[A, "b"])],
            "# file\n\n[accounts.a]\nx = 1\n# y = 2 of a\n\n# not of b\n\n# of c\n[accounts.c]\nx = 1\n",
        ),
        (
            "the last section, with what is below it",
            "# about this file\n[accounts.a]\nx = 1\n\n[accounts.b.variables]\nt = \"1\"\n[accounts.b]\nx = 1\n\n\n",
            vec![remove(&[A, "b"])],
            "# about this file\n[accounts.a]\nx = 1\n\n",
        ),
        (
            "a comment in the first line stays",
            "# about this file\n[accounts.a]\nx = 1\n",
            vec![remove(&[A, "a"])],
            "# about this file\n",
        ),
        (
            "a comment that leads on belongs to the next",
            "[accounts.a]\nx = 1\n# of b\n[accounts.b]\ny = 1\n",
            vec![remove(&[A, "a"])],
            "# of b\n[accounts.b]\ny = 1\n",
        ),
    ]);
}

#[test]
fn keys_of_the_top_stand_above_the_first_header_and_line_ends_stay() {
    check(vec![
        (
            "a key of the top, above the first header and its comment",
            "#:schema ./s.json\n\n# about listen\n[listen]\ntcp = []\n",
            vec![set(&["default_account"], r#""w""#)],
            "#:schema ./s.json\n\ndefault_account = \"w\"\n\n# about listen\n[listen]\ntcp = []\n",
        ),
        (
            "a key of the top, where a comment shows it",
            "# names\n#default_account = \"work\"\n\n#[listen]\n\n[accounts.w]\nx = 1\n",
            vec![set(&["default_account"], r#""w""#)],
            "# names\n#default_account = \"work\"\ndefault_account = \"w\"\n\n#[listen]\n\n[accounts.w]\nx = 1\n",
        ),
        (
            "a key of the top, behind others",
            "other = 1 # x\n# c\n[accounts.w]\nx = 1\n",
            vec![set(&["default_account"], r#""w""#)],
            "other = 1 # x\ndefault_account = \"w\"\n# c\n[accounts.w]\nx = 1\n",
        ),
        (
            "line ends of Windows",
            "[accounts.w]\r\na = 1\r\n",
            vec![set(&[A, "w", "b"], "2"), set(&[A, "v", "c"], "3")],
            "[accounts.w]\r\na = 1\r\nb = 2\r\n\r\n[accounts.v]\r\nc = 3\r\n",
        ),
        (
            "text that TOML has to escape",
            "",
            vec![ConfigEdit::set(&[A, "w", "x"], "a\"b\\c\n[d]")],
            "[accounts.w]\nx = '''\na\"b\\c\n[d]'''\n",
        ),
    ]);
}

#[test]
fn what_the_file_says_already_keeps_its_form() {
    check(vec![
        (
            "quotes and comments",
            "[accounts.w]\nx = 'a' # c\ny = [\n  \"b\", # needed\n]\n",
            vec![set(&[A, "w", "x"], r#""a""#), set(&[A, "w", "y"], r#"["b"]"#), remove(&[A, "w", "z"])],
            "[accounts.w]\nx = 'a' # c\ny = [\n  \"b\", # needed\n]\n",
        ),
        ("dots", "accounts.w.x = 1\n", vec![set(&[A, "w", "x"], "1")], "accounts.w.x = 1\n"),
    ]);
}

#[test]
fn what_cannot_be_changed_alone_is_refused() {
    let form = |what: &str| EditError::Form(what.into());
    for (text, edit, error) in [
        ("a = ", remove(&["a"]), EditError::NotToml),
        ("accounts = { w = { x = 1 } }\n", set(&[A, "w", "y"], "2"), form("accounts.w.y")),
        ("accounts = { w = { x = 1, y = 2 } }\n", remove(&[A, "w", "x"]), form("accounts.w.x")),
        ("accounts = { w = { x = 1 }, v = { x = 1 } }\n", remove(&[A, "v"]), form("accounts.v")),
        ("[accounts]\nw = { x = 1 }\n", set(&[A, "w", "y"], "2"), form("accounts.w.y")),
        ("accounts = 1\n", set(&[A, "a.b", "y"], "2"), form("accounts.\"a.b\".y")),
    ] {
        assert_eq!(edit.apply(text).unwrap_err(), error, "{text}");
    }
    // A value inside an inline table can be replaced in its place.
    let edited = set(&[A, "w", "x"], "2").apply("[accounts]\nw = { x = 1, y = 2 } # c\n").unwrap();
    assert_eq!(*edited, "[accounts]\nw = { x = 2, y = 2 } # c\n");
}

#[test]
fn an_account_that_is_added_and_removed_leaves_the_file_as_it_was() {
    let files = [
        example(),
        "# c\n\n[accounts.a]\nx = 1 # y\n\n# the end\n".to_owned(),
        "default_account = \"a\"\r\n\r\n[accounts.a]\r\nx = 1\r\n".to_owned(),
        String::new(),
    ];
    for file in files {
        let added = apply_edits(&file, &[set(&[A, "new", "provider"], r#""google""#), set(&[A, "new", "scope"], "[]")]);
        let removed = remove(&[A, "new"]).apply(&added.unwrap()).unwrap();
        assert_eq!(*removed, file);
    }
}

#[test]
fn secrets_are_hidden_and_lines_stay() {
    let text = "[accounts.w]\nclient_secret = \"canary\" # c\nclient_secret_command = [\n \"p\",\n \"canary\"\n]\nhook = [\"canary\"]\nx = 1\n[accounts.v]\nclient_secret = '''\ncanary'''\n";
    let hidden = without_secrets(text, false);
    assert!(!hidden.contains("canary") && hidden.lines().count() == text.lines().count(), "{hidden}");
    assert!(hidden.starts_with("[accounts.w]\nclient_secret = \"[hidden]\" # c\n") && hidden.contains("\nx = 1\n"));
    let shown = without_secrets(text, true);
    assert!(shown.contains("hook = [\"canary\"]\n") && !shown.contains("client_secret = \"canary\""), "{shown}");
}

/// Lines that a config file can have, so that they can stand in any order.
fn any_file() -> impl Strategy<Value = String> {
    let section = (0..5_usize, prop::collection::vec(0..7_usize, 0..6));
    prop::collection::vec(section, 0..5).prop_map(|sections| {
        let mut text = String::new();
        let mut seen = std::collections::BTreeSet::new();
        for (header, lines) in sections {
            if seen.insert(header) {
                text.push_str(
                    ["", "[accounts.a]\n", "[ accounts . b ] # b\n", "[listen]\n", "[accounts.a.variables]\n"][header],
                );
                if header == 0 && seen.len() > 1 {
                    text.push_str("[store]\n");
                }
            }
            let mut keys = std::collections::BTreeSet::new();
            for line in lines {
                if line < 3 || keys.insert(line) && seen.len() == 1 {
                    text.push_str(
                        [
                            "# c\n",
                            "\n",
                            "  # d = 1\n",
                            "k = 1 # k\n",
                            "m = [\n 1, # one\n]\n",
                            "n.o = 1\n",
                            "n.p = '''\n[x]\n'''\n",
                        ][line],
                    );
                }
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn every_edit_means_what_was_asked_for_or_is_refused(text in any_file(), value in "[ -~\n]{0,9}") {
        for path in [&["x"][..], &[A, "a", "x"], &[A, "b", "k"], &[A, "c", "x"], &["n"], &[A, "a"], &[A, "a", "variables", "k"]] {
            for edit in [ConfigEdit::set(path, value.as_str()), ConfigEdit::remove(path)] {
                let Ok(edited) = edit.apply(&text) else { continue };
                let read: toml::Table = toml::from_str(&edited).unwrap();
                let found = path.iter().try_fold(&Value::Table(read), |at, name| at.get(name).ok_or(())).cloned();
                if edit == ConfigEdit::remove(path) {
                    prop_assert!(found.is_err());
                } else {
                    prop_assert_eq!(found, Ok(Value::String(value.clone())));
                }
            }
        }
    }
}
