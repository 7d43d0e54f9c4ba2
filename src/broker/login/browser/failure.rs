//! Why an answer of the browser ends its login, in words.

use crate::oauth::dialect::Dialect;
use crate::oauth::id_token::WrongNonce;

/// What a provider says beside an error code; nothing, if it says nothing.
pub(super) fn in_brackets(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// What to say of an answer without `iss`, and of the provider's own error in it: often that is the true reason, and
/// the provider just leaves `iss` out of its errors.
pub(super) fn no_issuer(dialect: &Dialect, said: Option<&(String, String)>) -> String {
    let said = said.map(|(error, words)| format!(" (its error: {error}{})", in_brackets(words))).unwrap_or_default();
    format!(
        "the answer{said} does not say which provider it is from (iss); if `{0}` leaves it out, set `iss_required = \
         false` in `[providers.{0}]`",
        dialect.provider
    )
}

/// What to say of an ID token that is not this login's, and what to do where that is the provider's way.
pub(super) fn wrong_nonce(dialect: &Dialect, wrong: WrongNonce) -> String {
    match wrong {
        WrongNonce::Other => format!("{wrong}: it was dropped, with the tokens beside it"),
        WrongNonce::NoToken | WrongNonce::Unreadable | WrongNonce::Missing => {
            format!(
                "{wrong}; if that is this provider's way, set `nonce = \"off\"` in `[providers.{}]`",
                dialect.provider
            )
        }
    }
}
