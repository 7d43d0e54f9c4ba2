//! Reports how a login ended.

use crate::cli::arguments::JsonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::granted::{Granted, as_whom};
use crate::cli::{replace, report};
use crate::contract::{LoginReply, LoginStatus};
use crate::error::Error;

/// Reports how a login ended.
pub(in crate::cli) fn tell(reply: LoginReply, json: JsonChoice) -> CommandResult {
    if let Some(failure) = reply.failure {
        if reply.earlier_login {
            report::say(&format!(
                "The earlier login to `{}` is still valid: programs still get its token.",
                reply.account
            ));
        }
        return Err(failure.into());
    }
    if reply.status != LoginStatus::Succeeded {
        let error = Error::LoginFailed {
            account: reply.account,
            why: "the daemon did not say why".into(),
            provider_error: None,
        };
        return Err(error.into());
    }
    json.tell(&reply, || {
        report::say(&format!("Logged in to `{}`{}.", reply.account, as_whom(&reply.identity)));
        replace::tell(&reply.replaced);
        let (scope, refreshable) = (reply.scope.as_deref(), reply.refreshable);
        Granted { scope, expires_at: reply.token_expires_at, expiry: reply.token_expiry, refreshable }.tell();
    })
}
