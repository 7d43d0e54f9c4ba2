//! An error as a reply of the API.

use std::time::Duration;

use super::{Error, UpstreamFailure};
use crate::contract::{Confirm, ErrorReply};

/// Suggested delay when too many callers wait.
const RETRY_WHEN_BUSY: Duration = Duration::from_secs(5);

impl Error {
    /// The error as a reply of the API.
    pub fn reply(&self) -> ErrorReply {
        let mut reply = ErrorReply::new(self.code(), self.to_string(), self.hint());
        match self {
            Self::UnknownAccount { nearest, .. } => reply.nearest.clone_from(nearest),
            Self::LoginRequired { account, .. } | Self::NotRefreshable { account } => {
                reply.login_url = Some(format!("/v1/accounts/{account}/login"));
            }
            Self::AnotherPerson { login_id, confirm, .. } => {
                (reply.login_id, reply.confirm) = (Some(login_id.clone()), Some(Box::new(Confirm::clone(confirm))));
            }
            Self::WrongPassphrase { pause, .. } => reply.retry_after = Some(pause.as_secs()),
            Self::ProviderUnreachable { retry_after, .. } => reply.retry_after = Some(retry_after.as_secs().max(1)),
            Self::Upstream { failure: UpstreamFailure::WantsNonce, .. } => reply.retry_after = Some(1),
            Self::Busy => reply.retry_after = Some(RETRY_WHEN_BUSY.as_secs()),
            Self::RefusesForLong { provider_error, .. } => reply.provider_error = Some(provider_error.clone()),
            Self::ProviderRefused { provider_error, .. }
            | Self::LoginFailed { provider_error, .. }
            | Self::ImportRefused { provider_error, .. } => {
                reply.provider_error.clone_from(provider_error);
            }
            _ => {}
        }
        reply
    }
}
