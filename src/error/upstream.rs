//! Errors of an account's upstream, where the reverse proxy leads.

/// Why a request that was to be forwarded has no reply of the upstream's, or one that the client can't use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFailure {
    /// There is no connection, or it broke before the reply.
    #[error("can't be reached: {why}")]
    Unreachable {
        /// One clause.
        why: String,
    },
    /// It took too long.
    #[error("is too slow: {why}")]
    TooLate {
        /// One clause.
        why: String,
    },
    /// It answered 401, and there is no newer token, or 401 to that one, too.
    #[error("rejects the account's token (401), and a refresh does not help")]
    RejectsToken,
    /// It wants a nonce in the proof of the token's key (RFC 9449 §9), and the body was not kept for a replay.
    #[error(
        "wants another nonce in the proof that goes with the token (DPoP), and the body is too large to be sent again"
    )]
    WantsNonce,
    /// It answered 403, `insufficient_scope` (RFC 6750 §3.1).
    #[error("wants more scope than the account's token has{}", of(scope))]
    NeedsScope {
        /// The scopes that it wants; empty if it does not say.
        scope: String,
        /// What has to be done about it.
        next: ScopeStep,
    },
}

/// What helps where scope is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeStep {
    /// The user is asked: a login that asks for more.
    Login,
    /// The logins ask for it already: only the provider can help.
    Requested,
    /// Another `scope` in the config: all that the account requests, and this.
    Config {
        /// Separated by spaces.
        together: String,
    },
}

fn of(scope: &str) -> String {
    if scope.is_empty() { String::new() } else { format!(": `{scope}`") }
}

impl UpstreamFailure {
    /// The HTTP status. None is 401: clients would start a login of their own.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Unreachable { .. } => 502,
            Self::TooLate { .. } => 504,
            Self::RejectsToken | Self::WantsNonce => 503,
            Self::NeedsScope { .. } => 403,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self, account: &str) -> String {
        match self {
            Self::Unreachable { .. } => format!(
                "If the message names a setting, correct it. Otherwise check the network, and `upstream` in `[accounts.{account}.proxy]`."
            ),
            Self::TooLate { .. } => format!("Try again. The limit is `timeout` in `[accounts.{account}.proxy]`."),
            Self::RejectsToken => format!(
                "Run `ringback login {account}`. If that does not help, the token is not for this API: see `upstream` in `[accounts.{account}.proxy]`, and `scope`, `resource` and `audience` of the account."
            ),
            Self::WantsNonce => "Send the request again: the nonce is known now.".into(),
            Self::NeedsScope { scope, .. } if scope.is_empty() => format!(
                "Add what the API's documentation names to `scope` in `[accounts.{account}]`, run `ringback config reload`, and then `ringback login {account}`."
            ),
            Self::NeedsScope { next: ScopeStep::Login, .. } => format!(
                "Run `ringback login {account} --more-scope`, which shows what is asked for, or answer on the status page (`ringback open`)."
            ),
            Self::NeedsScope { next: ScopeStep::Requested, .. } => format!(
                "The account asks for this scope already. If its last login was before it did, run `ringback login {account}`; otherwise the provider does not grant it, or the API means something else: ask who manages it."
            ),
            Self::NeedsScope { next: ScopeStep::Config { together }, .. } => format!(
                "Nobody is asked about this scope. To request it, run `ringback account edit {account} --scope '{together}'`, and then `ringback login {account}`."
            ),
        }
    }
}
