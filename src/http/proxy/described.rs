//! What is said of an account's proxy: where it is, where it leads, and who has used it.

use super::counts::program;
use crate::contract::{AccountReply, ProxyReply};
use crate::http::gate::caller::Caller;
use crate::http::state::Http;

/// Says of an account where its proxy is and who has used it. An app learns of itself alone.
pub(in crate::http) fn describe(http: &Http, caller: Option<&Caller>, account: &mut AccountReply) {
    let Ok(config) = http.broker.config_of(&account.account) else { return };
    let Some(proxied) = &config.proxied else { return };
    let own = caller.and_then(Caller::app).filter(|app| !app.rights.is_all());
    let uses = http.proxy.counts.of(&account.account, own);
    let mut scope_wanted = http.broker.scope_wanted(&account.account);
    if let Some(wanted) = &mut scope_wanted {
        wanted.apps.retain(|name| own.is_none_or(|app| program(app) == *name));
    }
    account.proxy = Some(ProxyReply {
        base_url: http.own_origin.as_ref().map(|origin| format!("{origin}/proxy/{}", account.account)),
        upstream: proxied.upstream.shown(),
        scope_wanted,
        uses: uses.into_iter().map(|counted| counted.shown).collect(),
    });
}
