//! Version skew as the daemon sees it. A command line of 0.1.0 does not compare versions itself: the daemon's log tells of
//! it, and so does the warning at its next login.

use std::sync::Once;

use axum::http::{HeaderMap, header};

use crate::program_version::{ProgramVersion, Skew};

/// The skew between this daemon and the command line that sent `headers`, if there is one.
pub(super) fn of_caller(headers: &HeaderMap) -> Option<Skew> {
    static LOGGED: Once = Once::new();
    let user_agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let skew = Skew::between(ProgramVersion::own()?, ProgramVersion::of_command_line(user_agent)?)?;
    // Once: the state may be asked for every few seconds.
    LOGGED.call_once(|| tracing::warn!("{skew}"));
    Some(skew)
}
