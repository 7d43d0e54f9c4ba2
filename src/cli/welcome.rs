//! What `ringback` alone says while there is no config: what to do first.

use std::process::ExitCode;

use super::command_result::CommandResult;
use super::report;
use crate::config_file::{self, ConfigEnv};

const FIRST: &str = "\
There is no config yet. To begin:

  ringback demo               See everything work, on temporary data
  ringback account add        Add your first account; it asks for what it needs
  ringback service install    Run the daemon, now and whenever you log in (or `ringback serve`)
  ringback login              Log in with the browser, once
  ringback token              Print the current token; ask whenever you need one

`ringback --help` lists every command.";

/// Says it, if there is no config; `None` if there is one, or if the command line has more `words` than the program's
/// name.
pub(super) fn run(words: usize) -> Option<CommandResult> {
    // First, since it is cheap: nearly every command line has arguments.
    if words != 1 {
        return None;
    }
    let path = config_file::default_path(&ConfigEnv::from_process(None));
    let is_first = path.is_ok_and(|path| path.symlink_metadata().is_err());
    is_first.then(|| {
        FIRST.lines().for_each(report::say);
        // The same as for other arguments that are missing.
        Ok(ExitCode::from(2))
    })
}
