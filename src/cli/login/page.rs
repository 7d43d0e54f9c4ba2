//! Opens the login's start page in a browser of this machine, or shows its URL.

use crate::cli::config_source::ConfigSource;
use crate::cli::report;
use crate::os::browser::{BrowserOpener as _, StartUrl, UsersBrowser};

/// Opens the start page; the URL is shown in any case.
pub(super) fn open(account: &str, start_url: &str) {
    let why = match StartUrl::parse(start_url) {
        Ok(url) => match UsersBrowser.open(&url, program(account).as_deref()) {
            Ok(()) => {
                let open = format!("The browser is open for the login to `{account}`.");
                return show(
                    &format!("{open} If no page appears, open this URL on this machine, within a minute:"),
                    start_url,
                );
            }
            Err(unopened) => unopened.to_string(),
        },
        Err(unfit) => unfit.to_string(),
    };
    show(&format!("The browser was not opened: {why}. Open this URL on this machine, within a minute:"), start_url);
    report::say(
        "If the browser is on another machine, stop this and run `ringback login --paste` here, or `ringback login --via` there.",
    );
}

/// The account's `browser`. It is read from the config and not told by the daemon, which is thus no way to have a
/// program run as whoever logs in. Without a config there is none: the daemon may have another.
fn program(account: &str) -> Option<Vec<String>> {
    let (config, _) = ConfigSource { config: None }.load_what_works().ok()?;
    config.accounts.get(account)?.keys.browser.clone()
}

/// The sentence, then the URL on a line of its own, so that it is easy to copy.
pub(super) fn show(sentence: &str, url: &str) {
    report::say(sentence);
    report::say(url);
}
