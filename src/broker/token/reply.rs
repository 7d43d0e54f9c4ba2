//! Token reply: what callers get of a snapshot.

use serde_json::{Map, Value};

use crate::account::snapshot::Snapshot;
use crate::account::status::{expiry_word, unix_deadline};
use crate::clock::Moment;
use crate::contract::{TokenReply, VERSION};
use crate::oauth::dpop;
use crate::oauth::id_token;

/// It has a route of its own, since not every caller may have it.
fn without_id_token(extra: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let others = extra.iter().filter(|(name, _)| *name != id_token::MEMBER);
    others.map(|(name, value)| (name.clone(), value.clone()))
}

/// The reply for a snapshot, or nothing if it holds no token.
pub(super) fn token_reply(account: &str, snapshot: &Snapshot, now: Moment) -> Option<TokenReply> {
    let token = snapshot.token.as_ref()?;
    let in_doubt = token.is_in_doubt(now);
    let left = |deadline: Moment| if in_doubt { now.boot.until(deadline.boot) } else { now.until(deadline) };
    Some(TokenReply {
        version: VERSION,
        account: account.to_owned(),
        access_token: token.access_token.expose().to_owned(),
        token_type: if token.dpop_key.is_some() { dpop::SCHEME } else { "Bearer" }.to_owned(),
        expires_in: token.deadline.map(|deadline| left(deadline).as_secs()),
        expiry_in_doubt: in_doubt,
        expires_at: token.deadline.map(|deadline| unix_deadline(deadline, now)),
        expiry: expiry_word(token.expiry),
        scope: token.scope.clone(),
        extra: without_id_token(&token.extra).chain(snapshot.identity.clone()).collect(),
    })
}
