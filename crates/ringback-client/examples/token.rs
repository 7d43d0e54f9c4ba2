//! Prints the access token of an account: `cargo run --example token [ACCOUNT]`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

use std::process::ExitCode;

use ringback_client::contract::DEFAULT_ACCOUNT;
use ringback_client::{Client, DaemonOptions, Error, TokenOptions};

fn main() -> ExitCode {
    let account = std::env::args().nth(1);
    match print_token(account.as_deref().unwrap_or(DEFAULT_ACCOUNT)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(reply) = error.reply() {
                eprintln!("hint: {}", reply.hint);
            }
            // The same exit codes as those of `ringback token`.
            ExitCode::from(error.code().row().exit)
        }
    }
}

fn print_token(account: &str) -> Result<(), Error> {
    let client = Client::find(&DaemonOptions::default())?;
    // A token that is valid for five minutes more, refreshed first if need be.
    let options = TokenOptions { min_ttl: Some(300), ..TokenOptions::default() };
    let token = client.token(account, &options)?;
    println!("{}", token.expose());
    Ok(())
}
