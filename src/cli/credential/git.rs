//! The protocol of git's credential helpers: lines of `key=value` on standard input, and the same as the answer
//! (git-credential(1), gitcredentials(7)).

use std::process::ExitCode;

use super::found::{self, Credential};
use super::input;
use crate::cli::arguments::DaemonChoice;
use crate::cli::command_result::CommandResult;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::cli::token::format::line;
use crate::client::Client;

pub(super) fn run(operation: &str, reach: &DaemonChoice) -> CommandResult {
    match operation {
        "get" => get(reach)?,
        // The server refused what it got. Whatever comes of the report, git goes on in the same way.
        "erase" => _ = erase(reach),
        // The daemon keeps the tokens; and git asks that other operations are ignored.
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Without an account for the URL there is no answer, and git asks the next helper or the user.
fn get(reach: &DaemonChoice) -> Result<(), Failure> {
    let text = input::read()?;
    let request = Request::read(&text);
    let Some(url) = request.url() else { return Ok(()) };
    match found::ask(reach, |client| found::credential(client, &url))? {
        Some(credential) => report::answer(&answer(&request, &credential)),
        None => Ok(()),
    }
}

/// Reports the token as rejected, if it is still the current one: a second `erase` of the same token finds another.
fn erase(reach: &DaemonChoice) -> Result<(), Failure> {
    let text = input::read()?;
    let request = Request::read(&text);
    let (Some(url), Some(secret)) = (request.url(), request.secret) else { return Ok(()) };
    let client: Client = reach.client()?;
    if let Some(account) = found::owner(&client, &url, secret)? {
        client.rejected(&account)?;
    }
    Ok(())
}

/// What git says of the server.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request<'a> {
    protocol: &'a str,
    host: &'a str,
    path: &'a str,
    username: Option<&'a str>,
    /// What the server refused: the password, or a credential of another scheme.
    secret: Option<&'a str>,
    /// Whether git understands `authtype` in the answer (from 2.46 on).
    takes_schemes: bool,
    /// The server's `WWW-Authenticate` lines (from 2.41 on).
    challenges: Vec<&'a str>,
}

impl<'a> Request<'a> {
    fn read(text: &'a str) -> Self {
        let mut request = Self::default();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            match line.split_once('=').unwrap_or_default() {
                ("protocol", value) => request.protocol = value,
                ("host", value) => request.host = value,
                ("path", value) => request.path = value,
                ("username", value) => request.username = Some(value).filter(|name| !name.is_empty()),
                ("password" | "credential", value) => request.secret = Some(value),
                ("capability[]", "authtype") => request.takes_schemes = true,
                ("wwwauth[]", value) => request.challenges.push(value),
                _ => {}
            }
        }
        request
    }

    /// `None`: a protocol without tokens.
    fn url(&self) -> Option<String> {
        let has_tokens = matches!(self.protocol, "https" | "http") && !self.host.is_empty();
        has_tokens.then(|| format!("{}://{}/{}", self.protocol, self.host, self.path.trim_start_matches('/')))
    }

    /// Whether the token goes as Bearer: git can send it so, and the server does not ask for something else alone.
    fn wants_bearer(&self) -> bool {
        let is_bearer =
            |line: &&str| line.split_whitespace().next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
        self.takes_schemes && (self.challenges.is_empty() || self.challenges.iter().any(is_bearer))
    }
}

fn answer(request: &Request<'_>, credential: &Credential) -> zeroize::Zeroizing<Vec<u8>> {
    let token = credential.token.access_token.expose().as_bytes();
    let expiry = credential.token.expires_at.map(|at| format!("\npassword_expiry_utc={at}")).unwrap_or_default();
    if request.wants_bearer() {
        // Ephemeral: other helpers have no use for it later.
        let before = b"capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential=";
        return line(&[before, token, expiry.as_bytes()]);
    }
    let username = request.username.unwrap_or(&credential.username);
    line(&[b"username=", username.as_bytes(), b"\npassword=", token, expiry.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Token;
    use crate::secret::AccessToken;

    fn credential(expires_at: Option<i64>) -> Credential {
        let token =
            Token { account: "work".into(), access_token: AccessToken::new("TOKEN"), scheme: "Bearer", expires_at };
        Credential { username: "oauth2".into(), token }
    }

    #[test]
    fn the_url_is_what_git_says_of_the_server() {
        for (text, expected) in [
            ("protocol=https\nhost=git.example\n", Some("https://git.example/")),
            ("protocol=http\nhost=127.0.0.1:8080\npath=group/a.git\n", Some("http://127.0.0.1:8080/group/a.git")),
            ("protocol=https\nhost=git.example\n\nhost=other.example\n", Some("https://git.example/")),
            ("protocol=ssh\nhost=git.example\n", None),
            ("protocol=https\n", None),
            ("host=git.example\nno equals sign", None),
            ("", None),
        ] {
            assert_eq!(Request::read(text).url().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn bearer_only_where_git_and_server_take_it() {
        let password = "username=oauth2\npassword=TOKEN\n";
        let bearer = "capability[]=authtype\nauthtype=Bearer\nephemeral=1\ncredential=TOKEN\n";
        for (text, expected) in [
            ("", password),
            ("capability[]=state\n", password),
            ("capability[]=authtype\n", bearer),
            ("wwwauth[]=Bearer realm=\"a\"\n", password),
            ("capability[]=authtype\nwwwauth[]=Basic realm=\"a\"\n", password),
            ("capability[]=authtype\nwwwauth[]=Basic realm=\"a\"\nwwwauth[]=bearer\n", bearer),
            ("capability[]=authtype\nwwwauth[]=Bearerish\n", password),
            ("username=\n", password),
            ("username=ann\n", "username=ann\npassword=TOKEN\n"),
        ] {
            let told = answer(&Request::read(text), &credential(None));
            assert_eq!(String::from_utf8_lossy(&told), expected, "{text:?}");
        }
        for (text, end) in [("", "password=TOKEN"), ("capability[]=authtype\n", "credential=TOKEN")] {
            let told =
                String::from_utf8(answer(&Request::read(text), &credential(Some(1_800_000_000))).to_vec()).unwrap();
            assert!(told.ends_with(&format!("{end}\npassword_expiry_utc=1800000000\n")), "{told}");
        }
    }
}
