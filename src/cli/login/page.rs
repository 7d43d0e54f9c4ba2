//! Opens the login's start page in a browser of this machine, or shows its URL.

use crate::cli::config_source::ConfigSource;
use crate::cli::report;
use crate::os::browser::{BrowserOpener as _, StartUrl, UsersBrowser};

/// Opens the start page of a login to this machine's daemon, in the account's own browser if it has one.
pub(super) fn open_here(account: &str, start_url: &str) {
    if !open(account, start_url, program(account).as_deref()) {
        report::say(
            "If the browser is on another machine, stop this and run `ringback login --paste` here, or `ringback login --via` there.",
        );
    }
}

/// Opens the start page with this program, or with the system's; the URL is shown in any case. `false`: it was not opened.
pub(super) fn open(account: &str, start_url: &str, program: Option<&[String]>) -> bool {
    let opened = match StartUrl::parse(start_url) {
        Ok(url) => UsersBrowser.open(&url, program).map_err(|unopened| unopened.to_string()),
        Err(unfit) => Err(unfit.to_string()),
    };
    let sentence = match &opened {
        Ok(()) => format!(
            "The browser is open for the login to `{account}`. If no page appears, open this URL on this machine, within \
             a minute:"
        ),
        Err(why) => format!("The browser was not opened: {why}. Open this URL on this machine, within a minute:"),
    };
    say(&sentence, start_url);
    opened.is_ok()
}

/// The account's `browser`. It is read from the config and not told by the daemon, which is thus no way to have a
/// program run as whoever logs in. Without a config there is none: the daemon may have another.
fn program(account: &str) -> Option<Vec<String>> {
    let (config, _) = ConfigSource { config: None }.load_what_works().ok()?;
    config.accounts.get(account)?.keys.browser.clone()
}

/// Shows the URL for a login whose browser the user opens.
pub(super) fn show(url: &str) {
    say("Open this URL in a browser on this machine, within a minute:", url);
}

/// Says that this login has no page.
pub(super) fn not_needed(account: &str) {
    report::say(&format!("`{account}` needs no browser: the daemon asks the provider."));
}

/// The sentence, then the URL on a line of its own, so that it is easy to copy.
fn say(sentence: &str, url: &str) {
    report::say(sentence);
    report::say(url);
}
