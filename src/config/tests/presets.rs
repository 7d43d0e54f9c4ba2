//! The built-in presets, against what the providers document.

use super::{sound, with_account};
use crate::config::parse;
use crate::config::{FilePrivacy, Origin, Sources, known_providers};
use crate::oauth::dialect::{BodyEncoding, ClientAuth, Dialect, Pkce, RateLimit, Revoke, Rotation};
use crate::oauth::preset::PRESETS;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn url(url: Option<&url::Url>) -> &str {
    url.map_or("-", url::Url::as_str)
}

/// The dialect of an account that sets only the preset.
fn dialect(preset: &str) -> Arc<Dialect> {
    let config = sound(&format!("[accounts.a]\nprovider = \"{preset}\"\nclient_id = \"i\"\nclient_secret = \"s\"\n"));
    Arc::clone(&config.accounts["a"].dialect)
}

/// name, authorize, token, device, revoke, client authentication, PKCE, rotation
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, ClientAuth, Pkce, Rotation);

const TABLE: &[Row] = &[
    (
        "phonecom",
        "https://accounts.phone.com/",
        "https://api.phone.com/v4/oauth/access-token",
        "-",
        "DELETE https://api.phone.com/v4/oauth/access-token",
        ClientAuth::Post,
        Pkce::Send,
        Rotation::Unknown,
    ),
    (
        "google",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com/device/code",
        "POST https://oauth2.googleapis.com/revoke",
        ClientAuth::Post,
        Pkce::Required,
        Rotation::Never,
    ),
    (
        "microsoft",
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
        "-",
        ClientAuth::Post,
        Pkce::Required,
        Rotation::Rotates,
    ),
    (
        "github",
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/oauth/access_token",
        "https://github.com/login/device/code",
        "-",
        ClientAuth::Post,
        Pkce::Send,
        Rotation::Rotates,
    ),
    (
        "gitlab",
        "https://gitlab.com/oauth/authorize",
        "https://gitlab.com/oauth/token",
        "https://gitlab.com/oauth/authorize_device",
        "POST https://gitlab.com/oauth/revoke",
        ClientAuth::Post,
        Pkce::Required,
        Rotation::Rotates,
    ),
    (
        "slack",
        "https://slack.com/oauth/v2/authorize",
        "https://slack.com/api/oauth.v2.access",
        "-",
        "-",
        ClientAuth::Basic,
        Pkce::Off,
        Rotation::Rotates,
    ),
    (
        "zoom",
        "https://zoom.us/oauth/authorize",
        "https://zoom.us/oauth/token",
        "https://zoom.us/oauth/devicecode",
        "POST https://zoom.us/oauth/revoke",
        ClientAuth::Basic,
        Pkce::Send,
        Rotation::Rotates,
    ),
    (
        "dropbox",
        "https://www.dropbox.com/oauth2/authorize",
        "https://api.dropboxapi.com/oauth2/token",
        "-",
        "-",
        ClientAuth::Basic,
        Pkce::Send,
        Rotation::Never,
    ),
    (
        "spotify",
        "https://accounts.spotify.com/authorize",
        "https://accounts.spotify.com/api/token",
        "-",
        "-",
        ClientAuth::Basic,
        Pkce::Send,
        Rotation::Rotates,
    ),
];

#[test]
fn presets_match_the_providers_documentation() {
    for (name, authorize, token, device, revoke, auth, pkce, rotation) in TABLE {
        let dialect = dialect(name);
        let found = &dialect.endpoints;
        let gives_back = match &dialect.revoke {
            Revoke::Unsaid | Revoke::None => "-".to_owned(),
            Revoke::DeleteBearer(url) => format!("DELETE {url}"),
            Revoke::Rfc7009(url) => format!("POST {url}"),
        };
        let told =
            (url(found.authorize.as_ref()), url(found.token.as_ref()), url(found.device.as_ref()), gives_back.as_str());
        assert_eq!(told, (*authorize, *token, *device, *revoke), "{name}");
        assert_eq!((dialect.client_auth, dialect.pkce, dialect.rotation), (*auth, *pkce, *rotation), "{name}");
        let is_json = *name == "phonecom";
        assert_eq!(dialect.body == BodyEncoding::Json, is_json, "{name}");
        assert_eq!(dialect.provider, *name);
        assert_ne!(dialect.label, *name, "a display name");
    }
    let told: Vec<&str> = TABLE.iter().map(|row| row.0).collect();
    let complete: Vec<&str> = PRESETS.iter().filter(|p| p.lacks.is_none()).map(|p| p.name).collect();
    assert_eq!(told, complete, "every preset has a row in the table");
}

#[test]
fn provider_specific_parameters_are_set() {
    let (google, slack, dropbox) = (dialect("google"), dialect("slack"), dialect("dropbox"));
    assert_eq!(google.issuer.as_deref(), Some("https://accounts.google.com"));
    assert_eq!(google.extra_authorize["access_type"], "offline");
    assert_eq!(google.extra_authorize["prompt"], "consent");
    assert_eq!(dropbox.extra_authorize["token_access_type"], "offline");
    assert_eq!(slack.scope_separator, ",");
    assert_eq!(slack.response_paths["access_token"], "authed_user.access_token");
    let phonecom = dialect("phonecom");
    assert_eq!(url(phonecom.endpoints.details.as_ref()), "https://api.phone.com/v4/oauth/access-token/details");
    assert_eq!(phonecom.api_urls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["https://api.phone.com/v4"]);
    let limit = |most, seconds| Some(RateLimit { most, per: Duration::from_secs(seconds) });
    assert_eq!((phonecom.rate_limit_endpoint, phonecom.rate_limit), (limit(30, 30), limit(120, 60)));
    assert_eq!((phonecom.replay_window.as_secs(), phonecom.max_age_unknown.as_secs()), (20, 3600));
}

#[test]
fn presets_have_no_mistakes_and_those_without_urls_ask_for_them() {
    let privacy = FilePrivacy::Private;
    let sources = Sources { text: "", path: Path::new("/c.toml"), privacy, home: None, providers: &[] };
    let (known, mistakes) = known_providers(&sources);
    assert!(mistakes.is_empty(), "{mistakes}");
    assert_eq!(known.len(), PRESETS.len());
    for provider in &known {
        assert_eq!(provider.origin, Origin::BuiltIn);
        let open = matches!(provider.name.as_str(), "generic" | "oidc");
        assert_eq!(provider.usual.is_err(), open, "{}", provider.name);
        assert!(toml::from_str::<toml::Table>(&provider.keys).is_ok(), "{}", provider.keys);
    }
    for (name, missing) in [("generic", "URLs"), ("oidc", "issuer")] {
        let text = format!("[accounts.a]\nprovider = \"{name}\"\nclient_id = \"i\"\nclient_secret = \"s\"");
        let error = parse(&text, Path::new("/c.toml"), FilePrivacy::Private, None).unwrap_err().to_string();
        assert!(error.contains(&format!("is `{name}`, which has no {missing};")), "{error}");
    }
    sound("[providers.p]\npreset = \"generic\"\nauthorize_url = \"https://a/\"\ntoken_url = \"https://t/\"\n");
    sound("[providers.p]\npreset = \"oidc\"\nissuer = \"https://i\"\n");
}

#[test]
fn endpoints_derived_from_the_token_endpoint_follow_it() {
    let provider = "[providers.practice]\npreset = \"phonecom\"\ntoken_url = \"http://127.0.0.1:9/t?x=1\"\n";
    let account = "[accounts.a]\nprovider = \"practice\"\nclient_id = \"i\"\nclient_secret = \"s\"\n";
    let dialect = |more: &str| Arc::clone(&sound(&format!("{provider}{more}{account}")).accounts["a"].dialect);
    let moved = dialect("");
    assert_eq!(moved.revoke, Revoke::DeleteBearer("http://127.0.0.1:9/t?x=1".parse().unwrap()));
    assert_eq!(url(moved.endpoints.details.as_ref()), "http://127.0.0.1:9/t/details");
    let own = dialect("revoke_url = \"https://r/\"\ndetails_url = \"https://d/\"\n");
    assert_eq!(own.revoke, Revoke::DeleteBearer("https://r/".parse().unwrap()));
    assert_eq!(url(own.endpoints.details.as_ref()), "https://d/");
    let urls = |dialect: &Dialect| dialect.api_urls.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(urls(&moved).is_empty(), "its API is elsewhere, too");
    assert_eq!(urls(&dialect("api_urls = [\"a.example\"]\n")), ["https://a.example"]);
    assert_eq!(sound(&with_account("client_secret = \"s\"")).default_account.as_deref(), Some("work"));
}

#[test]
fn provider_info_and_messages_hide_a_password_in_a_url() {
    for url in ["https://u:canary@h/t", "https://u:canary@{h}/t", "http://canary@h/#canary"] {
        let text = format!("[providers.p]\ntoken_url = \"{url}\"\nvariables = {{ h = \"x\" }}\n");
        let path = Path::new("/c.toml");
        let sources = Sources { text: &text, path, privacy: FilePrivacy::Private, home: None, providers: &[] };
        let (known, mistakes) = known_providers(&sources);
        assert!(!format!("{known:?}{mistakes}{mistakes:?}").contains("canary"), "{mistakes}");
    }
}
