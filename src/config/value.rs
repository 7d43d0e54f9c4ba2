//! Parsers for single values of the config file: from TOML to the parsed value, or to what is wrong with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

use super::problem::{Problem, nearest};
use crate::contract::{DEFAULT_ACCOUNT, is_name};
use crate::loopback::is_secure;
use crate::oauth::dialect::RateLimit;
use crate::oauth::scope::is_scope_byte;
use crate::secret::text::Rule;
use crate::secret::{self, ClientSecret};

/// What relative paths and `~/` are relative to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'a> {
    /// The config file's folder.
    pub(super) folder: &'a Path,
    /// The user's home, if known.
    pub(super) home: Option<&'a Path>,
}

/// "is an integer", for a value of the wrong type.
pub(super) fn is_a(value: &DeValue<'_>) -> Problem {
    let article = if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
    let name = if value.is_str() { "text" } else { value.type_str() };
    Problem::new(format!("is {article} {name}"))
}

/// A text that is neither empty nor has control characters.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, Problem> {
    let text = value.as_str().ok_or_else(|| is_a(value))?;
    match text {
        "" => Err(Problem::new("is empty")),
        _ if text.chars().any(char::is_control) => Err(Problem::new("has a control character in it")),
        _ => Ok(text.to_owned()),
    }
}

/// A client id has printable ASCII only (RFC 6749 appendix A.1).
pub(super) fn client_id(value: &DeValue<'_>) -> Result<String, Problem> {
    let id = text(value)?;
    let printable = id.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    if printable { Ok(id) } else { Err(Problem::new("has characters other than printable ASCII")) }
}

/// A secret, as a secret file would have it.
pub(super) fn secret(value: &DeValue<'_>) -> Result<ClientSecret, Problem> {
    let secret = text(value)?;
    secret::text::check(&secret, Rule::ClientSecret).map_err(|why| Problem::new(why.to_string()))?;
    Ok(ClientSecret::new(secret))
}

/// `true` or `false`.
pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, Problem> {
    value.as_bool().ok_or_else(|| is_a(value))
}

/// From 1 to 65536.
pub(super) fn count(value: &DeValue<'_>) -> Result<usize, Problem> {
    match integer(value)? {
        Some(n @ 1..=65536) => usize::try_from(n).map_err(|_| Problem::new("is out of range")),
        _ => Err(Problem::new("is out of range")),
    }
}

/// `None` if it is too large for any use.
fn integer(value: &DeValue<'_>) -> Result<Option<i64>, Problem> {
    let number = value.as_integer().ok_or_else(|| is_a(value))?;
    Ok(i64::from_str_radix(number.as_str(), number.radix()).ok())
}

/// A length of time within these bounds.
pub(super) fn duration(value: &DeValue<'_>, least: Duration, most: Duration) -> Result<Duration, Problem> {
    let length = match value {
        DeValue::String(text) => humantime::parse_duration(text).map_err(|_| Problem::new("is not a duration"))?,
        _ => match integer(value)?.map(u64::try_from) {
            Some(Ok(seconds)) => Duration::from_secs(seconds),
            Some(Err(_)) => return Err(Problem::new("is negative")),
            None => return Err(Problem::new("is out of range")),
        },
    };
    let bounds = || format!("from {} to {}", humantime::format_duration(least), humantime::format_duration(most));
    if length < least {
        return Err(Problem::new("is too short").expected(bounds()));
    }
    if length > most {
        return Err(Problem::new("is too long").expected(bounds()));
    }
    Ok(length)
}

/// Names with texts. A name must not be empty, and `refuses` says what is wrong with a name and its text.
pub(super) fn texts(
    value: &DeValue<'_>,
    refuses: impl Fn(&str, &str) -> Option<Problem>,
) -> Result<BTreeMap<String, String>, Problem> {
    let table = value.as_table().ok_or_else(|| is_a(value))?;
    let mut texts = BTreeMap::new();
    for (name, item) in table {
        let (name, item) = (name.get_ref().as_ref(), item.get_ref());
        if let Some(problem) = refuses(name, item.as_str().unwrap_or_default()) {
            return Err(problem);
        }
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(Problem::new("has a name that is empty or has a control character in it"));
        }
        let item = item.as_str().ok_or_else(|| Problem::new(format!("`{name}` {}", is_a(item).what)))?;
        texts.insert(name.to_owned(), item.to_owned());
    }
    Ok(texts)
}

/// A list of texts, none of them empty.
pub(super) fn list(value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let items = value.as_array().ok_or_else(|| is_a(value))?;
    let numbered = items.iter().enumerate();
    let read = |(n, item): (usize, &toml::Spanned<DeValue<'_>>)| {
        text(item.get_ref()).map_err(|problem| Problem::new(format!("item {} {}", n + 1, problem.what)))
    };
    numbered.map(read).collect()
}

/// A list of scopes, or one text that is split at spaces (RFC 6749 §3.3).
pub(super) fn scopes(value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let scopes = match value {
        DeValue::String(text) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        _ => list(value)?,
    };
    match scopes.iter().find(|scope| !scope.bytes().all(is_scope_byte)) {
        None => Ok(scopes),
        Some(odd) if odd.contains(' ') => {
            Err(Problem::new(format!("has a space inside the scope `{}`", odd.escape_debug())))
        }
        Some(odd) => {
            Err(Problem::new(format!("has `{}`, which is not a valid scope (RFC 6749 §3.3)", odd.escape_debug())))
        }
    }
}

/// Loopback addresses, each once.
pub(super) fn addresses(value: &DeValue<'_>) -> Result<Vec<SocketAddr>, Problem> {
    let mut addresses = Vec::new();
    for text in list(value)? {
        let shown = text.escape_debug();
        let address: SocketAddr = text.parse().map_err(|_| {
            Problem::new(format!("has `{shown}`, which is not an address with port"))
                .nearest(text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}")))
        })?;
        if !address.ip().is_loopback() {
            return Err(Problem::new(format!("has `{shown}`, which is not loopback")));
        }
        if addresses.contains(&address) {
            return Err(Problem::new(format!("has `{shown}` twice")));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// A path, made absolute.
pub(super) fn path(value: &DeValue<'_>, base: &Base<'_>) -> Result<PathBuf, Problem> {
    resolve(&text(value)?, base)
}

/// A provider's path has no folder to be relative to: presets are merged.
pub(super) fn absolute(value: &DeValue<'_>) -> Result<PathBuf, Problem> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() { Ok(path) } else { Err(Problem::new("is not an absolute path")) }
}

/// Whether and where there is a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketChoice {
    /// In the runtime folder.
    Default,
    /// At this path.
    At(PathBuf),
    /// There is none.
    Off,
}

impl SocketChoice {
    /// In the form of the file.
    pub(super) fn to_toml(&self) -> toml::Value {
        match self {
            Self::Default => toml::Value::Boolean(true),
            Self::Off => toml::Value::Boolean(false),
            Self::At(path) => toml::Value::String(path.display().to_string()),
        }
    }
}

/// A path, or whether there is a socket at all.
pub(super) fn socket(value: &DeValue<'_>, base: &Base<'_>) -> Result<SocketChoice, Problem> {
    match value {
        DeValue::String(_) => path(value, base).map(SocketChoice::At),
        _ => flag(value).map(|on| if on { SocketChoice::Default } else { SocketChoice::Off }),
    }
}

fn resolve(text: &str, base: &Base<'_>) -> Result<PathBuf, Problem> {
    if let Some(below) = text.strip_prefix("~/") {
        let home = base.home.ok_or_else(|| Problem::new("begins with `~/`, and HOME is not set"))?;
        return Ok(home.join(below));
    }
    if text.starts_with('~') {
        return Err(Problem::new("begins with `~` and no `/` after it"));
    }
    Ok(base.folder.join(text))
}

/// A program and its arguments. A program with a `/` in it is a path like any other.
pub(super) fn command(value: &DeValue<'_>, base: &Base<'_>) -> Result<Vec<String>, Problem> {
    let mut argv = list(value)?;
    let program = argv.first_mut().ok_or_else(|| Problem::new("is empty"))?;
    if program.contains('/') || program.starts_with('~') {
        let path = resolve(program, base)?.into_os_string();
        *program = path.into_string().map_err(|_| Problem::new("is below a folder whose name is not UTF-8"))?;
    }
    Ok(argv)
}

/// The name of a file in `$CREDENTIALS_DIRECTORY`.
pub(super) fn credential(value: &DeValue<'_>) -> Result<String, Problem> {
    let name = text(value)?;
    match name.as_str() {
        "." | ".." => Err(Problem::new("is a folder")),
        _ if name.contains('/') => Err(Problem::new("has a `/` in it")),
        _ => Ok(name),
    }
}

/// A name of an account or provider.
pub(super) fn name(name: &str) -> Result<(), Problem> {
    let expected = "1 to 64 characters of a-z, 0-9, `.`, `_` and `-`, with a letter or digit first";
    if name == DEFAULT_ACCOUNT {
        return Err(Problem::new("is a reserved name").expected("another: `default` stands for the default account"));
    }
    if is_name(name) {
        return Ok(());
    }
    let lower = name.to_ascii_lowercase();
    let meant = (lower != name && lower != DEFAULT_ACCOUNT && is_name(&lower)).then_some(lower);
    Err(Problem::new("is not a valid name").expected(expected).nearest(meant))
}

/// Resource indicators: absolute URIs without fragment (RFC 8707 §2), sent unchanged.
pub(super) fn resources(value: &DeValue<'_>) -> Result<Vec<String>, Problem> {
    let resources = list(value)?;
    for resource in &resources {
        let shown = resource.escape_debug();
        let url = parsed(resource, |_| format!("has `{shown}`, which is not an absolute URI"))?;
        if url.fragment().is_some() {
            return Err(Problem::new(format!("has `{shown}`, which has a fragment (`#`)")));
        }
    }
    Ok(resources)
}

/// `30/30s`: at most 30 requests in 30 seconds.
pub(super) fn rate_limit(value: &DeValue<'_>) -> Result<RateLimit, Problem> {
    let text = text(value)?;
    let (most, per) = text.split_once('/').ok_or_else(|| Problem::new("has no `/` in it"))?;
    let most = most.parse().ok().filter(|most| (1..=1_000_000).contains(most));
    let per = humantime::parse_duration(per).ok();
    let day = Duration::from_secs(24 * 60 * 60);
    let per = per.filter(|per| (Duration::from_millis(1)..=day).contains(per));
    Ok(RateLimit {
        most: most.ok_or_else(|| Problem::new("has no number from 1 to 1000000 before the `/`"))?,
        per: per.ok_or_else(|| Problem::new("has no duration from 1ms to 1 day after the `/`"))?,
    })
}

/// Members of the token reply that may be elsewhere in it (RFC 6749 §5.1, §5.2).
pub(super) const MEMBERS: [&str; 7] =
    ["access_token", "refresh_token", "token_type", "expires_in", "scope", "error", "error_description"];

/// Members with their paths, whose steps are separated by dots.
pub(super) fn response_paths(value: &DeValue<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let paths = texts(value, |_, _| None)?;
    for (name, path) in &paths {
        if !MEMBERS.contains(&name.as_str()) {
            let problem =
                Problem::new(format!("has `{}`, which is not a member of a token reply", name.escape_debug()));
            return Err(problem.expected("members of RFC 6749 §5").nearest(nearest(name, MEMBERS)));
        }
        if path.split('.').any(str::is_empty) {
            return Err(Problem::new(format!("has a path with an empty step for `{name}`")));
        }
    }
    Ok(paths)
}

/// The value as it would be written again. Types that no key accepts are left empty.
pub(super) fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(|item| plain(item.get_ref())).collect()),
        DeValue::Table(table) => toml::Value::Table(
            table.iter().map(|(name, item)| (name.get_ref().to_string(), plain(item.get_ref()))).collect(),
        ),
        DeValue::Integer(_) => integer(value).ok().flatten().map_or_else(|| "".into(), toml::Value::Integer),
        DeValue::Float(_) | DeValue::Datetime(_) => "".into(),
    }
}

/// An endpoint of a provider: https, or http on loopback; no fragment, no user name.
pub(super) fn endpoint(text: &str) -> Result<Url, Problem> {
    let url = plain_url(text)?;
    match url.scheme() {
        _ if is_secure(&url) => Ok(url),
        "http" => Err(Problem::new("uses http, which is allowed on loopback only")),
        other => Err(Problem::new(format!("uses `{other}`"))),
    }
}

fn parsed(text: &str, otherwise: impl FnOnce(url::ParseError) -> String) -> Result<Url, Problem> {
    Url::parse(text).map_err(|error| match error {
        // There are no Unicode tables in the program (`idna_adapter` in Cargo.toml).
        url::ParseError::IdnaError if !text.is_ascii() => {
            Problem::new("has a host with other letters than ASCII: write it in Punycode (`xn--...`)")
        }
        error => Problem::new(otherwise(error)),
    })
}

/// A plain URL: no white space that a parser would silently drop, no user name or password, no fragment (RFC 6749
/// §3.1).
pub(super) fn plain_url(text: &str) -> Result<Url, Problem> {
    if text.contains(char::is_whitespace) || text.contains('\\') {
        return Err(Problem::new("has white space or a backslash in it"));
    }
    let url = parsed(text, |error| format!("is not a URL ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::new("has a user name or password in it"));
    }
    if url.fragment().is_some() {
        return Err(Problem::new("has a fragment (`#`)"));
    }
    Ok(url)
}
