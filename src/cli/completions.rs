//! `ringback completions`: a script for each shell, which asks `complete` at every Tab.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::command_result::CommandResult;
use super::report;

/// Print a script that completes commands, options and names in your shell
///
/// Completes the names of accounts, apps and providers too: those that the daemon knows, or that are in the config if it
/// does not run. The script for PowerShell has not been tried.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: ShellKind,
}

const HELP: &str = "\
Examples:
  echo 'source <(ringback completions bash)' >>~/.bashrc
  echo 'source <(ringback completions zsh)' >>~/.zshrc    After `compinit`
  ringback completions fish >~/.config/fish/completions/ringback.fish
  ringback completions nushell | save -f ($nu.user-autoload-dirs.0 | path join ringback.nu)
  ringback completions powershell >>$PROFILE";

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShellKind {
    Bash,
    Zsh,
    Fish,
    Nushell,
    #[value(name = "powershell")]
    PowerShell,
}

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs) -> CommandResult {
    report::answer(args.shell.script().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

impl ShellKind {
    fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("completions/ringback.bash"),
            Self::Zsh => include_str!("completions/ringback.zsh"),
            Self::Fish => include_str!("completions/ringback.fish"),
            Self::Nushell => include_str!("completions/ringback.nu"),
            Self::PowerShell => include_str!("completions/ringback.ps1"),
        }
    }
}
