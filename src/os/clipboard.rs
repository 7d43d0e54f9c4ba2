//! The desktop's clipboard, by the tools that every desktop has one of. For what is no secret: other programs read it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};

use super::child_env;

/// A program that copies its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClipboardTool {
    program: &'static str,
    arguments: &'static [&'static str],
    /// The variable without which it has no desktop.
    needs: Option<&'static str>,
}

const TOOLS: &[ClipboardTool] = &[
    ClipboardTool { program: "wl-copy", arguments: &[], needs: Some("WAYLAND_DISPLAY") },
    ClipboardTool { program: "xclip", arguments: &["-selection", "clipboard"], needs: Some("DISPLAY") },
    ClipboardTool { program: "xsel", arguments: &["--clipboard", "--input"], needs: Some("DISPLAY") },
    ClipboardTool { program: "pbcopy", arguments: &[], needs: None },
];

/// The tool of this desktop, if one is installed.
pub(crate) fn find() -> Option<ClipboardTool> {
    find_in(&|name| std::env::var_os(name))
}

fn find_in(env: &dyn Fn(&str) -> Option<OsString>) -> Option<ClipboardTool> {
    let path = env("PATH").unwrap_or_default();
    let has = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    TOOLS.iter().copied().find(|tool| tool.needs.is_none_or(has) && child_env::finds(tool.program, &path))
}

impl ClipboardTool {
    /// Copies `text`.
    pub(crate) fn copy(self, text: &str) -> io::Result<()> {
        let mut command = Command::new(self.program);
        command.env_clear().envs(child_env::of_browsers(std::env::vars_os()));
        command.args(self.arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(text.as_bytes())?;
        }
        // Each of them leaves a process behind that holds the text, and ends itself at once.
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{} failed ({status})", self.program))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_tool_of_the_desktop_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("wl-copy", 0o755), ("xclip", 0o644), ("xsel", 0o755)] {
            std::fs::File::create(folder.path().join(name)).unwrap();
            std::fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        for (set, found) in
            [(&["WAYLAND_DISPLAY", "DISPLAY"][..], Some("wl-copy")), (&["DISPLAY"], Some("xsel")), (&[], None)]
        {
            let env = |name: &str| match name {
                "PATH" => Some(folder.path().into()),
                name => set.contains(&name).then(|| ":0".into()),
            };
            assert_eq!(find_in(&env).map(|tool| tool.program), found, "{set:?}");
        }
    }
}
