//! `--more-scope`: shows which scope the account's upstream wants, and asks whether the provider is asked for it.

use crate::cli::arguments::DaemonChoice;
use crate::cli::failure::Failure;
use crate::cli::{message, replace, report};

/// What was agreed to, separated by spaces. `None`: somebody at the terminal says no.
pub(super) fn agreed(reach: &DaemonChoice, account: &str) -> Result<Option<String>, Failure> {
    let account = reach.client()?.account(account)?;
    let wanted = account.proxy.and_then(|proxy| Some((proxy.scope_wanted?, proxy.upstream)));
    let Some((wanted, upstream)) = wanted else { return Err(message::no_more_scope(&account.account)) };
    let (who, scope) = (wanted.who(), &wanted.scope);
    report::say(&report::plain(&format!("The API at {upstream} refused requests of {who}, and wants: {scope}")));
    // Without a terminal the option alone says yes.
    let agrees = replace::says_yes(&["Ask the provider for that, too? [y/N] "]).unwrap_or(true);
    Ok(agrees.then_some(wanted.scope))
}
