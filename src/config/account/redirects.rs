//! Redirect URIs of accounts.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::config::effective::AccountConfig;
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::redirect::{RedirectTarget, comes_back};
use crate::config::sections::accounts::AccountKeys;
use crate::routes::has_tls;

/// The redirect URI that the account gives, if the daemon can receive it. `tcp` is `None` if the listeners are wrong
/// already.
pub(super) fn literal_redirect_uri(
    keys: &AccountKeys,
    section: &SectionReader<'_>,
    tcp: Option<&[SocketAddr]>,
) -> Option<String> {
    let listeners = tcp.unwrap_or_default();
    if comes_back(keys.grant) && tcp.is_some_and(<[_]>::is_empty) && section.field("redirect_uri").is_none() {
        let problem = Problem::new("is missing, and none can be made, since `listen.tcp` is empty");
        section.lacks("redirect_uri", &["redirect_uri", "grant"], problem.expected("one of the two"));
    }
    let has_another_port = listeners.first().is_some_and(|first| first.port() == 0);
    if comes_back(keys.grant) && has_another_port && section.field("redirect_uri").is_none() {
        section.warn(
            "redirect_uri",
            "is missing, and the one made from `listen.tcp` has a different port at every start, since that has \
             port 0; most providers accept only the registered one",
        );
    }
    let literal = keys.redirect_uri.clone()?;
    let arrival = RedirectTarget::of(&literal);
    if arrival.as_ref().is_some_and(|arrival| arrival.is_taken(listeners)) {
        let problem = Problem::new("has a path that the daemon uses for something else");
        section.refuse("redirect_uri", problem.expected("another path, such as `/callback/NAME`"));
    }
    if has_tls(&literal) && arrival.is_some_and(|arrival| arrival.is_at(listeners)) {
        let problem = Problem::new("uses https at a port of `listen.tcp`, where the daemon speaks http");
        section.refuse("redirect_uri", problem.expected("another port"));
    }
    Some(literal)
}

/// Reports accounts of different providers whose redirects arrive at the same target: one provider could then answer in
/// the other's name (RFC 8252 §8.10, RFC 9700 §4.4).
pub(crate) fn refuse_shared_redirects(accounts: &[(AccountConfig, &SectionReader<'_>)], tcp: Option<&SocketAddr>) {
    let mut seen: BTreeMap<RedirectTarget, &AccountConfig> = BTreeMap::new();
    for (account, section) in accounts.iter().filter(|(account, _)| comes_back(account.grant)) {
        let provider = account.dialect.provider.as_str();
        let redirect_uri = account.redirect_uri_at(tcp.copied());
        let Some(arrival) = redirect_uri.as_deref().and_then(RedirectTarget::of) else {
            continue;
        };
        let first = seen.entry(arrival).or_insert(account);
        if first.dialect.provider != provider {
            let problem = Problem::new(format!(
                "has the port and path of account `{}`, whose provider is another (`{}`)",
                first.name, first.dialect.provider
            ));
            section.refuse("redirect_uri", problem.expected("a separate redirect URI for each provider"));
        }
    }
}
