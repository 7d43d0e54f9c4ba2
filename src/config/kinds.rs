//! The kinds of values that keys have. What is wrong with a value, and how it is read, is in `value` and beside it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use toml::de::DeValue;
use url::Url;

use super::api_urls::api_urls;
use super::file_template::{FileTemplate, file_mode, file_template};
use super::host;
use super::kind::{Kind, Place, ShownValue};
use super::locations::location;
use super::problem::{Problem, nearest};
use super::proxy::proxy;
use super::redirect::redirect_uri;
use super::reserved::RequestKind;
use super::schema::ValueKind;
use super::template::{Template, variables};
use super::value::{self, SocketChoice};
use super::words::{self, Words};
use crate::oauth::api_url::ApiUrl;
use crate::oauth::dialect::{IssPolicy, Proxy as ProxyChoice, RateLimit};
use crate::secret::ClientSecret;

/// Seconds, for [`Length`].
pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;
pub(super) const YEAR: u64 = 365 * DAY;

macro_rules! kind {
    ($(#[doc = $doc:literal])+ $Kind:ident: $type:ty, as $kind:ident, read $read:expr, show $show:expr $(, over $over:expr)?) => {
        $(#[doc = $doc])+
        pub(super) struct $Kind;

        impl Kind for $Kind {
            type Value = $type;
            const KIND: ValueKind = ValueKind::$kind;

            fn read(value: &DeValue<'_>, place: &Place<'_>) -> Result<$type, Problem> {
                let read: fn(&DeValue<'_>, &Place<'_>) -> Result<$type, Problem> = $read;
                read(value, place)
            }

            fn show(value: &$type) -> Option<ShownValue> {
                let show: fn(&$type) -> Option<ShownValue> = $show;
                show(value)
            }

            $(fn over(above: $type, below: $type) -> $type {
                $over(above, below)
            })?
        }
    };
}

kind! {
    /// A text that is not empty.
    Text: String, as Text, read |value, _| value::text(value), show |text| Some(text.clone().into())
}

kind! {
    /// A client id: printable ASCII (RFC 6749 appendix A.1).
    ClientId: String, as Text, read |value, _| value::client_id(value), show |text| Some(text.clone().into())
}

kind! {
    /// A secret in the config file itself.
    Secret: ClientSecret, as Secret, read |value, _| value::secret(value), show |_| None
}

kind! {
    /// `true` or `false`.
    Flag: bool, as Flag, read |value, _| value::flag(value), show |on| Some((*on).into())
}

kind! {
    /// From 1 to 65536.
    Count: usize, as Count, read |value, _| value::count(value), show |n| i64::try_from(*n).ok().map(Into::into)
}

kind! {
    /// A path, made absolute.
    FilePath: PathBuf, as Path, read |value, place| value::path(value, &place.base), show |path| Some(path.display().to_string().into())
}

kind! {
    /// A path that is absolute, for presets: they have no folder.
    AbsolutePath: PathBuf, as Text, read |value, _| value::absolute(value), show |path| Some(path.display().to_string().into())
}

kind! {
    /// Whether and where there is a unix socket.
    Socket: SocketChoice, as FlagOrPath, read |value, place| value::socket(value, &place.base), show |socket| Some(socket.to_toml().into())
}

kind! {
    /// What a token file holds.
    Content: FileTemplate, as Text, read |value, _| file_template(value), show |template| Some(template.to_string().into())
}

kind! {
    /// The mode of a token file.
    Mode: u32, as Text, read |value, _| file_mode(value), show |mode| Some(format!("{mode:04o}").into())
}

kind! {
    /// Loopback addresses, each once.
    Addresses: Vec<SocketAddr>, as Addresses, read |value, _| value::addresses(value), show |all| Some(list(all.iter().map(ToString::to_string)))
}

kind! {
    /// An address of any network.
    Address: SocketAddr, as Address, read |value, _| host::address(value), show |address| Some(address.to_string().into())
}

kind! {
    /// Names of a host.
    Hosts: Vec<String>, as Hosts, read |value, _| host::hosts(value), show |all| Some(list(all.iter().cloned()))
}

kind! {
    /// The name of an app.
    AppName: String, as Text, read |value, _| host::app_name(value), show |name| Some(name.clone().into())
}

kind! {
    /// A program with its arguments.
    Command: Vec<String>, as Command, read |value, place| value::command(value, &place.base), show |argv| Some(hidden(argv))
}

kind! {
    /// The name of a systemd credential.
    Credential: String, as Credential, read |value, _| value::credential(value), show |name| Some(name.clone().into())
}

kind! {
    /// Scopes, in their order.
    Scopes: Vec<String>, as Scopes, read |value, _| value::scopes(value), show |scopes| Some(list(scopes.iter().cloned()))
}

kind! {
    /// Resource indicators (RFC 8707).
    Resources: Vec<String>, as Resources, read |value, _| value::resources(value), show |all| Some(list(all.iter().cloned()))
}

kind! {
    /// URLs of APIs.
    ApiUrls: Vec<ApiUrl>, as ApiUrls, read |value, _| api_urls(value), show |all| (!all.is_empty()).then(|| list(all.iter().map(ToString::to_string)))
}

kind! {
    /// Further parameters of a request; the key says of which one.
    Parameters: BTreeMap<String, String>, as Texts, read parameters, show |all| Some(table(all)), over merged
}

kind! {
    /// Members of the token reply with the paths to them.
    ReplyPaths: BTreeMap<String, String>, as Paths, read |value, _| value::response_paths(value), show |all| Some(table(all)), over merged
}

kind! {
    /// Values of URL variables.
    UrlVariables: BTreeMap<String, String>, as Variables, read |value, _| variables(value), show |all| Some(table(all)), over merged
}

kind! {
    /// The URL of an endpoint, which may have variables in it.
    Location: Template, as Url, read |value, place| location(place.key, value), show |template| Some(template.to_string().into())
}

kind! {
    /// The base URL of an API.
    BaseUrl: Url, as Url, read |value, _| value::endpoint(&value::text(value)?), show |url| Some(url.as_str().into())
}

kind! {
    /// An issuer identifier, which may have variables in it.
    Issuer: Template, as Text, read |value, place| location(place.key, value), show |template| Some(template.to_string().into())
}

kind! {
    /// The name of a preset. The catalog checks whether it exists.
    Preset: String, as Preset, read |value, _| value::text(value), show |name| Some(name.clone().into())
}

kind! {
    /// A literal redirect URI.
    RedirectUri: String, as RedirectUri, read |value, _| redirect_uri(value), show |uri| Some(uri.clone().into())
}

kind! {
    /// A rate limit.
    Rate: RateLimit, as Rate, read |value, _| value::rate_limit(value), show |rate| Some(format!("{}/{}", rate.most, length(rate.per)).into())
}

kind! {
    /// The proxy to a provider.
    Proxy: ProxyChoice, as Text, read |value, _| proxy(value), show |proxy| Some(proxy_word(proxy).into())
}

kind! {
    /// Whether an authorization response needs an `iss`.
    IssRequired: IssPolicy, as Flag, read |value, _| value::flag(value).map(iss_policy), show |policy| iss_required(*policy)
}

/// A length of time, with its bounds in seconds.
pub(super) struct Length<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Kind for Length<LEAST, MOST> {
    type Value = Duration;
    const KIND: ValueKind = ValueKind::Duration;

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<Duration, Problem> {
        value::duration(value, Duration::from_secs(LEAST), Duration::from_secs(MOST))
    }

    fn show(value: &Duration) -> Option<ShownValue> {
        Some(length(*value).into())
    }
}

/// One of several words.
pub(super) struct OneOf<W: Words>(PhantomData<W>);

impl<W: Words> Kind for OneOf<W> {
    type Value = W::Meaning;
    const KIND: ValueKind = ValueKind::Choice(words::all::<W>);

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<W::Meaning, Problem> {
        let word = value::text(value)?;
        words::meaning::<W>(&word).ok_or_else(|| {
            Problem::new(format!("is `{}`", word.escape_debug())).nearest(nearest(&word, words::all::<W>()))
        })
    }

    fn show(meaning: &W::Meaning) -> Option<ShownValue> {
        words::word::<W>(*meaning).map(Into::into)
    }
}

fn parameters(value: &DeValue<'_>, place: &Place<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let request = if place.key == "extra_authorize" { RequestKind::Authorization } else { RequestKind::Token };
    value::texts(value, |name, text| request.refuses(name, text))
}

/// Merges two tables; `above` wins.
pub(super) fn merged(above: BTreeMap<String, String>, mut below: BTreeMap<String, String>) -> BTreeMap<String, String> {
    below.extend(above);
    below
}

fn iss_policy(required: bool) -> IssPolicy {
    if required { IssPolicy::Required } else { IssPolicy::Optional }
}

fn iss_required(policy: IssPolicy) -> Option<ShownValue> {
    match policy {
        IssPolicy::Required => Some(true.into()),
        IssPolicy::Optional => Some(false.into()),
        IssPolicy::AsMetadataSays => None,
    }
}

fn proxy_word(proxy: &ProxyChoice) -> &str {
    match proxy {
        ProxyChoice::None => "none",
        ProxyChoice::Environment => "environment",
        ProxyChoice::At(url) => url.as_str(),
    }
}

fn length(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn list(items: impl Iterator<Item = String>) -> ShownValue {
    Value::Array(items.map(Value::String).collect()).into()
}

fn table(texts: &BTreeMap<String, String>) -> ShownValue {
    Value::Table(texts.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()).into()
}

/// Only the program of a command is shown: an argument may be a secret.
fn hidden(argv: &[String]) -> ShownValue {
    ShownValue { value: Value::Array(vec!["[hidden]".into()]), comment: Some(program(argv)) }
}

/// A program in words, without its arguments.
pub(super) fn program(argv: &[String]) -> String {
    match argv.split_first() {
        Some((program, arguments)) => format!("the program `{program}` with {} arguments", arguments.len()),
        None => "no program".to_owned(),
    }
}
