//! `std-client SOCKET`: prints the token. The least that `ringback token` could do.

use std::path::PathBuf;
use std::process::ExitCode;

use ringback_compare::client;

fn main() -> ExitCode {
    let Some(socket) = std::env::args_os().nth(1) else {
        eprintln!("usage: std-client SOCKET");
        return ExitCode::from(2);
    };
    match client::token(&PathBuf::from(socket)) {
        Ok(token) => {
            println!("{}", token.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("std-client: {error}");
            ExitCode::FAILURE
        }
    }
}
