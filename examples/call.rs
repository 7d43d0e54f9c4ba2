//! Calls an API with the token of an account: `cargo run -p ringback-client --example call ACCOUNT URL`

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints")]

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;

use ringback_client::{Client, DaemonOptions, TokenOptions};

fn main() -> ExitCode {
    let Err(error) = run() else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    match error.downcast_ref::<ringback_client::Error>() {
        Some(ringback_client::Error::NoDaemon { .. }) => eprintln!("hint: Start it with `ringback serve`."),
        Some(error) => error.reply().iter().for_each(|reply| eprintln!("hint: {}", reply.hint)),
        None => {}
    }
    ExitCode::FAILURE
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (account, api) = arguments.next().zip(arguments.next()).ok_or("usage: call ACCOUNT URL")?;
    let daemon = Client::find(&DaemonOptions::default())?;
    let token = || daemon.token(&account, &TokenOptions::default());
    let mut reply = get(&api, token()?.expose())?;
    // Once: an API that rejects this one, too, has another reason.
    if reply.0 == "401" {
        daemon.rejected(&account)?;
        reply = get(&api, token()?.expose())?;
    }
    let (status, text) = reply;
    if status != "200" {
        return Err(format!("the API answered {status}: {text}").into());
    }
    println!("{text}");
    Ok(())
}

/// Status and body. In place of your HTTP client, which has TLS.
fn get(url: &str, token: &str) -> Result<(String, String), Box<dyn Error>> {
    let (host, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).ok_or("not an http:// URL")?;
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, text) = reply.split_once("\r\n\r\n").ok_or("the API's reply is not HTTP")?;
    Ok((head.split(' ').nth(1).unwrap_or_default().to_owned(), text.to_owned()))
}
