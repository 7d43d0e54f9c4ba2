//! Error classification: what a provider's error code means for the grant, in one table. Status, repetition and time
//! count too: see `complaint` and `account/state/outcome.rs`.

/// What an error reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A definite refusal: the code or refresh token is not (or no longer) valid.
    Grant,
    /// A definite refusal: the client, its rights or the request.
    Client,
    /// Nothing was decided: the same request may be granted later.
    TryLater,
    /// The user has not answered yet (RFC 8628 §3.5).
    Pending,
    /// The same, and the client polls too often.
    SlowDown,
    /// A refusal with an unknown code.
    Unknown,
}

/// Codes in [`normal`] form.
const TABLE: &[(Class, &[&str])] = &[
    (Class::Pending, &["authorization_pending"]),
    (Class::SlowDown, &["slow_down"]),
    (
        Class::Grant,
        &[
            // RFC 6749 §5.2 and RFC 8628 §3.5.
            "invalid_grant",
            "expired_token",
            // OpenID Connect Core §3.1.2.6; Microsoft answers with it at the token endpoint.
            "interaction_required",
            "login_required",
            "consent_required",
            // GitHub, Slack and others, for the same things.
            "bad_refresh_token",
            "bad_verification_code",
            "code_already_used",
            "expired_refresh_token",
            "invalid_code",
            "invalid_refresh_token",
            "refresh_token_expired",
            "token_revoked",
        ],
    ),
    (
        Class::Client,
        &[
            "access_denied",
            "invalid_client",
            "invalid_request",
            "invalid_scope",
            "invalid_target",
            "unauthorized_client",
            "unsupported_grant_type",
            // RFC 9449 §5.
            "invalid_dpop_proof",
            "bad_client_secret",
            "incorrect_client_credentials",
            "invalid_client_id",
            "redirect_uri_mismatch",
        ],
    ),
    (
        Class::TryLater,
        &[
            // RFC 6749 §4.1.2.1; servers send them at the token endpoint as well.
            "server_error",
            "temporarily_unavailable",
            // RFC 9449 §8: again, after the one repetition.
            "use_dpop_nonce",
            // google.rpc.Code
            "aborted",
            "deadline_exceeded",
            "internal",
            "resource_exhausted",
            "unavailable",
            // Names that frameworks, gateways and limiters have for the same.
            "backend_error",
            "bad_gateway",
            "fatal_error",
            "gateway_timeout",
            "internal_error",
            "internal_server_error",
            "quota_exceeded",
            "rate_limit_exceeded",
            "rate_limited",
            "ratelimited",
            "request_timeout",
            "service_timeout",
            "service_unavailable",
            "throttled",
            "throttling",
            "timeout",
            "try_again_later",
            "upstream_timeout",
        ],
    ),
];

/// A code that begins like this is a sentence about the rate: "too many requests continuously".
const PACE: &str = "too_many_requests";

/// The class of `code`, whatever its case, and with spaces or hyphens for underscores.
pub(super) fn of_code(code: &str) -> Class {
    let code = normal(code);
    let row = TABLE.iter().find(|(_, codes)| codes.contains(&code.as_str()));
    match row {
        Some((class, _)) => *class,
        None if code.starts_with(PACE) => Class::TryLater,
        None => Class::Unknown,
    }
}

fn normal(code: &str) -> String {
    code.trim().chars().map(|c| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_once_in_the_table_and_in_normal_form() {
        let codes: Vec<&str> = TABLE.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        for code in &codes {
            assert_eq!(normal(code), *code);
            assert_eq!(codes.iter().filter(|other| *other == code).count(), 1, "{code}");
        }
    }

    #[test]
    fn codes_are_known_however_they_are_written_and_others_are_unknown() {
        for (code, class) in [
            ("invalid_grant", Class::Grant),
            ("INVALID_GRANT", Class::Grant),
            ("Invalid Grant", Class::Grant),
            ("BAD_REFRESH_TOKEN", Class::Grant),
            ("invalid-client", Class::Client),
            ("RESOURCE_EXHAUSTED", Class::TryLater),
            ("Service Unavailable", Class::TryLater),
            ("too many requests continuously", Class::TryLater),
            ("authorization_pending", Class::Pending),
            ("Not Found", Class::Unknown),
            ("Forbidden", Class::Unknown),
            ("oauth2.access_denied", Class::Unknown),
            ("", Class::Unknown),
        ] {
            assert_eq!(of_code(code), class, "{code}");
        }
    }
}
