//! What completion and man pages read of the definition of the command line.

use clap::Command;

/// What a command does, in one line.
pub(super) fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
