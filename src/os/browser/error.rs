//! Why no browser was opened.

/// Why no browser was opened.
#[derive(Debug, thiserror::Error)]
pub enum BrowserNotOpened {
    /// There is no desktop to open it on.
    #[error("there is no browser on this machine (no display, and BROWSER is not set)")]
    NoBrowser,
    /// None of these launchers is installed.
    #[error("{}", no_launcher(.0))]
    NoLauncher(Vec<String>),
    /// The program that the config names does not exist.
    #[error("the program `{0}`, which `browser` in the config names, was not found")]
    NoProgram(String),
    /// No launcher worked. The text names programs, but never their arguments.
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
