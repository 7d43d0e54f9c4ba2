//! Advice for a provider's error codes.

use crate::oauth::advice::is_not_authenticated;

/// What to do about a provider's error code, without a full stop; `None`: no particular advice. RFC 6749 §4.1.2.1 and
/// §5.2, RFC 8707 §2, and other known codes (`oauth/reply/class.rs`).
pub(super) fn remedy(code: &str, account: &str) -> Option<String> {
    let section = format!("`[accounts.{account}]`");
    Some(match code.to_ascii_lowercase().as_str() {
        code if is_not_authenticated(code) => format!(
            "Correct the client's id or secret in {section}, or `client_auth` of its provider, as the message says"
        ),
        "unauthorized_client" | "unsupported_grant_type" | "unsupported_response_type" => {
            format!("Allow this grant to the client at the provider, or set another `grant` in {section}")
        }
        "invalid_scope" => format!("Correct `scope` in {section}: the provider has no such scope for this client"),
        "invalid_target" => format!("Correct `resource` or `audience` in {section}"),
        "redirect_uri_mismatch" => {
            format!("At the provider, register exactly the redirect URI that `ringback provider check {account}` shows")
        }
        "invalid_request" => {
            format!("Compare what is sent (`ringback provider check {account}`) with the provider's documentation")
        }
        _ => return None,
    })
}
