//! Programs that print a secret, and hooks.

use std::time::Duration;

use zeroize::Zeroizing;

use super::error::{CredentialError, MOST_BYTES};
use crate::os::child_env::ChildEnv;
use crate::os::program::{self, ProgramError, ProgramLimits};

/// Timeout after which a program is killed.
const COMMAND_PATIENCE: Duration = Duration::from_secs(10);

/// The output of the program.
pub(super) async fn output(argv: &[String], variables: &ChildEnv) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let limits = ProgramLimits { output: MOST_BYTES, time: COMMAND_PATIENCE, open_output: None };
    let done = program::output(argv, variables, limits).await;
    done.map_err(|error| CredentialError::Command {
        program: argv.first().cloned().unwrap_or_default(),
        why: predicate(error),
    })
}

fn predicate(error: ProgramError) -> String {
    match error {
        ProgramError::Empty => "is empty".into(),
        ProgramError::NotStarted(error) => format!("can't be started ({error})"),
        ProgramError::Late => format!("did not end within {} s and was killed", COMMAND_PATIENCE.as_secs()),
        ProgramError::Failed(status) => format!("failed ({status})"),
        ProgramError::TooLong => format!("printed more than {MOST_BYTES} bytes and was killed"),
        ProgramError::OutputHeld => "ended without closing its output".into(),
        ProgramError::Unread(error) => format!("can't be read from ({error})"),
    }
}
