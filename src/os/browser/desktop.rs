//! Whether there is a desktop to open a browser on.

use std::ffi::OsString;

/// Whether a browser can be expected, by the environment that `env` reads.
pub(crate) fn has_browser(env: &dyn Fn(&str) -> Option<OsString>) -> bool {
    // macOS and Windows open URLs themselves. Other systems need a display, a BROWSER (which may do without one), or
    // WSL.
    let desktop = ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"];
    cfg!(any(target_os = "macos", windows)) || desktop.iter().any(|name| env(name).is_some_and(|v| !v.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_browser_needs_a_display_or_a_browser_variable() {
        let env = |set: &'static str| move |name: &str| (name == set).then(|| OsString::from(":0"));
        assert!(has_browser(&env("DISPLAY")) && has_browser(&env("WAYLAND_DISPLAY")) && has_browser(&env("BROWSER")));
        assert!(!has_browser(&env("HOME")) && !has_browser(&|name| (name == "DISPLAY").then(OsString::new)));
    }
}
