//! PKCE refused: advice for providers that reject PKCE (RFC 7636) instead of ignoring unknown parameters (RFC 6749
//! §3.1).

use super::dialect::{Dialect, Pkce};

/// Advice if PKCE was sent and the provider's refusal names it; empty otherwise. Without PKCE nothing is sent until the
/// config says so: an attacker who can forge a refusal could remove the protection (RFC 9700 §2.1.1).
pub(crate) fn advice(dialect: &Dialect, code: &str, description: &str) -> String {
    if dialect.pkce == Pkce::Off || !names_pkce(code, description) {
        return String::new();
    }
    format!(
        "; it seems not to support PKCE: if its documentation says so, set `pkce = \"off\"` in `[providers.{}]`",
        dialect.provider
    )
}

/// An `invalid_grant` for a wrong verifier (RFC 7636 §4.6) shows that the provider supports PKCE.
fn names_pkce(code: &str, description: &str) -> bool {
    let words = description.to_ascii_lowercase();
    let named = ["pkce", "code_challenge", "code challenge", "codechallenge", "code_verifier", "code verifier"];
    let wants_it = ["required", "missing", "mismatch", "match", "must be provided"];
    code != "invalid_grant"
        && code != "access_denied"
        && named.iter().any(|name| words.contains(name))
        && !wants_it.iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::oauth::dialect::tests::dialect;

    #[test]
    fn a_refusal_that_names_pkce_tells_the_setting() {
        let of = |pkce, code, description| {
            let mut dialect = Arc::new(dialect());
            Arc::make_mut(&mut dialect).pkce = pkce;
            advice(&dialect, code, description)
        };
        for (pkce, code, description, told) in [
            (Pkce::Send, "invalid_request", "PKCE is not supported", true),
            (Pkce::Required, "invalid_request", "unknown parameter: code_challenge", true),
            (Pkce::Send, "invalid_request", "code_challenge_method: this value is not allowed", true),
            (Pkce::Send, "http_400", "Unexpected field code_verifier", true),
            (Pkce::Send, "unsupported_parameter", "Code Challenge", true),
            (Pkce::Off, "invalid_request", "PKCE is not supported", false),
            (Pkce::Send, "invalid_request", "code challenge required", false),
            (Pkce::Send, "invalid_request", "missing code_challenge", false),
            (Pkce::Send, "invalid_grant", "PKCE verification failed: code_verifier", false),
            (Pkce::Send, "invalid_request", "redirect_uri", false),
            (Pkce::Send, "access_denied", "", false),
        ] {
            let advice = of(pkce, code, description);
            assert_eq!(advice.contains("`pkce = \"off\"` in `[providers."), told, "{code} {description}: {advice}");
        }
    }
}
