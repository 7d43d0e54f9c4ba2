//! Error messages for callbacks that end their login.

use crate::oauth::dialect::Dialect;
use crate::oauth::id_token::WrongNonce;

/// A provider's error description in brackets, if there is one.
pub(super) fn in_brackets(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// For an answer without `iss`. It names the provider's own error, which often is the true reason: some providers
/// leave `iss` out of error responses.
pub(super) fn no_issuer(dialect: &Dialect, said: Option<&(String, String)>) -> String {
    let said = said.map(|(error, words)| format!(" (its error: {error}{})", in_brackets(words))).unwrap_or_default();
    format!(
        "the answer{said} does not say which provider it is from (iss); if `{0}` omits it, set `iss_required = \
         false` in `[providers.{0}]`",
        dialect.provider
    )
}

/// For an ID token of another login, with what to do where the provider always answers so.
pub(super) fn wrong_nonce(dialect: &Dialect, wrong: WrongNonce) -> String {
    match wrong {
        WrongNonce::Other => format!("{wrong}: it was dropped together with its tokens"),
        WrongNonce::NoToken | WrongNonce::Unreadable | WrongNonce::Missing => {
            format!(
                "{wrong}; if that is this provider's way, set `nonce = \"off\"` in `[providers.{}]`",
                dialect.provider
            )
        }
    }
}
