//! The formats of `ringback token`, each for one kind of reader, as a table of rendering functions.

#![allow(clippy::unnecessary_wraps, reason = "the functions of a table have one type")]

use std::ffi::OsString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::Token;
use crate::clock::{LAST_WRITABLE, Wall};
use crate::secret::AccessToken;

/// How the token is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TokenFormat {
    /// The token alone
    Bare,
    /// `Authorization: Bearer TOKEN`
    Header,
    /// `{"Authorization":"Bearer TOKEN"}`
    HeadersJson,
    /// The daemon's whole reply as JSON (docs/api.md)
    Json,
    /// `ACCESS_TOKEN=TOKEN` and `EXPIRES_AT=SECONDS`, quoted for a POSIX shell
    Env,
    /// The SASL response for IMAP and SMTP of Google and Microsoft, in base64; needs --user
    Xoauth2,
    /// The SASL response of RFC 7628, in base64; takes --user, --host and --port
    Oauthbearer,
    /// An `ExecCredential` for Kubernetes (kubectl)
    ExecCredential,
    /// The output of an executable for Google's workload identity federation
    GoogleExecutable,
    /// A line for `curl -K -`
    CurlConfig,
}

/// What a format needs of the daemon, and how it is made from that.
#[derive(Clone, Copy)]
pub(super) enum Rendering {
    /// The daemon's reply, unchanged.
    Unchanged,
    /// Made from the token alone.
    OfToken(fn(&AccessToken, &Reader<'_>) -> Rendered),
    /// Made from the token, its lifetime and its type.
    OfReply(fn(&Token, &Reader<'_>) -> Rendered),
}

/// The line or lines to print. Wiped when dropped.
pub(in crate::cli) type Rendered = Result<Zeroizing<Vec<u8>>, Failure>;

/// What some formats say of the one whom the token is shown to, and for whom.
pub(super) struct Reader<'a> {
    /// The user at the mail server.
    pub(super) user: Option<&'a str>,
    /// The mail server.
    pub(super) host: Option<&'a str>,
    /// Its port.
    pub(super) port: Option<u16>,
    /// Reads an environment variable.
    pub(super) env: fn(&str) -> Option<OsString>,
}

impl TokenFormat {
    /// The table of formats.
    pub(super) fn rendering(self) -> Rendering {
        match self {
            Self::Json => Rendering::Unchanged,
            Self::Bare => Rendering::OfToken(bare),
            Self::Header => Rendering::OfReply(header),
            Self::HeadersJson => Rendering::OfReply(headers_json),
            Self::Xoauth2 => Rendering::OfToken(xoauth2),
            Self::Oauthbearer => Rendering::OfToken(oauthbearer),
            Self::CurlConfig => Rendering::OfReply(curl_config),
            Self::Env => Rendering::OfReply(env),
            Self::ExecCredential => Rendering::OfReply(|token, reader| exec_credential(token, (reader.env)(EXEC_INFO))),
            Self::GoogleExecutable => Rendering::OfReply(google_executable),
        }
    }

    /// Whether it says which user the token is of.
    pub(super) fn takes_user(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::Oauthbearer)
    }

    /// Whether it says which server the token is shown to.
    pub(super) fn takes_server(self) -> bool {
        self == Self::Oauthbearer
    }

    /// Whether its reader takes everything that is printed, also on standard error, for the one JSON object that it
    /// expects, and wants failures in it.
    pub(super) fn reads_both_outputs(self) -> bool {
        self == Self::GoogleExecutable
    }
}

/// The parts and a newline in one piece, so that a pipe gets all or nothing.
pub(in crate::cli) fn line(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut line = joined(parts, 1);
    line.push(b'\n');
    line
}

/// The parts in one piece, with `room` for more behind them.
fn joined(parts: &[&[u8]], room: usize) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut all = Zeroizing::new(Vec::with_capacity(length + room));
    for part in parts {
        all.extend_from_slice(part);
    }
    all
}

fn bare(token: &AccessToken, _: &Reader<'_>) -> Rendered {
    // Exposed here and below, since printing the token is the purpose of this command.
    Ok(line(&[token.expose().as_bytes()]))
}

fn header(token: &Token, _: &Reader<'_>) -> Rendered {
    Ok(line(&[b"Authorization: ", token.scheme.as_bytes(), b" ", token.access_token.expose().as_bytes()]))
}

/// As `curl -K` reads it: in quotes, with `\` before `\` and `"`. A token has no other characters that matter there.
fn curl_config(token: &Token, _: &Reader<'_>) -> Rendered {
    let escaped = escaped(&token.access_token, |byte| matches!(byte, b'"' | b'\\'), b"\\");
    Ok(line(&[b"header = \"Authorization: ", token.scheme.as_bytes(), b" ", &escaped, b"\""]))
}

/// The token with `mark` before each byte that `needs` it.
fn escaped(token: &AccessToken, needs: fn(u8) -> bool, mark: &[u8]) -> Zeroizing<Vec<u8>> {
    let token = token.expose().as_bytes();
    let mut text = Zeroizing::new(Vec::with_capacity(token.len() * (mark.len() + 1)));
    for byte in token {
        if needs(*byte) {
            text.extend_from_slice(mark);
        }
        text.push(*byte);
    }
    text
}

#[derive(Serialize)]
struct Headers<'a> {
    #[serde(rename = "Authorization")]
    authorization: &'a str,
}

fn headers_json(token: &Token, _: &Reader<'_>) -> Rendered {
    let text = token.access_token.expose();
    let mut value = Zeroizing::new(String::with_capacity(token.scheme.len() + 1 + text.len()));
    value.extend([token.scheme, " ", text]);
    json(&Headers { authorization: &value }, &token.access_token)
}

/// In a buffer that does not grow: `reply` has no more than the token and some short members.
fn json(reply: &impl Serialize, token: &AccessToken) -> Rendered {
    let mut text = Zeroizing::new(Vec::with_capacity(2 * token.expose().len() + 512));
    serde_json::to_writer(&mut *text, reply).map_err(message::unserializable)?;
    text.push(b'\n');
    Ok(text)
}

/// Both lines always, so that a value of an earlier token does not stay in the shell.
fn env(token: &Token, _: &Reader<'_>) -> Rendered {
    let expires_at = token.expires_at.map(|at| at.to_string()).unwrap_or_default();
    let quoted = shell_quoted(&token.access_token);
    Ok(line(&[b"ACCESS_TOKEN=", &quoted, b"\nEXPIRES_AT=", expires_at.as_bytes()]))
}

/// As one word of a POSIX shell (POSIX.1-2024, XCU 2.2.2). Quoted only if need be: files of variables that no shell reads
/// have the same form, without quotes.
fn shell_quoted(token: &AccessToken) -> Zeroizing<Vec<u8>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+' | b'/' | b'=');
    if token.expose().bytes().all(plain) {
        return joined(&[token.expose().as_bytes()], 0);
    }
    // A quote can't stand within quotes: it closes them, stands there on its own, and they are opened again.
    joined(&[b"'", &escaped(token, |byte| byte == b'\'', b"'\\'"), b"'"], 0)
}

/// `user=USER^Aauth=Bearer TOKEN^A^A`, as Google and Microsoft document it.
fn xoauth2(token: &AccessToken, reader: &Reader<'_>) -> Rendered {
    let user = sasl_value("--user", reader.user.unwrap_or_default())?;
    base64(&joined(&[b"user=", user.as_bytes(), b"\x01auth=Bearer ", token.expose().as_bytes(), b"\x01\x01"], 0))
}

/// RFC 7628 §3.1: a GS2 header, then pairs of key and value, each ended by ^A.
fn oauthbearer(token: &AccessToken, reader: &Reader<'_>) -> Rendered {
    let user = reader.user.map(|user| sasl_value("--user", user)).transpose()?;
    let host = reader.host.map(|host| sasl_value("--host", host)).transpose()?;
    // RFC 5801 §4: these two characters separate the parts of the header.
    let user = user.map(|user| format!("a={}", user.replace('=', "=3D").replace(',', "=2C"))).unwrap_or_default();
    let host = host.map(|host| format!("\x01host={host}")).unwrap_or_default();
    let port = reader.port.map(|port| format!("\x01port={port}")).unwrap_or_default();
    let before = format!("n,{user},{host}{port}\x01auth=Bearer ");
    base64(&joined(&[before.as_bytes(), token.expose().as_bytes(), b"\x01\x01"], 0))
}

/// A control character would end the value, and begin another.
fn sasl_value<'a>(option: &str, value: &'a str) -> Result<&'a str, Failure> {
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(message::not_for_sasl(option));
    }
    Ok(value)
}

fn base64(bytes: &[u8]) -> Rendered {
    let room = base64::encoded_len(bytes.len(), true).unwrap_or_default();
    let mut text = Zeroizing::new(vec![0; room + 1]);
    // Into its place at once: no other buffer has a copy.
    let length = STANDARD.encode_slice(bytes, &mut text).map_err(message::unserializable)?;
    text.truncate(length);
    text.push(b'\n');
    Ok(text)
}

/// `client.authentication.k8s.io`, in the version that the caller asks for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential<'a> {
    api_version: &'static str,
    kind: &'static str,
    status: ExecCredentialStatus<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus<'a> {
    /// Absent: the caller keeps the token until it ends or the server answers 401.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_timestamp: Option<String>,
    token: &'a str,
}

/// The versions with this shape. The first is for a caller that asks for none.
const EXEC_VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
/// The end of the year 9999, beyond which RFC 3339 has no times: as good as none.
const LAST_TIMESTAMP: i64 = LAST_WRITABLE / 1000;
/// Where a caller says which it wants.
pub(in crate::cli) const EXEC_INFO: &str = "KUBERNETES_EXEC_INFO";

/// The token for a client of Kubernetes, which says in `info` ([`EXEC_INFO`]) what it takes.
pub(in crate::cli) fn exec_credential(token: &Token, info: Option<OsString>) -> Rendered {
    let expires_at = token.expires_at.filter(|at| *at <= LAST_TIMESTAMP);
    let expires_at = expires_at.map(|at| Wall::of_unix_seconds(at).rfc3339_seconds());
    let credential = ExecCredential {
        api_version: exec_version(info)?,
        kind: "ExecCredential",
        status: ExecCredentialStatus { expiration_timestamp: expires_at, token: token.access_token.expose() },
    };
    json(&credential, &token.access_token)
}

fn exec_version(info: Option<OsString>) -> Result<&'static str, Failure> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ExecInfo {
        api_version: String,
    }
    let [usual, _] = EXEC_VERSIONS;
    let Some(info) = info.filter(|info| !info.is_empty()) else { return Ok(usual) };
    let info = info.to_str().and_then(|info| serde_json::from_str::<ExecInfo>(info).ok());
    let info = info.ok_or_else(message::no_exec_info)?;
    let known = EXEC_VERSIONS.into_iter().find(|version| *version == info.api_version);
    known.ok_or_else(|| message::other_exec_version(info.api_version))
}

/// A reply of version 1 with a token. It is called an ID token, whatever it is: the provider's JWT that Google checks.
#[derive(Serialize)]
struct GoogleToken<'a> {
    version: u32,
    success: bool,
    token_type: &'static str,
    id_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<i64>,
}

/// The same without one.
#[derive(Serialize)]
struct GoogleRefusal<'a> {
    version: u32,
    success: bool,
    code: &'a str,
    message: String,
}

const GOOGLE_VERSION: u32 = 1;

fn google_executable(token: &Token, _: &Reader<'_>) -> Rendered {
    let text = token.access_token.expose();
    // RFC 7519 §3.1: three parts, none of them empty if it is signed.
    if text.split('.').count() != 3 || text.split('.').any(str::is_empty) {
        return Err(message::not_a_jwt(&token.account));
    }
    let reply = GoogleToken {
        version: GOOGLE_VERSION,
        success: true,
        token_type: "urn:ietf:params:oauth:token-type:jwt",
        id_token: text,
        expiration_time: token.expires_at,
    };
    json(&reply, &token.access_token)
}

/// Why there is no token, as a reader of [`TokenFormat::GoogleExecutable`] expects it.
pub(super) fn google_refusal(failure: &Failure) -> Result<String, Failure> {
    let reply = failure.reply();
    let refusal = GoogleRefusal {
        version: GOOGLE_VERSION,
        success: false,
        code: reply.error.row().name,
        message: format!("{}. {}", reply.error_description, reply.hint).trim_end().to_owned(),
    };
    Ok(format!("{}\n", serde_json::to_string(&refusal).map_err(message::unserializable)?))
}

#[cfg(test)]
mod tests;
