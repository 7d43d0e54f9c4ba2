//! Hints: what to do about each error, in one imperative sentence.

use super::Error;
use super::remedy::remedy;

impl Error {
    /// What a person should do, in imperative sentences.
    pub fn hint(&self) -> String {
        match self {
            Self::Usage { .. } => "Correct what the message names; docs/api.md describes each route.".into(),
            Self::Obstacle(obstacle) => obstacle.hint(),
            Self::Misconfigured { .. } => "Correct the config (see `ringback config check`), and run `ringback config reload`.".into(),
            Self::UnknownAccount { nearest, .. } if nearest.is_empty() => "Run `ringback status` to see the accounts, or `ringback account add` to add one.".into(),
            Self::UnknownAccount { nearest, .. } => format!("Did you mean {}?", nearest.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ")),
            Self::NoAccountForUrl { known, .. } if known.is_empty() => "List the URL in `api_urls` of an account, and run `ringback config reload`; or name the account.".into(),
            Self::NoAccountForUrl { known, .. } => format!("The accounts are for {}. For another URL, list it in `api_urls` of an account, and run `ringback config reload`.", known.join(", ")),
            Self::SeveralForUrl { .. } => "Name the account, set one of them as `default_account`, or list a longer URL in `api_urls` of one.".into(),
            Self::LoginRequired { account, .. } => format!("Run `ringback login {account}`."),
            Self::NotRefreshable { account } => format!("Keep using the present token. If an API rejects it, run `ringback login {account}`, or import another token."),
            Self::LoginFailed { account, provider_error: Some(code), .. } if code == "access_denied" => {
                format!("Run `ringback login {account}` again, and allow the access at the provider.")
            }
            Self::LoginFailed { account, provider_error, .. } => {
                match provider_error.as_deref().and_then(|code| remedy(code, account)) {
                    Some(step) => format!("{step}. Then run `ringback login {account}`."),
                    None => format!("Run `ringback login {account}` again; if the message names a setting, correct it first."),
                }
            }
            Self::ImportRefused { account, provider_error, .. } => {
                let step = provider_error.as_deref().and_then(|code| remedy(code, account));
                let step = step.unwrap_or_else(|| "Create another token at the provider".into());
                format!("{step}. Then import again, or run `ringback login {account}`.")
            }
            Self::AnotherPerson { account, .. } => format!("To replace it, run `ringback login {account}` and confirm, or import again with `--replace`."),
            Self::LosesRefresh { account } => format!("To replace the login anyway, import again with `--replace` (over the API: `\"replace\": true`). To keep both, import the token into a different account than `{account}`."),
            Self::NobodyToAsk { account, .. } => format!("Answer on the page in the browser, or with `ringback login {account}` at a terminal; `--replace` agrees in advance. Without an answer the new login is dropped when it runs out."),
            Self::ProviderUnreachable { .. } => "If the message names a setting, correct it and run `ringback config reload`; otherwise check the network. The daemon keeps trying.".into(),
            Self::Busy => "Try again in a few seconds; `ringback audit` shows which programs send so many requests.".into(),
            Self::ProviderRefused { account, provider_error: Some(code), .. } => {
                let step = remedy(code, account).unwrap_or_else(|| format!("Correct what the message says, in `[accounts.{account}]` or at the provider"));
                format!("{step}. Then run `ringback config reload` and `ringback refresh {account}`.")
            }
            Self::ProviderRefused { account, provider_error: None, .. } => format!("Correct what the message names in the config (`[accounts.{account}]` or its provider), and run `ringback config reload`."),
            Self::CannotAsk { account, .. } => format!("If the provider's documentation has what the message names, set it in the provider's config; `ringback provider check {account}` shows the present settings."),
            Self::RefusesForLong { account, .. } => format!("Read what the provider says. If it means that the login has ended, run `ringback login {account}`. The daemon keeps trying now and then."),
            Self::StoreUnavailable { .. } => "See `ringback status` and the daemon's log; make sure that the state folder is writable and the key available.".into(),
            Self::StoreLocked => "Run `ringback unlock`.".into(),
            Self::WrongPassphrase { pause, .. } => format!("Try again in {} s.", pause.as_secs()),
            Self::Unauthorized { .. } => "Send `Authorization: Bearer` with the key from the key file that endpoint.json names, or with one that `ringback app add NAME` prints; or use the unix socket. An OAuth client sends the app's name as client id and its key as client secret. If endpoint.json names no key file, its `key_hint` says how to make one.".into(),
            Self::NoAppOfSocket => "Where the daemon runs, make the app that this socket's `[[listen.extra]]` names: `ringback app add NAME`. `ringback status` shows it.".into(),
            Self::Forbidden { .. } => "Use a program of the same user, over the unix socket or with a key.".into(),
            Self::OtherUser { .. } => "Run the program or the browser as the daemon's own user. For programs of other users, as in a container, set `other_users = true` in `[listen]` and give each a key of its own: `ringback app add --help`.".into(),
            Self::PeerNotFound => "Keep the connection open in both directions until the reply has arrived (`nc` without `-N`), or use the unix socket.".into(),
            Self::Beyond { .. } => "Make an app with more rights (see `ringback app add --help`), or use the unix socket without a key.".into(),
            Self::NoConsent { .. } => "Answer the question: by `ringback consent list`, on the status page (`ringback open`), or in the notification. To take back a refusal, use `ringback consent forget`.".into(),
            Self::UnknownApp { .. } => "Run `ringback app list` to see the apps.".into(),
            Self::AppExists { name } => format!("Give it a new key with `ringback app rotate {name}`, or choose another name. To change its rights, run `ringback app remove {name}` first."),
            Self::Upstream { account, failure, .. } => failure.hint(account),
            Self::Missing(missing) => missing.hint().into(),
            Self::NotFound { .. } | Self::MethodNotAllowed => "See docs/api.md for the routes.".into(),
            Self::Internal { .. } => "Check the daemon's log and report this.".into(),
        }
    }
}
