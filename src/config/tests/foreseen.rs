//! Warnings about problems that a login would run into.

use super::*;

const COMMA: &str =
    "this is one scope with a comma in it; scopes are a list of texts, or one text with spaces between them";
const PLACEHOLDER: &str = "this looks like a placeholder; replace it by the provider's value";

/// The warnings of one account at this provider, without position and account name.
fn warnings(provider: &str, keys: &str) -> Vec<String> {
    let id = if keys.contains("client_id") { "" } else { "client_id = \"i\"\n" };
    let text = format!(
        "[accounts.a]\nprovider = \"{provider}\"\nclient_secret = \"s\"\n{id}{keys}\n\
         [providers.own]\ntoken_url = \"https://oauth2.googleapis.com/token\"\n\
         authorize_url = \"https://accounts.google.com/o?access_type=offline\"\n\
         [providers.comma]\npreset = \"own-ish\"\n"
    );
    let text = text.replace(
        "preset = \"own-ish\"",
        "token_url = \"https://h/t\"\nauthorize_url = \"https://h/a\"\nscope_separator = \",\"",
    );
    discouraged(&text).iter().map(|warning| warning.split_once(": accounts.a.").unwrap().1.to_owned()).collect()
}

fn offline(what: &str, name: &str) -> String {
    format!("{what}, without which {name} issues no refresh token: you would have to log in each time a token expires")
}

#[test]
fn likely_mistakes_in_scope_and_client_id_cause_a_warning() {
    for (provider, keys, expected) in [
        ("gitlab", "scope = [\"read\", \"write\"]", vec![]),
        ("gitlab", "scope = \"read,write\"", vec![format!("scope: has `read,write`: {COMMA}")]),
        ("gitlab", "scope = \"read, write\"", vec![format!("scope: has `read,`: {COMMA}")]),
        ("comma", "scope = \"read,write\"", vec![]),
        ("gitlab", "scope = [\"<your-scope>\"]", vec![format!("scope: has `<your-scope>`: {PLACEHOLDER}")]),
        ("gitlab", "client_id = \"YOUR_CLIENT_ID\"", vec![format!("client_id: is `YOUR_CLIENT_ID`: {PLACEHOLDER}")]),
        (
            "gitlab",
            "client_id = \"00000000-0000-0000-0000-000000000000\"",
            vec![format!("client_id: is `00000000-0000-0000-0000-000000000000`: {PLACEHOLDER}")],
        ),
        (
            "gitlab",
            "client_id = \"abc,\"",
            vec!["client_id: is `abc,`: client ids rarely contain a comma; compare it with the provider's".into()],
        ),
        ("gitlab", "client_id = \" abc\"", vec!["client_id: is ` abc`: it begins or ends with a space".into()]),
    ] {
        assert_eq!(warnings(provider, keys), expected, "{provider} {keys}");
    }
}

#[test]
fn parameters_that_a_known_provider_needs_for_a_refresh_token_cause_a_warning() {
    let microsoft = offline("scope: has no `offline_access`", "Microsoft");
    let google = offline("extra_authorize: has no `access_type = \"offline\"`", "Google");
    let dropbox = offline("extra_authorize: has no `token_access_type = \"offline\"`", "Dropbox");
    let no_scope = |name: &str| format!("scope: is empty, and {name} requires one at every login");
    for (provider, keys, expected) in [
        ("microsoft", "scope = [\"User.Read\"]", vec![microsoft.clone()]),
        ("microsoft", "scope = [\"User.Read\"]\ngrant = \"device_code\"", vec![microsoft.clone()]),
        ("microsoft", "scope = [\"User.Read\", \"offline_access\"]", vec![]),
        ("microsoft", "grant = \"client_credentials\"", vec![]),
        ("microsoft", "", vec![no_scope("Microsoft"), microsoft]),
        ("google", "scope = [\"email\"]", vec![]),
        ("google", "scope = [\"email\"]\nextra_authorize = { access_type = \"online\" }", vec![google]),
        ("own", "scope = [\"email\"]", vec![]),
        ("google", "", vec![no_scope("Google")]),
        ("google", "grant = \"device_code\"", vec![]),
        ("dropbox", "", vec![]),
        ("dropbox", "extra_authorize = { token_access_type = \"online\" }", vec![dropbox]),
        ("phonecom", "", vec![no_scope("Phone.com")]),
        ("phonecom", "scope = [\"account-owner\"]", vec![]),
        ("phonecom", "grant = \"client_credentials\"", vec![]),
    ] {
        assert_eq!(warnings(provider, keys), expected, "{provider} {keys}");
    }
}

#[test]
fn a_redirect_uri_that_changes_at_every_start_causes_a_warning() {
    let of = |tcp: &str, keys: &str| {
        let text = format!(
            "[listen]\ntcp = [{tcp}]\n[accounts.a]\nprovider = \"gitlab\"\nclient_id = \"i\"\nclient_secret = \"s\"\n{keys}\n"
        );
        discouraged(&text)
    };
    for (tcp, keys, warns) in [
        ("\"127.0.0.1:0\"", "", true),
        ("\"127.0.0.1:0\", \"[::1]:7464\"", "", true),
        ("\"[::1]:7464\", \"127.0.0.1:0\"", "", false),
        ("\"127.0.0.1:0\"", "redirect_uri = \"http://127.0.0.1:9/cb\"", false),
        ("\"127.0.0.1:0\"", "grant = \"device_code\"", false),
    ] {
        let warnings = of(tcp, keys);
        assert_eq!(warnings.len(), usize::from(warns), "{tcp} {keys}: {warnings:?}");
        assert!(warnings.iter().all(|warning| warning.contains("accounts.a.redirect_uri: is missing")), "{warnings:?}");
    }
}
