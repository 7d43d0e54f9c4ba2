//! Which accounts stay usable despite mistakes, and the user's own presets.

use std::path::Path;

use super::super::{FilePrivacy, Parsed, ProviderFile, Sources, assemble};

fn file(name: &str, text: &str) -> ProviderFile {
    ProviderFile {
        name: name.into(),
        path: format!("/etc/rb/providers/{name}.toml").into(),
        text: text.strip_prefix("UNUSABLE ").map_or_else(|| Ok(text.to_owned()), |why| Err(why.to_owned())),
    }
}

fn put_together(text: &str, providers: &[ProviderFile]) -> Parsed {
    let path = Path::new("/etc/rb/config.toml");
    assemble(&Sources { text, path, privacy: FilePrivacy::Private, home: None, providers })
}

fn account(name: &str, provider: &str) -> String {
    format!("[accounts.{name}]\nprovider = \"{provider}\"\nclient_id = \"i\"\nclient_secret = \"s\"\n")
}

/// Names of the usable accounts, and the unusable ones with the reason.
fn standing(parsed: &Parsed) -> (Vec<&str>, Vec<(&str, &str)>) {
    let config = parsed.config.as_ref().unwrap_or_else(|| panic!("{}", parsed.mistakes));
    let broken = config.broken.iter().map(|(name, why)| (name.as_str(), why.as_str()));
    (config.accounts.keys().map(String::as_str).collect(), broken.collect())
}

#[test]
fn a_mistake_disables_only_the_accounts_that_it_concerns() {
    let good = account("good", "google");
    let urls = "authorize_url = \"https://h/a\"\ntoken_url = \"https://h/t\"\n";
    for (config, files, why) in [
        (account("bad", "nobody"), vec![], "config.toml:6:12: accounts.bad.provider: is `nobody`"),
        (
            format!("{}unknown = 1\n", account("bad", "google")),
            vec![],
            "config.toml:9:1: accounts.bad.unknown: is not a known key",
        ),
        ("accounts.bad = 1\n".into(), vec![], "accounts.bad: is an integer"),
        (
            format!("{}[providers.p]\n{urls}knob = 1\n", account("bad", "p")),
            vec![],
            "config.toml:12:1: providers.p.knob: is not a known key",
        ),
        (
            format!("{}[providers.p]\ntoken_url = \"http://example.com\"\n", account("bad", "p")),
            vec![],
            "providers.p.token_url: uses http, which is allowed on loopback only",
        ),
        (account("bad", "p"), vec![file("p", "knob = 1\n")], "providers/p.toml:1:1: knob: is not a known key"),
        (
            account("bad", "p"),
            vec![file("p", "token_url = \"https://h/#f\"\n")],
            "providers/p.toml:1:13: token_url: has a fragment",
        ),
        (
            account("bad", "p"),
            vec![file("p", "extra_token = { assertion = \"x\" }\npreset = \"zoom\"")],
            "providers/p.toml:1:15: extra_token: sets `assertion`",
        ),
        (account("bad", "p"), vec![file("p", "not toml")], "providers/p.toml:1:"),
        (
            account("bad", "p"),
            vec![file("p", "UNUSABLE everybody can change it")],
            "providers/p.toml:1:1: can't be used: everybody can change it",
        ),
        (account("bad", "p"), vec![file("p", "label = \"P\"")], "providers/p.toml:1:1: token_url: is missing"),
        (
            format!("{}[providers.q]\npreset = \"p\"\n{urls}", account("bad", "q")),
            vec![file("p", "knob = 1\n")],
            "providers/p.toml:1:1: knob: is not a known key",
        ),
    ] {
        // `accounts.bad = 1` must come before the first section.
        let text =
            if config.starts_with("accounts.bad") { format!("{config}{good}") } else { format!("{good}{config}") };
        let parsed = put_together(&text, &files);
        let (sound, broken) = standing(&parsed);
        assert_eq!(sound, ["good"], "{text}");
        let [("bad", told)] = broken.as_slice() else { panic!("{broken:?}\n{text}") };
        assert!(told.contains(why) && !told.contains('\n'), "{told}");
        assert!(parsed.mistakes.iter().any(|mistake| mistake.to_string() == **told), "{}", parsed.mistakes);
        assert!(parsed.strictly().is_err());
    }
}

#[test]
fn any_other_mistake_makes_the_config_unusable() {
    for text in [
        "lisen = 1\n",
        "[listen]\ntcp = 1\n",
        "[store]\nkey = 1\n",
        "default_account = \"x\"\n",
        "a = \n",
        "accounts = []\n",
    ] {
        let parsed = put_together(&format!("{text}{}", account("good", "google")), &[]);
        assert!(parsed.config.is_none() && parsed.mistakes.is_fatal(), "{text}");
    }
}

#[test]
fn a_broken_default_account_stays_the_default() {
    let text = format!("default_account = \"bad\"\n{}{}", account("bad", "nobody"), account("good", "google"));
    let config = put_together(&text, &[]).config.unwrap();
    assert_eq!(config.default_account.as_deref(), Some("bad"));
    let only = put_together(&account("bad", "nobody"), &[]).config.unwrap();
    assert_eq!((only.default_account.as_deref(), only.accounts.len()), (Some("bad"), 0));
}

#[test]
fn a_broken_account_takes_no_redirect_from_another() {
    let redirect = "redirect_uri = \"http://127.0.0.1:9/cb\"\n";
    let text = format!("{}{redirect}knob = 1\n{}{redirect}", account("a", "google"), account("b", "github"));
    let parsed = put_together(&text, &[]);
    assert_eq!(standing(&parsed).0, ["b"]);
}

#[test]
fn user_presets_override_built_in_ones_and_sections_override_both() {
    let files = [
        file("own", "authorize_url = \"https://own/a\"\ntoken_url = \"https://own/t\"\npkce = \"off\"\n"),
        file("google", "pkce = \"send\"\nextra_authorize = { hd = \"example.com\" }\n"),
        file("based", "preset = \"phonecom\"\nlabel = \"Based\"\n"),
        file("half", "scope_separator = \",\"\n"),
    ];
    let urls = "authorize_url = \"https://h/a\"\ntoken_url = \"https://h/t\"\n";
    let text = [
        account("own", "own"),
        account("google", "google"),
        account("based", "based"),
        account("section", "section"),
        account("half", "over-half"),
        "[providers.section]\npreset = \"own\"\npkce = \"required\"\n".into(),
        format!("[providers.over-half]\npreset = \"half\"\n{urls}"),
    ]
    .concat();
    let parsed = put_together(&text, &files);
    let config = parsed.strictly().unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let told = |name: &str| {
        let dialect = &config.accounts[name].dialect;
        format!(
            "{} {:?} {} {:?} {}",
            dialect.token_url().unwrap(),
            dialect.pkce,
            dialect.label,
            dialect.extra_authorize.keys().collect::<Vec<_>>(),
            dialect.scope_separator
        )
    };
    assert_eq!(told("own"), "https://own/t Off own []  ");
    assert_eq!(
        told("google"),
        "https://oauth2.googleapis.com/token Send Google [\"access_type\", \"hd\", \"prompt\"]  "
    );
    assert_eq!(told("based"), "https://api.phone.com/v4/oauth/access-token Send Based []  ");
    assert_eq!(told("section"), "https://own/t Required section []  ");
    assert_eq!(told("half"), "https://h/t Send over-half [] ,");
}

#[test]
fn a_preset_file_is_based_on_built_in_presets_only_and_needs_a_valid_name() {
    for (files, message) in [
        (vec![file("a", "preset = \"b\"\n"), file("b", "label = \"B\"\n")], "providers/a.toml:1:10: preset: is `b`"),
        (vec![file("A b", "label = \"x\"\n")], "providers/A b.toml:1:1: has the name `A b`, which is not a valid name"),
    ] {
        let parsed = put_together("", &files);
        let told = parsed.mistakes.to_string();
        assert!(told.contains(message), "{told}");
        assert!(parsed.config.is_some());
    }
}
