//! Opens the user's browser at a one-time start URL of this machine, and at nothing else.
//!
//! The provider's URL never comes here: arguments of a process can be read by everybody on the
//! machine, and launchers have been tricked by hostile URLs (security.md §2.2).

mod launch;
#[cfg(target_os = "linux")]
mod service;

use std::ffi::OsString;
use std::fmt;

use url::Url;

use crate::loopback::is_loopback;

/// Where the path of every URL that is opened begins: a login, or the status page.
const STARTS: [&str; 2] = ["/login/start/", "/open/"];

/// A URL that can be handed to a browser launcher: http, this machine, one of `STARTS` and a ticket, and
/// serialised anew, so that what was checked is what is used. `Debug` leaves the ticket out.
#[derive(Clone, PartialEq, Eq)]
pub struct StartUrl(Url);

/// The text is not a start URL of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is not a one-time URL of this machine")]
pub struct NotAStartUrl;

/// Why no browser was opened.
#[derive(Debug, thiserror::Error)]
pub enum BrowserNotOpened {
    /// There is no desktop to open it on.
    #[error("there is no browser here (no display, and BROWSER is not set)")]
    NoBrowser,
    /// None of these launchers is there.
    #[error("{}", no_launcher(.0))]
    NoLauncher(Vec<String>),
    /// No launcher worked. The text names programs and never their arguments.
    #[error("the browser could not be started: {0}")]
    Failed(String),
}

fn no_launcher(looked_for: &[String]) -> String {
    match looked_for {
        [] => "no program that opens a browser is known for this system".into(),
        names => {
            format!("no program that opens a browser is installed (looked for {}; xdg-utils has one)", names.join(", "))
        }
    }
}

/// Opens browsers. A trait, so that tests can click in the user's place.
pub trait BrowserOpener: Send + Sync {
    /// Opens `url` without waiting for the browser to end. Blocks: two seconds for each launcher, or as long as the
    /// service manager takes to start a program.
    fn open(&self, url: &StartUrl) -> Result<(), BrowserNotOpened>;
}

/// The user's own browser.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsersBrowser;

impl BrowserOpener for UsersBrowser {
    fn open(&self, url: &StartUrl) -> Result<(), BrowserNotOpened> {
        let env = |name: &str| std::env::var_os(name);
        #[cfg(target_os = "linux")]
        if service::are_we(&env) {
            return service::open(url);
        }
        if !has_browser(&env) {
            return Err(BrowserNotOpened::NoBrowser);
        }
        launch::first_that_works(open::commands(url.as_str()))
    }
}

impl StartUrl {
    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, NotAStartUrl> {
        let url = Url::parse(text).map_err(|_| NotAStartUrl)?;
        let here = is_loopback(&url);
        let bare =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        let ticket = STARTS.iter().find_map(|start| url.path().strip_prefix(start)).unwrap_or_default();
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = !ticket.is_empty() && ticket.len() <= 128 && ticket.bytes().all(harmless);
        if url.scheme() == "http" && here && bare && fits { Ok(Self(url)) } else { Err(NotAStartUrl) }
    }

    /// The URL, ticket included.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for StartUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = STARTS.iter().find(|start| self.0.path().starts_with(**start)).copied().unwrap_or_default();
        write!(f, "StartUrl({}{start}[redacted])", self.0.origin().ascii_serialization())
    }
}

/// Whether a browser can be expected, by the environment that `env` reads.
pub fn has_browser(env: &dyn Fn(&str) -> Option<OsString>) -> bool {
    // Elsewhere the system itself opens URLs; on the free desktops it takes a display, or a BROWSER that
    // may do without, or Windows around us.
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];
    cfg!(any(target_os = "macos", windows)) || desktop.iter().any(|name| env(name).is_some_and(|v| !v.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_start_urls_of_this_machine_are_opened() {
        for good in [
            "http://127.0.0.1:7464/login/start/abc-_9",
            "http://localhost:1/login/start/a",
            "http://[::1]:7464/login/start/a",
            "http://127.0.0.1:7464/open/abc-_9",
        ] {
            assert_eq!(StartUrl::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-x",
            "--version",
            "file:///etc/passwd",
            "https://127.0.0.1:7464/login/start/a",
            "http://example.com/login/start/a",
            "http://127.0.0.1.example.com/login/start/a",
            "http://10.0.0.1:7464/login/start/a",
            "http://0.0.0.0:7464/login/start/a",
            "http://user@127.0.0.1:7464/login/start/a",
            "http://127.0.0.1:7464/login/start/",
            "http://127.0.0.1:7464/login/start/a/b",
            "http://127.0.0.1:7464/login/start/$(id)",
            "http://127.0.0.1:7464/login/start/a`id`",
            "http://127.0.0.1:7464/login/start/%24",
            "http://127.0.0.1:7464/login/start/../../x",
            "http://127.0.0.1:7464/login/start/a?b",
            "http://127.0.0.1:7464/login/start/a#b",
            "http://127.0.0.1:7464/callback/x",
        ] {
            assert_eq!(StartUrl::parse(bad), Err(NotAStartUrl), "{bad}");
        }
    }

    #[test]
    fn debug_leaves_the_ticket_out() {
        let url = StartUrl::parse("http://127.0.0.1:7464/login/start/canary").unwrap();
        assert_eq!(format!("{url:?}"), "StartUrl(http://127.0.0.1:7464/login/start/[redacted])");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_browser_needs_a_display_or_a_browser_variable() {
        let env = |set: &'static str| move |name: &str| (name == set).then(|| OsString::from(":0"));
        assert!(has_browser(&env("DISPLAY")) && has_browser(&env("WAYLAND_DISPLAY")) && has_browser(&env("BROWSER")));
        assert!(!has_browser(&env("HOME")) && !has_browser(&|name| (name == "DISPLAY").then(OsString::new)));
    }
}
