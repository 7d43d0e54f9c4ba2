//! The provider of a new account: one that is known, or a new section for an issuer or for two URLs.

use url::Url;

use super::change::Change;
use super::secret::SecretPlan;
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{ConfigEdit, KnownProvider, NotUsable, Sources, assemble, known_providers};
use crate::oauth::dialect::ClientAuth;

/// What an account calls its provider, and what the config needs for it.
pub(super) struct ProviderPlan {
    pub(super) name: String,
    pub(super) edits: Vec<ConfigEdit>,
}

/// The URLs of a server without metadata.
#[derive(clap::Args)]
pub(super) struct EndpointArgs {
    /// The authorization endpoint of a server without metadata; makes a `[providers.NAME]`
    #[arg(long, value_name = "URL", requires = "token_url")]
    pub(super) authorize_url: Option<String>,

    /// The token endpoint of such a server
    #[arg(long, value_name = "URL")]
    pub(super) token_url: Option<String>,

    /// The preset that such a server is like [default: `generic`]
    #[arg(long, value_name = "PRESET", requires = "token_url")]
    pub(super) preset: Option<String>,
}

impl EndpointArgs {
    /// None of them.
    pub(super) const NONE: Self = Self { authorize_url: None, token_url: None, preset: None };
}

/// Every provider that an account could use.
pub(super) fn known(sources: &Sources<'_>) -> Vec<KnownProvider> {
    known_providers(sources).0
}

/// The known providers for people, one on each line, without those that need more than a name.
pub(super) fn list(known: &[KnownProvider]) -> Vec<String> {
    let usable = || known.iter().filter(|provider| provider.usual.is_ok());
    let width = usable().map(|provider| provider.name.len()).max().unwrap_or_default();
    usable().map(|provider| format!("  {:width$}  {}", provider.name, provider.label)).collect()
}

/// The provider of this name, or of this issuer.
pub(super) fn named(given: &str, urls: &EndpointArgs, known: &[KnownProvider]) -> Result<ProviderPlan, Failure> {
    let plan = |name: &str, edits| ProviderPlan { name: name.to_owned(), edits };
    let of = |name: &str, key: &str, value: &str| ConfigEdit::set(&["providers", name, key], value);
    if let Some(token_url) = &urls.token_url {
        let mut edits = vec![of(given, "preset", urls.preset.as_deref().unwrap_or("generic"))];
        edits.extend(urls.authorize_url.as_deref().map(|url| of(given, "authorize_url", url)));
        edits.push(of(given, "token_url", token_url));
        return match known.iter().find(|provider| provider.name == given) {
            Some(_) => Err(message::provider_taken(given)),
            None => Ok(plan(given, edits)),
        };
    }
    if given.contains("://") {
        return Ok(of_issuer(given, known));
    }
    match known.iter().find(|provider| provider.name == given).map(|provider| &provider.usual) {
        Some(Err(why @ NotUsable::Lacks(_))) => Err(message::provider_needs_more(given, why)),
        // Variables can be given by the account.
        Some(Ok(_) | Err(NotUsable::OpenVariables | NotUsable::Mistaken(_))) => Ok(plan(given, Vec::new())),
        None => {
            let names = known.iter().map(|provider| provider.name.as_str());
            Err(message::no_such_provider("provider", given).or_meant(given, names))
        }
    }
}

/// How its clients authenticate.
pub(super) fn auth(known: &KnownProvider) -> Option<ClientAuth> {
    known.usual.as_ref().ok().map(|dialect| dialect.client_auth)
}

/// Makes the provider expect no secret, if the account has none from now on. That holds for all of its accounts.
pub(super) fn agree(change: &mut Change, known: &KnownProvider, secret: &SecretPlan) -> Result<(), Failure> {
    if !matches!((secret, auth(known)), (SecretPlan::Removed, Some(ClientAuth::Basic | ClientAuth::Post))) {
        return Ok(());
    }
    let config = assemble(&change.draft.before()).config;
    let accounts = config.iter().flat_map(|config| config.accounts.values());
    let other = accounts
        .filter(|account| *account.name != *change.account)
        .find(|account| account.dialect.provider == known.name && account.client_secret.is_some());
    if let Some(other) = other {
        return Err(message::provider_has_secrets(&known.name, &other.name));
    }
    change.edit(&[ConfigEdit::set(&["providers", &known.name, "client_auth"], "none")])
}

/// The provider that has this issuer, or a new section for it.
fn of_issuer(issuer: &str, known: &[KnownProvider]) -> ProviderPlan {
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    let has_it = |provider: &&KnownProvider| {
        let dialect = provider.usual.as_ref().ok();
        dialect.and_then(|dialect| dialect.issuer.as_deref()).is_some_and(|own| bare(own) == bare(issuer))
    };
    if let Some(provider) = known.iter().find(has_it) {
        return ProviderPlan { name: provider.name.clone(), edits: Vec::new() };
    }
    let name = free_name(issuer, known);
    let of = |key: &str, value: &str| ConfigEdit::set(&["providers", &name, key], value);
    let edits = vec![of("preset", "oidc"), of("issuer", issuer)];
    ProviderPlan { name, edits }
}

/// A name made of the issuer's host that no provider has.
fn free_name(issuer: &str, known: &[KnownProvider]) -> String {
    let url = Url::parse(issuer).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_ascii_lowercase();
    let name: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "provider" } else { name };
    let names = std::iter::once(name.to_owned()).chain((2..100).map(|n| format!("{name}-{n}")));
    let is_free = |name: &String| !known.iter().any(|provider| provider.name == *name);
    names.into_iter().find(is_free).unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FilePrivacy, apply_edits};

    #[test]
    fn a_provider_is_a_name_an_issuer_or_two_urls() {
        let text = "[providers.id-example-com]\npreset = \"oidc\"\nissuer = \"https://id.example.com/\"\n";
        let path = std::path::Path::new("/c.toml");
        let sources = Sources { text, path, privacy: FilePrivacy::Private, home: None, providers: &[] };
        let known = known(&sources);
        let none = || EndpointArgs::NONE;
        let url = |path: &str| Some(format!("https://a/{path}"));
        let two = || EndpointArgs { authorize_url: url("b"), token_url: url("t"), preset: None };
        for (given, urls, name, section) in [
            ("google", none(), Some("google"), ""),
            ("https://accounts.google.com/", none(), Some("google"), ""),
            ("https://id.example.com", none(), Some("id-example-com"), ""),
            (
                "https://id.example.com/other",
                none(),
                Some("id-example-com-2"),
                "[providers.id-example-com-2]\npreset = \"oidc\"\nissuer = \"https://id.example.com/other\"\n",
            ),
            (
                "http://[::1]:8080",
                none(),
                Some("1"),
                "[providers.1]\npreset = \"oidc\"\nissuer = \"http://[::1]:8080\"\n",
            ),
            (
                "acme",
                two(),
                Some("acme"),
                "[providers.acme]\npreset = \"generic\"\nauthorize_url = \"https://a/b\"\ntoken_url = \"https://a/t\"\n",
            ),
            ("google", two(), None, ""),
            ("oidc", none(), None, ""),
            ("gogle", none(), None, ""),
        ] {
            let plan = named(given, &urls, &known).ok();
            assert_eq!(plan.as_ref().map(|plan| plan.name.as_str()), name, "{given}");
            let edited = plan.map(|plan| apply_edits("", &plan.edits).unwrap().to_string());
            assert_eq!(edited.unwrap_or_default(), section, "{given}");
        }
    }
}
