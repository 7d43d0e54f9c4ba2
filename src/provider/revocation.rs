//! Revokes tokens (RFC 7009, or the provider's own way): the refresh token, and the access token too.

use std::time::Duration;

use super::failure::Whole;
use super::http::HttpProvider;
use super::interface::RevocationOutcome;
use crate::account::state::Priority;
use crate::oauth::assertion::Signing;
use crate::oauth::dialect::{Dialect, Revoke};
use crate::oauth::echo::Sent;
use crate::oauth::exchange::{Credentials, RevokedToken, revoke_request};
use crate::oauth::grant::TokenSet;
use crate::oauth::reply::{self, Failed};

/// Timeout of each of the two requests.
const PATIENCE: Duration = Duration::from_secs(4);

impl HttpProvider {
    /// The error is one clause: the token that matters most may still work.
    pub(super) async fn give_back(
        &self,
        dialect: &Dialect,
        tokens: &TokenSet,
        credentials: &Credentials,
    ) -> Result<RevocationOutcome, String> {
        // The refresh token first. The access token even if that failed: it may then be the only one that can be
        // revoked.
        let refresh = self.revoke_one(dialect, tokens, RevokedToken::RefreshToken, credentials).await;
        let access = self.revoke_one(dialect, tokens, RevokedToken::AccessToken, credentials).await;
        match (refresh, access) {
            (None, None) => Ok(RevocationOutcome::Unsupported),
            (None, Some(ended)) | (Some(ended), None) => ended.map(|()| RevocationOutcome::Complete),
            (Some(Err(why)), Some(_)) => Err(why),
            (Some(Ok(())), Some(Ok(()))) => Ok(RevocationOutcome::Complete),
            (Some(Ok(())), Some(Err(why))) => Ok(RevocationOutcome::AccessTokenLives(why)),
        }
    }

    /// `None` if there is no such token, or no way to revoke it.
    async fn revoke_one(
        &self,
        dialect: &Dialect,
        tokens: &TokenSet,
        which: RevokedToken,
        credentials: &Credentials,
    ) -> Option<Result<(), String>> {
        let request = |signing: Signing<'_>| revoke_request(dialect, tokens, which, credentials, signing);
        let asked = self.sent(dialect, &credentials.client_id, Priority::Person, request);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(None)) => None,
            Ok(Ok(Some((Ok(whole), sent)))) => Some(ended(&dialect.revoke, &whole, &sent)),
            Ok(Ok(Some((Err(failure), _)))) => Some(Err(failure.words().to_owned())),
            Ok(Err(why)) => Some(Err(why.to_string())),
            Err(_) => Some(Err("the provider did not answer".into())),
        }
    }
}

/// Whether the token no longer works, which is the aim.
fn ended(revoke: &Revoke, whole: &Whole, sent: &Sent) -> Result<(), String> {
    match whole.status {
        200..300 => return Ok(()),
        // The token is already invalid. With RFC 7009, this status means that client authentication failed.
        401 if matches!(revoke, Revoke::DeleteBearer(_)) => return Ok(()),
        _ => {}
    }
    let status = whole.status;
    match reply::document(whole.received()).map_err(|failed| failed.without(sent)) {
        // RFC 7009 §2.2 requires a 200 here. Google answers this for an access token whose refresh token was revoked.
        Err(Failed::Refused(refusal)) if refusal.code == "invalid_token" => Ok(()),
        Err(Failed::Refused(refusal)) if !refusal.code.starts_with("http_") => {
            Err(format!("the provider answered {status} ({})", refusal.code))
        }
        // A 503 in particular says that the token still exists (RFC 7009 §2.2.1).
        _ => Err(format!("the provider answered {status}")),
    }
}
