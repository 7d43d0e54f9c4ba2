//! Everything that is known about accounts: a table, and notes below each account.

use std::fmt::Write as _;

use super::standing::{ON_DEMAND, ends_at, is_idle, word, worst_first};
use crate::cli::report::{Palette, moment, plain};
use crate::contract::{AccountReply, AccountState, ExpiryWord, LastError, ProxyReply, ProxyUse, whose};

const HEAD: [&str; 5] = ["ACCOUNT", "PROVIDER", "STATE", "EXPIRES", "NEXT REFRESH"];
/// The column that has a colour.
const STATE: usize = 2;

/// The columns, and notes below each account; the worst account first.
pub(super) fn table(accounts: &[AccountReply], default: Option<&str>, now: i64, palette: Palette) -> String {
    let accounts = worst_first(accounts, now);
    let rows: Vec<[String; 5]> = accounts.iter().map(|(_, account)| row(account, now)).collect();
    let head = HEAD.map(String::from);
    let mut widths = [0_usize; 5];
    for line in std::iter::once(&head).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let indent = if default.is_some() { "  " } else { "" };
    // Writing to a `String` does not fail.
    let _ = writeln!(text, "{indent}{}", padded(&head, widths, |_, cell| cell));
    for ((group, account), row) in accounts.into_iter().zip(&rows) {
        let paint = |column, cell: String| if column == STATE { palette.paint(group.tone(), &cell) } else { cell };
        let _ = writeln!(text, "{}{}", mark(&account.account, default), padded(row, widths, paint));
        for note in notes(account, now) {
            let _ = writeln!(text, "{indent}  {note}");
        }
    }
    text
}

/// `* ` before the default account; nothing if there is none to mark.
pub(super) fn mark(name: &str, default: Option<&str>) -> &'static str {
    match default {
        Some(default) if default == name => "* ",
        Some(_) => "  ",
        None => "",
    }
}

fn padded(cells: &[String; 5], widths: [usize; 5], paint: impl Fn(usize, String) -> String) -> String {
    let cells = cells.iter().zip(widths).enumerate();
    let line = cells.map(|(column, (cell, width))| paint(column, format!("{cell:width$}"))).collect::<Vec<_>>();
    line.join("  ").trim_end().to_owned()
}

fn row(account: &AccountReply, now: i64) -> [String; 5] {
    let expires = match (account.expires_at, account.expiry) {
        (Some(at), _) if at <= now => format!("expired {}", moment(at, now)),
        (Some(at), _) => moment(at, now),
        (None, Some(ExpiryWord::Never)) => "never".into(),
        (None, Some(ExpiryWord::Unknown)) => "unknown".into(),
        (None, None) => "-".into(),
    };
    let next = match account.next_refresh_at {
        Some(at) if at <= now => "due".into(),
        Some(at) => moment(at, now),
        None => "-".into(),
    };
    [plain(&account.account), plain(&account.provider), word(account, now).into(), expires, next]
}

/// What the user should do about the account, if anything.
pub(super) fn to_do(account: &AccountReply) -> Option<String> {
    let name = plain(&account.account);
    if let Some(confirm) = &account.login_confirm {
        let (current, new) = confirm.in_words();
        let (current, new) = (plain(&current), plain(&new));
        return Some(format!("a login as {new} is waiting: should it replace {current}? run `ringback login {name}`"));
    }
    if account.login_pending.is_some() {
        return Some("a login is pending: finish it in the browser".into());
    }
    let is_needed = matches!(account.state, AccountState::NeedsLogin | AccountState::SignedOut);
    is_needed.then(|| format!("run `ringback login {name}`"))
}

/// What the user is asked about scope, if anything.
pub(super) fn scope_wanted(account: &AccountReply) -> Option<String> {
    let wanted = account.proxy.as_ref()?.scope_wanted.as_ref()?;
    let (scope, who, name) = (&wanted.scope, wanted.who(), &account.account);
    Some(plain(&format!("more scope wanted ({scope}) by {who}: run `ringback login {name} --more-scope`")))
}

/// What went wrong last, and when.
pub(super) fn failed(error: &LastError, now: i64) -> String {
    let times = if error.failures > 1 { format!(", {} times in a row", error.failures) } else { String::new() };
    format!("last error {}{times}: {}", moment(error.at, now), plain(&error.error_description))
}

/// Where the proxy is, and who has used it.
fn proxy(proxy: &ProxyReply) -> Vec<String> {
    let at = proxy.base_url.as_deref().unwrap_or("the unix socket");
    let used = |uses: &ProxyUse| {
        let who = uses.app.as_deref().unwrap_or("programs without a key");
        let ProxyUse { requests, refused, sent, received, .. } = uses;
        plain(&format!("proxy, {who}: {requests} requests, {refused} refused, {sent} bytes sent, {received} received"))
    };
    let place = plain(&format!("proxy: {at} leads to {}", proxy.upstream));
    std::iter::once(place).chain(proxy.uses.iter().map(used)).collect()
}

fn notes(account: &AccountReply, now: i64) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reason) = &account.reason {
        notes.push(plain(reason));
    }
    if let Some(until) = ends_at(account, now) {
        notes.push(format!("its token expires {}, and no new one will come unless this is fixed", moment(until, now)));
    }
    if let Some(error) = &account.last_error {
        notes.push(failed(error, now));
    }
    if let Some(error) = &account.file_error {
        notes.push(format!("its token file is not as it should be: {}", plain(error)));
    }
    if account.state == AccountState::Starting {
        notes.push("is getting its first token".into());
    }
    if is_idle(account, now) {
        notes.push(ON_DEMAND.into());
    }
    notes.extend(to_do(account));
    notes.extend(scope_wanted(account));
    if account.state == AccountState::Active && !account.refreshable {
        notes.push("can't be refreshed: you have to log in when it expires".into());
    }
    notes.extend(account.proxy.iter().flat_map(proxy));
    if let Some(whose) = whose(&account.identity) {
        notes.push(format!("whose: {}", plain(&whose)));
    }
    if account.dpop_bound == Some(true) {
        notes.push("its tokens are bound to a key (DPoP)".into());
    }
    if let Some(scope) = &account.scope {
        notes.push(format!("scope: {}", plain(scope)));
    }
    notes
}
