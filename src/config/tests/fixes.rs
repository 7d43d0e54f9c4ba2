//! Which mistakes and warnings have a certain fix, and what it does to the text.

use std::path::Path;

use crate::config::{ConfigError, ConfigFix, FilePrivacy, ProviderFile, Sources, apply_edits, assemble};

/// The fixes of a config that others can read.
fn fixes(text: &str, providers: &[ProviderFile]) -> Vec<ConfigFix> {
    let privacy = FilePrivacy::Exposed { mode: 0o644 };
    let parsed = assemble(&Sources { text, path: Path::new("/c"), privacy, home: None, providers });
    let warnings = parsed.config.iter().flat_map(|config| &config.warnings);
    parsed.mistakes.iter().chain(warnings).filter_map(ConfigError::fix).cloned().collect()
}

/// The text below accounts `a` and `b` of the providers `p` and `q`.
macro_rules! below_two {
    ($text:literal) => {
        concat!("[accounts.a]\nprovider = \"p\"\n[accounts.b]\nprovider = \"q\"\n", $text)
    };
}

/// What a row is about, the text, and what would be done.
const TABLE: &[(&str, &str, &[&str])] = &[
    ("a typo is only likely", "[accounts.a]\nprovidr = \"p\"\n", &[]),
    ("one section has the key", "wait = 1\n", &["move `wait` to `serve.wait`"]),
    ("in another section", "[store]\nmin_ttl = 1\n", &["move `store.min_ttl` to `serve.min_ttl`"]),
    ("by dots", "store.min_ttl = 1\n", &["move `store.min_ttl` to `serve.min_ttl`"]),
    ("below a header", "[serve]\ndefault_account = \"a\"\n", &["move `serve.default_account` to `default_account`"]),
    ("several sections have the key", "variables = {}\n[accounts.a]\nprovider = \"p\"\n", &[]),
    ("it is set there already", "wait = 1\n[serve]\nwait = 2\n", &[]),
    ("the only account", "scope = \"x\"\n[accounts.a]\n", &["move `scope` to `accounts.a.scope`"]),
    ("a name in quotes", "scope = \"x\"\n[accounts.\"a.b\"]\n", &["move `scope` to `accounts.\"a.b\".scope`"]),
    ("one of two accounts", "scope = \"x\"\n[accounts.a]\n[accounts.b]\n", &[]),
    ("no account", "scope = \"x\"\n", &[]),
    (
        "the provider's only account",
        below_two!("[providers.q]\nscope = \"x\"\n"),
        &["move `providers.q.scope` to `accounts.b.scope`"],
    ),
    ("a provider that no account has", below_two!("[providers.r]\nscope = \"x\"\n"), &[]),
    (
        "the account's own provider",
        below_two!("[accounts.c]\nprovider = \"r\"\npkce = \"off\"\n"),
        &["move `accounts.c.pkce` to `providers.r.pkce`"],
    ),
    ("a provider of several accounts", below_two!("[accounts.c]\nprovider = \"p\"\npkce = \"off\"\n"), &[]),
    ("an account without a provider", below_two!("[accounts.c]\npkce = \"off\"\n"), &[]),
    ("one of two providers", below_two!("[serve]\npkce = \"off\"\n"), &[]),
    ("the only provider", "pkce = \"off\"\n[accounts.a]\nprovider = \"p\"\n", &["move `pkce` to `providers.p.pkce`"]),
    ("a table", "[accounts.a.listen]\ntcp = []\n", &[]),
    (
        "a secret that others can read",
        "[accounts.a]\nprovider = \"gitlab\"\nclient_id = \"i\"\nclient_secret = \"s\"\n",
        &["close the file to others (mode 0600)"],
    ),
];

#[test]
fn what_is_certain_has_a_fix() {
    for (name, text, expected) in TABLE {
        let found: Vec<String> = fixes(text, &[]).iter().map(ToString::to_string).collect();
        assert_eq!(found, *expected, "{name}");
    }
}

#[test]
fn files_of_providers_are_left_alone() {
    let text = Ok("token_url = \"https://h/t\"\nscope = \"x\"\n".to_owned());
    let files = [ProviderFile { name: "p".into(), path: "/providers/p.toml".into(), text }];
    assert_eq!(fixes("[accounts.a]\nprovider = \"p\"\n", &files), []);
}

#[test]
fn a_fix_keeps_comments_order_and_the_spelling_of_the_value() {
    let names = |path: &[&str]| path.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let relocate = |from: &[&str], to: &[&str]| ConfigFix::Move { from: names(from), to: names(to) };
    for (name, text, fix, expected) in [
        (
            "with the comments beside and above it",
            "# mine\n\n# for the list\nscope = [\n  \"a\", # one\n] # all\n\n[accounts.w]\nprovider = 'p' # theirs\n# the end\n",
            relocate(&["scope"], &["accounts", "w", "scope"]),
            "# mine\n\n\n[accounts.w]\nprovider = 'p' # theirs\n# for the list\nscope = [\n  \"a\", # one\n] # all\n# the end\n",
        ),
        (
            "a comment about the file stays",
            "# about the file\nscope='a'\n[accounts.w]\nb = 1\n",
            relocate(&["scope"], &["accounts", "w", "scope"]),
            "# about the file\n[accounts.w]\nb = 1\nscope='a'\n",
        ),
        (
            "to the top, without a line feed at the end",
            "[serve]\nwait = 1\n  default_account = \"w\"",
            relocate(&["serve", "default_account"], &["default_account"]),
            "default_account = \"w\"\n\n[serve]\nwait = 1\n",
        ),
        (
            "into a section that is not there",
            "[accounts.w]\r\nprovider = \"p\"\r\npkce = \"off\"\r\n",
            relocate(&["accounts", "w", "pkce"], &["providers", "p", "pkce"]),
            "[accounts.w]\r\nprovider = \"p\"\r\n\r\n[providers.p]\r\npkce = \"off\"\r\n",
        ),
        (
            "by dots",
            "store.wait = 1 # s\nb = 2\n[serve]\n",
            relocate(&["store", "wait"], &["serve", "wait"]),
            "b = 2\n[serve]\nwait = 1 # s\n",
        ),
        (
            "a name",
            "[accounts.w]\n\"old name\"  =  1 # why\n",
            ConfigFix::Rename { from: names(&["accounts", "w", "old name"]), to: "new_name" },
            "[accounts.w]\nnew_name  =  1 # why\n",
        ),
    ] {
        let edited = apply_edits(text, &[fix.edit().unwrap()]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*edited, expected, "{name}");
    }
}

#[test]
fn what_can_not_be_moved_alone_is_left_alone() {
    for (text, from, to) in [
        ("a = { scope = 1, b = 2 }\n", ["a", "scope"], ["b", "scope"]),
        ("[a.scope]\nx = 1\n", ["a", "scope"], ["b", "scope"]),
        ("a.scope.x = 1\n", ["a", "scope"], ["b", "scope"]),
        ("[a]\nscope = 1\n[b]\nscope = 2\n", ["a", "scope"], ["b", "scope"]),
        ("b = { c = 1 }\n[a]\nscope = 1\n", ["a", "scope"], ["b", "scope"]),
        ("[a]\n", ["a", "scope"], ["b", "scope"]),
    ] {
        let fix = ConfigFix::Move { from: from.map(str::to_owned).into(), to: to.map(str::to_owned).into() };
        assert!(apply_edits(text, &[fix.edit().unwrap()]).is_err(), "{text}");
    }
}
