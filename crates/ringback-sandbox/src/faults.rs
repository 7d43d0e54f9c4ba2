//! Fault injection: which token requests fail, and how. This module only decides; `spoil` applies the fault.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::Deserialize;

/// One way for a token request to go wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// No fault: a placeholder in the queue, so that a later request is hit.
    None,
    /// The connection is closed and the request has no effect.
    DropBefore,
    /// The grant is made (the refresh token rotated), then the connection is closed without a reply.
    DropAfterRotate,
    /// An error status, with an `@error` body unless another is given.
    Status {
        /// The status.
        #[serde(default = "default_status")]
        status: u16,
        /// Seconds for a `Retry-After` header and for the body's `@rateLimit`.
        retry_after: Option<u64>,
        /// The top-level `error` and the `@code`.
        error: Option<String>,
        /// The body instead of `@error`.
        body: Option<String>,
        /// Whether the grant is made all the same.
        #[serde(default)]
        when: When,
    },
    /// A 200 with an HTML page instead of JSON.
    Garbage,
    /// The success status with no body.
    Empty,
    /// The body ends in the middle, before its `Content-Length`.
    Truncate,
    /// The body arrives byte by byte.
    SlowBody {
        /// Milliseconds before each piece.
        #[serde(default = "default_piece_delay")]
        delay_ms: u64,
    },
    /// The whole reply is late.
    SlowHeaders {
        /// Milliseconds before the reply.
        #[serde(default = "default_reply_delay")]
        delay_ms: u64,
    },
    /// A valid reply with a member of many megabytes.
    Huge {
        /// Size of that member.
        #[serde(default = "default_size")]
        bytes: usize,
    },
    /// Well-formed JSON in which every member has a wrong type.
    WrongTypes,
    /// An access token with CR and LF in it.
    ControlCharacters,
    /// A 307 to another URL, which a client must not follow with its secrets.
    Redirect {
        /// Where to.
        #[serde(default = "default_location")]
        location: String,
    },
    /// A 302 to an HTML page, as on a hotel's network.
    CaptivePortal,
}

/// Whether a fault happens before or after the grant.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// No grant is made.
    #[default]
    Before,
    /// The grant is made, and the client does not learn of it.
    After,
}

impl Fault {
    /// Whether the grant is made although the reply is spoilt.
    pub(crate) fn when(&self) -> When {
        match self {
            Self::Status { when, .. } => *when,
            Self::DropBefore | Self::Garbage | Self::Empty | Self::Redirect { .. } | Self::CaptivePortal => {
                When::Before
            }
            _ => When::After,
        }
    }

    /// The name in flags, control requests and the journal.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::DropBefore => "drop-before",
            Self::DropAfterRotate => "drop-after-rotate",
            Self::Status { .. } => "status",
            Self::Garbage => "garbage",
            Self::Empty => "empty",
            Self::Truncate => "truncate",
            Self::SlowBody { .. } => "slow-body",
            Self::SlowHeaders { .. } => "slow-headers",
            Self::Huge { .. } => "huge",
            Self::WrongTypes => "wrong-types",
            Self::ControlCharacters => "control-characters",
            Self::Redirect { .. } => "redirect",
            Self::CaptivePortal => "captive-portal",
        }
    }
}

/// A recurring fault: the value of `--fault`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledFault {
    /// What goes wrong.
    pub fault: Fault,
    /// 1 spoils each token request, 3 every third.
    pub every: NonZeroU64,
}

/// Why `--fault` was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; expected KIND[=VALUE][:EVERY], for instance `status=503:3`", self.0)
    }
}

impl std::error::Error for FaultError {}

impl FromStr for ScheduledFault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (what, every) = text.rsplit_once(':').unwrap_or((text, "1"));
        let every = every.parse().map_err(|_| FaultError(format!("`{every}` is not a count from 1 up")))?;
        let (kind, value) = what.split_once('=').map_or((what, None), |(kind, value)| (kind, Some(value)));
        let fault = fault_of(kind, value)?;
        Ok(Self { fault, every })
    }
}

/// Goes through the JSON form, so that names and defaults are defined once.
fn fault_of(kind: &str, value: Option<&str>) -> Result<Fault, FaultError> {
    let mut words = serde_json::json!({ "kind": kind });
    if let Some(value) = value {
        let member = match kind {
            "status" => "status",
            "slow-body" | "slow-headers" => "delay_ms",
            "huge" => "bytes",
            _ => return Err(FaultError(format!("`{kind}` takes no value"))),
        };
        let number: u64 = value.parse().map_err(|_| FaultError(format!("`{value}` is not a number")))?;
        if let Some(words) = words.as_object_mut() {
            words.insert(member.to_owned(), number.into());
        }
    }
    serde_json::from_value(words).map_err(|error| FaultError(error.to_string()))
}

/// The faults to inject: first those that were queued at run time, then those of the flags.
#[derive(Debug)]
pub(crate) struct Faults {
    queue: VecDeque<Fault>,
    scheduled: Vec<ScheduledFault>,
    requests: u64,
}

impl Faults {
    pub(crate) fn new(scheduled: &[ScheduledFault]) -> Self {
        Self { queue: VecDeque::new(), scheduled: scheduled.to_vec(), requests: 0 }
    }

    /// Appends to the queue and returns its new length.
    pub(crate) fn queue(&mut self, faults: impl IntoIterator<Item = Fault>) -> usize {
        self.queue.extend(faults);
        self.queue.len()
    }

    pub(crate) fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// The fault for the token request that has just arrived.
    pub(crate) fn next(&mut self) -> Fault {
        self.requests += 1;
        if let Some(queued) = self.queue.pop_front() {
            return queued;
        }
        self.scheduled
            .iter()
            .find(|scheduled| self.requests.is_multiple_of(scheduled.every.get()))
            .map_or(Fault::None, |scheduled| scheduled.fault.clone())
    }
}

fn default_status() -> u16 {
    503
}

fn default_piece_delay() -> u64 {
    50
}

fn default_reply_delay() -> u64 {
    5_000
}

fn default_size() -> usize {
    8 * 1024 * 1024
}

fn default_location() -> String {
    "/v4/ping".to_owned()
}
