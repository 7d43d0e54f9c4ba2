//! Token reply: what callers get of a snapshot.

use crate::account::snapshot::Snapshot;
use crate::account::status::{expiry_word, unix_deadline};
use crate::clock::Moment;
use crate::contract::{TokenReply, VERSION};

/// The reply for a snapshot, or nothing if it holds no token.
pub(super) fn token_reply(account: &str, snapshot: &Snapshot, now: Moment) -> Option<TokenReply> {
    let token = snapshot.token.as_ref()?;
    let in_doubt = token.is_in_doubt(now);
    let left = |deadline: Moment| if in_doubt { now.boot.until(deadline.boot) } else { now.until(deadline) };
    Some(TokenReply {
        version: VERSION,
        account: account.to_owned(),
        access_token: token.access_token.expose().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: token.deadline.map(|deadline| left(deadline).as_secs()),
        expiry_in_doubt: in_doubt,
        expires_at: token.deadline.map(|deadline| unix_deadline(deadline, now)),
        expiry: expiry_word(token.expiry),
        scope: token.scope.clone(),
        extra: token.extra.clone().into_iter().chain(snapshot.identity.clone()).collect(),
    })
}
