//! The options of a sandbox; with the feature `clap`, also the flags of `ringback sandbox`.
//!
//! Everything that Phone.com leaves undocumented is an option here, so that an app or a test can try
//! each of the possible behaviours.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::faults::ScheduledFault;

/// The practice secret that goes with the default client, unless `--client-secret-file` says otherwise.
pub(crate) const PRACTICE_SECRET: &str = "practice-secret";

// With the feature `clap`, the doc comments below are the help texts of the flags.

/// How a sandbox behaves. [`Options::default`] is what Phone.com documents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes any free one
    #[cfg_attr(feature = "clap", arg(long, default_value_t = 7465))]
    pub port: u16,

    /// The one client this server knows
    #[cfg_attr(feature = "clap", arg(long, value_name = "ID", default_value = "00000000-0000-4000-8000-000000000001"))]
    pub client_id: String,

    /// What the consent page calls that client
    #[cfg_attr(feature = "clap", arg(long, value_name = "NAME", default_value = "Practice app"))]
    pub client_name: String,

    /// File with the client's secret [default: the well-known `practice-secret`]
    #[cfg_attr(feature = "clap", arg(long, value_name = "FILE"))]
    pub client_secret_file: Option<PathBuf>,

    /// A registered redirect URI, compared byte for byte; repeatable [default: any http URI on
    /// 127.0.0.1, localhost or `[::1]`, any port]
    #[cfg_attr(feature = "clap", arg(long = "redirect-uri", value_name = "URI"))]
    pub redirect_uris: Vec<String>,

    /// What to do with PKCE, which Phone.com does not mention
    #[cfg_attr(feature = "clap", arg(long, value_enum, default_value_t = Pkce::Honour))]
    pub pkce: Pkce,

    /// How long an authorization code can be exchanged
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "1m"))]
    pub code_lifetime: Duration,

    /// How long an access token works: a duration, or `never` for a permanent token
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION|never", default_value = "1h"))]
    pub access_lifetime: Lifetime,

    /// How a token reply gives the lifetime
    #[cfg_attr(feature = "clap", arg(long, value_enum, default_value_t = ExpiresIn::Number))]
    pub expires_in: ExpiresIn,

    /// How long a refresh token works: a duration, or `never` for one without expiry
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION|never", default_value = "30days"))]
    pub refresh_lifetime: Lifetime,

    /// Give no refresh token with any grant
    #[cfg_attr(feature = "clap", arg(long))]
    pub no_refresh_token: bool,

    /// Whether a refresh replaces the refresh token
    #[cfg_attr(feature = "clap", arg(long, value_enum, default_value_t = Rotate::Always))]
    pub rotate: Rotate,

    /// What to do when a refresh token comes back that was replaced before
    #[cfg_attr(feature = "clap", arg(long, value_enum, default_value_t = Reuse::RevokeFamily))]
    pub reuse: Reuse,

    /// For this long after a rotation the replaced refresh token gets the same new pair again
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s"))]
    pub reuse_grace: Duration,

    /// How long a token still works after DELETE (Phone.com: up to 5 minutes)
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s"))]
    pub deactivate_delay: Duration,

    /// Status of a successful token request
    #[cfg_attr(feature = "clap", arg(long, value_name = "STATUS", value_parser = clap::value_parser!(u16).range(200..300), default_value_t = 201))]
    pub token_status: u16,

    /// Read form-encoded token requests too, which Phone.com does not document
    #[cfg_attr(feature = "clap", arg(long))]
    pub accept_form: bool,

    /// Which error members a refusal carries
    #[cfg_attr(feature = "clap", arg(long, value_enum, default_value_t = ErrorShape::Both))]
    pub error_shape: ErrorShape,

    /// `documented` limits, `off`, or a fraction of them such as `1/10`
    #[cfg_attr(feature = "clap", arg(long, value_name = "off|documented|1/N", default_value = "documented"))]
    pub rate_limit: RateLimit,

    /// Send `Retry-After` as a header too, not only inside the 429 body
    #[cfg_attr(feature = "clap", arg(long))]
    pub retry_after_header: bool,

    /// Wait this long before handling each token request
    #[cfg_attr(feature = "clap", arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "0s"))]
    pub latency: Duration,

    /// Spoil every EVERY-th token request (default: each); repeatable, the first that is due wins.
    /// VALUE is the status, the delay in milliseconds or the size in bytes
    #[cfg_attr(feature = "clap", arg(long = "fault", value_name = "KIND[=VALUE][:EVERY]"))]
    pub faults: Vec<ScheduledFault>,
}

impl Default for Options {
    /// The defaults of the command line, except for the port: 0, which takes any free one.
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "00000000-0000-4000-8000-000000000001".to_owned(),
            client_name: "Practice app".to_owned(),
            client_secret_file: None,
            redirect_uris: Vec::new(),
            pkce: Pkce::Honour,
            code_lifetime: Duration::from_secs(60),
            access_lifetime: Lifetime::Lasts(Duration::from_secs(60 * 60)),
            expires_in: ExpiresIn::Number,
            refresh_lifetime: Lifetime::Lasts(Duration::from_secs(30 * 24 * 60 * 60)),
            no_refresh_token: false,
            rotate: Rotate::Always,
            reuse: Reuse::RevokeFamily,
            reuse_grace: Duration::ZERO,
            deactivate_delay: Duration::ZERO,
            token_status: 201,
            accept_form: false,
            error_shape: ErrorShape::Both,
            rate_limit: RateLimit::Divided(NonZeroU32::MIN),
            retry_after_header: false,
            latency: Duration::ZERO,
            faults: Vec::new(),
        }
    }
}

/// What to do with `code_challenge`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Pkce {
    /// Bind the code to the challenge and check the verifier
    Honour,
    /// Behave as if the parameters were not there
    Ignore,
    /// Refuse an authorization request that has them
    Refuse,
}

/// The form of `expires_in` in a token reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum ExpiresIn {
    /// Seconds as a JSON number, as the schema says
    Number,
    /// Seconds as a JSON string, as some servers do
    String,
    /// Left out: the schema requires no member
    Absent,
}

/// What a refresh does with the refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Rotate {
    /// Replace it by a new one
    Always,
    /// Keep it, and repeat it in the reply
    Never,
    /// Keep it, and leave it out of the reply
    Silent,
}

/// What happens to somebody who presents a replaced refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Reuse {
    /// Refuse, and end every token of that login
    RevokeFamily,
    /// Refuse, and leave the newer tokens alone
    Refuse,
    /// Grant a new pair
    Accept,
}

/// Which members an error body has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum ErrorShape {
    /// `@error`, and `error` with `error_description` wherever there is a code for it
    Both,
    /// Strictly as declared: `@error`; the other two only at 401 and 500
    Phonecom,
    /// `error` and `error_description` only
    Rfc6749,
}

/// How long a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It ends after this long.
    Lasts(Duration),
    /// It does not end by itself.
    Never,
}

impl Lifetime {
    /// When something that starts at `now` (Unix milliseconds) ends, if ever.
    pub(crate) fn end(self, now: u64) -> Option<u64> {
        match self {
            Self::Lasts(span) => Some(now.saturating_add(millis(span))),
            Self::Never => None,
        }
    }
}

impl FromStr for Lifetime {
    type Err = humantime::DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "never" {
            return Ok(Self::Never);
        }
        humantime::parse_duration(text).map(Self::Lasts)
    }
}

/// Whether to limit the rate of requests, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// No limits.
    Off,
    /// The documented limits divided by this, but at least one request.
    Divided(NonZeroU32),
}

/// Why `--rate-limit` was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitError;

impl fmt::Display for RateLimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected `off`, `documented`, or a fraction such as `1/10`")
    }
}

impl std::error::Error for RateLimitError {}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "documented" => Ok(Self::Divided(NonZeroU32::MIN)),
            _ => text
                .strip_prefix("1/")
                .and_then(|divisor| divisor.parse().ok())
                .map(Self::Divided)
                .ok_or(RateLimitError),
        }
    }
}

/// Whole milliseconds of a duration, saturating.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[cfg(feature = "clap")]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_defaults_of_the_library_and_of_the_command_line_are_the_same() {
        let flags = Program::parse_from(["sandbox"]).options;
        assert_eq!(flags.port, 7465);
        assert_eq!(Options { port: 7465, ..Options::default() }, flags);
    }
}
