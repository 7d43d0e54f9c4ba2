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
    program::output(argv, variables, limits).await.map_err(|error| failed(argv, error, COMMAND_PATIENCE))
}

/// Runs a hook for at most `time`.
pub(super) async fn run(argv: &[String], variables: &ChildEnv, time: Duration) -> Result<(), CredentialError> {
    program::run(argv, variables, time).await.map_err(|error| failed(argv, error, time))
}

fn failed(argv: &[String], error: ProgramError, time: Duration) -> CredentialError {
    CredentialError::Command { program: argv.first().cloned().unwrap_or_default(), why: predicate(error, time) }
}

fn predicate(error: ProgramError, time: Duration) -> String {
    match error {
        ProgramError::Empty => "is empty".into(),
        ProgramError::NotStarted(error) => format!("can't be started ({error})"),
        ProgramError::Late => format!("did not end within {} s and was killed", time.as_secs()),
        ProgramError::Failed(status) => format!("failed ({status})"),
        ProgramError::TooLong => format!("printed more than {MOST_BYTES} bytes and was killed"),
        ProgramError::OutputHeld => "ended without closing its output".into(),
        ProgramError::Unread(error) => format!("can't be read from ({error})"),
    }
}
