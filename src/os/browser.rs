//! Opens a browser at a one-time start URL of this machine, and never at another URL: the user's default browser, or
//! the program that the config names.
//!
//! A provider's URL is never passed to it: every user of the machine can read the arguments of a process, and launchers
//! have been exploited with hostile URLs (docs/security.md, rule 19).

mod desktop;
mod error;
mod launch;
mod service;
mod start_url;

pub(crate) use desktop::has_browser;
pub use error::BrowserNotOpened;
pub use start_url::StartUrl;

/// Opens browsers. A trait, so that tests can act as the user.
pub trait BrowserOpener: Send + Sync {
    /// Opens `url` with `program`, else with the default browser, without waiting for the browser to end. Blocks: two
    /// seconds for each launcher, or as long as the service manager takes to start a program.
    fn open(&self, url: &StartUrl, program: Option<&[String]>) -> Result<(), BrowserNotOpened>;
}

/// The user's own browser.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsersBrowser;

impl BrowserOpener for UsersBrowser {
    fn open(&self, url: &StartUrl, program: Option<&[String]>) -> Result<(), BrowserNotOpened> {
        let env = |name: &str| std::env::var_os(name);
        if service::are_we(&env) {
            return service::open(url, program);
        }
        // The program may need no display, and there is no other choice.
        if let Some([program, arguments @ ..]) = program {
            return launch::this_one(program, arguments, url);
        }
        if !has_browser(&env) {
            return Err(BrowserNotOpened::NoBrowser);
        }
        launch::first_that_works(open::commands(url.as_str()))
    }
}
