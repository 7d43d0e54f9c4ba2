//! What is said of an account's proxy: where it is, where it leads, and who has used it.

use crate::contract::{AccountReply, ProxyReply};
use crate::http::gate::caller::Caller;
use crate::http::state::Http;

/// Says of an account where its proxy is and who has used it. An app learns of itself alone.
pub(in crate::http) fn describe(http: &Http, caller: Option<&Caller>, account: &mut AccountReply) {
    let Ok(config) = http.broker.config_of(&account.account) else { return };
    let Some(proxied) = &config.proxied else { return };
    let own = caller.and_then(Caller::app).filter(|app| !app.rights.is_all());
    let uses = http.proxy.counts.of(&account.account, own);
    account.proxy = Some(ProxyReply {
        base_url: http.own_origin.as_ref().map(|origin| format!("{origin}/proxy/{}", account.account)),
        upstream: proxied.upstream.shown(),
        uses: uses.into_iter().map(|counted| counted.shown).collect(),
    });
}
