//! Warnings about failures that can be foreseen before a login: values that look like slips, and what well-known
//! providers need. Nothing is refused here, since it may work.

use super::reader::SectionReader;
use super::redirect::comes_back;
use crate::oauth::dialect::Dialect;
use crate::oauth::exchange::Target;
use crate::oauth::grant::GrantType;

/// What a provider's documentation requires; the provider is recognized by its hosts, whatever its name in the config.
struct KnownHost {
    name: &'static str,
    /// Including their subdomains.
    hosts: &'static [&'static str],
    needs_scope: bool,
    /// What is needed to get a refresh token.
    offline: Offline,
}

enum Offline {
    /// Nothing is known to be needed.
    Nothing,
    /// A scope.
    Scope(&'static str),
    /// A parameter of the authorization request.
    Parameter(&'static str, &'static str),
}

#[rustfmt::skip]
const KNOWN: &[KnownHost] = &[
    KnownHost { name: "Phone.com", hosts: &["phone.com"], needs_scope: true, offline: Offline::Nothing },
    KnownHost { name: "Google", hosts: &["accounts.google.com", "oauth2.googleapis.com"], needs_scope: true, offline: Offline::Parameter("access_type", "offline") },
    KnownHost {
        name: "Microsoft",
        hosts: &["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "b2clogin.com", "ciamlogin.com"],
        needs_scope: true,
        offline: Offline::Scope("offline_access"),
    },
    KnownHost { name: "Dropbox", hosts: &["dropbox.com", "dropboxapi.com"], needs_scope: false, offline: Offline::Parameter("token_access_type", "offline") },
    KnownHost { name: "Auth0", hosts: &["auth0.com"], needs_scope: false, offline: Offline::Scope("offline_access") },
    KnownHost { name: "Okta", hosts: &["okta.com", "oktapreview.com"], needs_scope: false, offline: Offline::Scope("offline_access") },
];

/// Warns of values that look like slips. `separator` is the provider's separator between scopes; `None` if unknown.
pub(super) fn warn_of_slips(
    client_id: Option<&str>,
    scope: &[String],
    separator: Option<&str>,
    account: &SectionReader<'_>,
) {
    let id_slip = |id: &str| slip(id).or_else(|| id.contains(',').then_some(COMMA_IN_ID));
    if let Some((id, why)) = client_id.and_then(|id| Some((id, id_slip(id)?))) {
        account.warn("client_id", &format!("is `{id}`: {why}"));
    }
    for scope in scope {
        let joined = scope.contains(',') && separator.is_some_and(|separator| !separator.contains(','));
        if let Some(why) = slip(scope).or_else(|| joined.then_some(COMMA_IN_SCOPE)) {
            account.warn("scope", &format!("has `{scope}`: {why}"));
        }
    }
}

/// Warns of what the account lacks at a well-known provider: its logins will fail, or it needs a login at every expiry.
pub(super) fn warn_of_lacks(grant: GrantType, target: &Target, dialect: &Dialect, account: &SectionReader<'_>) {
    if let Some(known) = KNOWN.iter().find(|known| known.is(dialect)) {
        known.warn(grant, target, dialect, account);
    }
}

const COMMA_IN_ID: &str = "client ids rarely contain a comma; compare it with the provider's";
const COMMA_IN_SCOPE: &str =
    "this is one scope with a comma in it; scopes are a list of texts, or one text with spaces between them";

/// Why a text is hardly what the provider assigned, if it looks so.
fn slip(text: &str) -> Option<&'static str> {
    if text.trim() != text {
        return Some("it begins or ends with a space");
    }
    is_placeholder(text).then_some("this looks like a placeholder; replace it by the provider's value")
}

/// Whether it is a placeholder from an example.
fn is_placeholder(text: &str) -> bool {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let in_brackets = [('<', '>'), ('{', '}'), ('[', ']')]
        .iter()
        .any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
    let begins = ["your", "insert", "replace", "changeme"].iter().any(|word| plain.starts_with(word));
    let is_word = ["clientid", "myclientid", "theclientid", "placeholder", "todo", "fixme"].contains(&plain.as_str());
    // `...`, `***`, `xxxxxxxx-xxxx`, and the id of zeros in the example config.
    let blank = plain.is_empty() && text.len() > 2
        || plain.len() > 2 && (plain.bytes().all(|b| b == b'x') || plain.bytes().all(|b| b == b'0'));
    in_brackets || text.starts_with('$') || text.contains("...") || begins || is_word || blank
}

impl KnownHost {
    fn is(&self, dialect: &Dialect) -> bool {
        let issuer = dialect.issuer.as_deref().and_then(|issuer| url::Url::parse(issuer).ok());
        let urls = [dialect.endpoints.authorize.as_ref(), dialect.endpoints.token.as_ref(), issuer.as_ref()];
        let hosts = urls.into_iter().flatten().filter_map(url::Url::host_str);
        let below =
            |host: &str, own: &str| host.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        hosts.into_iter().any(|host| self.hosts.iter().any(|own| below(host, own)))
    }

    fn warn(&self, grant: GrantType, target: &Target, dialect: &Dialect, account: &SectionReader<'_>) {
        let name = self.name;
        let by_browser = comes_back(grant);
        let refreshes = !matches!(grant, GrantType::Implicit | GrantType::ClientCredentials);
        if self.needs_scope && by_browser && target.scope.is_empty() {
            account.warn("scope", &format!("is empty, and {name} requires one at every login"));
        }
        let every_time =
            format!("without which {name} issues no refresh token: you would have to log in each time a token expires");
        match self.offline {
            Offline::Scope(scope) if refreshes && !target.scope.iter().any(|own| own == scope) => {
                account.warn("scope", &format!("has no `{scope}`, {every_time}"));
            }
            Offline::Parameter(name, value)
                if grant == GrantType::AuthorizationCode && !sends(dialect, name, value) =>
            {
                account.warn("extra_authorize", &format!("has no `{name} = \"{value}\"`, {every_time}"));
            }
            Offline::Nothing | Offline::Scope(_) | Offline::Parameter(..) => {}
        }
    }
}

/// Whether the authorization request has this parameter with this value, from the config or from the URL.
fn sends(dialect: &Dialect, name: &str, value: &str) -> bool {
    let in_url = dialect.endpoints.authorize.iter().flat_map(|url| url.query_pairs());
    dialect.extra_authorize.get(name).is_some_and(|own| own == value)
        || in_url.into_iter().any(|(n, v)| n == name && v == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_told_from_an_id() {
        for placeholder in [
            "<client id>",
            "{client_id}",
            "${CLIENT_ID}",
            "$CLIENT_ID",
            "[id]",
            "...",
            "abc...",
            "***",
            "your-client-id",
            "YOUR_CLIENT_ID",
            "yourscope",
            "xxxxxxxx-xxxx-xxxx",
            "XXX",
            "client_id",
            "my-client-id",
            "Client ID",
            "00000000-0000-0000-0000-000000000000",
            "changeme",
            "CHANGE_ME",
            "insert-here",
            "TODO",
            "replace-me",
        ] {
            assert!(is_placeholder(placeholder), "{placeholder}");
        }
        for id in [
            "id",
            "c",
            "0",
            "x",
            "the client",
            "my-client",
            "123-abc.apps.googleusercontent.com",
            "todoist",
            "7ad13a9c-5f6e-4f2e-9a94-000000000000",
            "app{1}",
            "clientid7",
            "read",
            "https://graph.microsoft.com/.default",
            "user:email",
            "xxl",
            "[",
            "mail.send",
        ] {
            assert!(!is_placeholder(id), "{id}");
        }
    }
}
