//! Accounts without their secrets: `GET /v1/accounts`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::confirm::Confirm;
use super::errors::ErrorCode;
use super::expiry::ExpiryWord;
use super::health::{AccountHealth, HealthReply};
use super::store::StoreState;

/// The name for the account that the config calls `default_account`.
pub const DEFAULT_ACCOUNT: &str = "default";

/// The state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Nobody has logged in.
    SignedOut,
    /// There is a token set, and it is kept fresh.
    Active,
    /// It has no token yet and is obtaining one without the user.
    Starting,
    /// Only the user can help.
    NeedsLogin,
    /// The store could not be read.
    StoreUnavailable,
}

/// An account without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountReply {
    /// Its name.
    pub account: String,
    /// The provider's name in the config.
    pub provider: String,
    /// Its state.
    pub state: AccountState,
    /// Whether it has a working token, and who has to act if not; absent from an older daemon.
    #[serde(flatten)]
    pub health: Option<HealthReply>,
    /// Whether somebody has to act.
    pub attention_needed: bool,
    /// One sentence: why it needs a login, or what is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The kind of `reason` if the state is `needs_login`, such as `restored_from_backup`. Later versions may add more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// Granted scope, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Scope that was granted once and that the provider no longer grants, separated by spaces. Forgotten at a restart.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lost_scope: Option<String>,
    /// When the token was obtained, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub obtained_at: Option<i64>,
    /// When it expires, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// Why there is no `expires_at`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiry: Option<ExpiryWord>,
    /// When the next refresh is due, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_refresh_at: Option<i64>,
    /// Whether the token can be refreshed without the user.
    pub refreshable: bool,
    /// When a new login is due, Unix seconds, if the token can't be refreshed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_due_at: Option<i64>,
    /// Whether the tokens are bound to a key of the daemon (DPoP, RFC 9449); absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dpop_bound: Option<bool>,
    /// The number of token sets committed since the first login.
    pub generation: u64,
    /// The last error, unless it has been resolved since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<LastError>,
    /// Whose tokens they are, such as `voip_id`, if the provider says so.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub identity: Map<String, Value>,
    /// When the current login was made, Unix seconds, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logged_in_at: Option<i64>,
    /// How long each of the last logins lasted until the provider ended it, in seconds, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub logins_lasted: Vec<u64>,
    /// The id of the pending login, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_pending: Option<String>,
    /// What the pending login asks, if it waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_confirm: Option<Confirm>,
    /// Why one of its token files is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_error: Option<String>,
    /// Its proxy, if the config opens it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proxy: Option<ProxyReply>,
}

/// The proxy of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProxyReply {
    /// What programs use as the API's base URL; absent if there is no TCP listener.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_url: Option<String>,
    /// Where it leads.
    pub upstream: String,
    /// Who has used it since the daemon's start.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub uses: Vec<ProxyUse>,
    /// What the user is asked since the upstream refused requests for lack of scope, if they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope_wanted: Option<ScopeWanted>,
}

/// Scope that an account's upstream wants and its token lacks. A login with it as `more_scope` asks the provider for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ScopeWanted {
    /// The scopes, separated by spaces, as the upstream named them.
    pub scope: String,
    /// The apps that were refused for lack of it; absent: programs without a key.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub apps: Vec<String>,
}

impl ScopeWanted {
    /// Whose requests were refused, in words.
    pub fn who(&self) -> String {
        if self.apps.is_empty() { "a program without a key".to_owned() } else { self.apps.join(", ") }
    }
}

/// How much a program has used the proxy of an account since the daemon's start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProxyUse {
    /// The app; absent: programs without a key, on the unix socket. All temporary apps are `exec`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<String>,
    /// Requests that were forwarded and have ended.
    pub requests: u64,
    /// Requests that were not forwarded.
    pub refused: u64,
    /// Bytes of their bodies.
    pub sent: u64,
    /// Bytes of the replies' bodies.
    pub received: u64,
}

impl AccountReply {
    /// Its health. An older daemon sends none: it is then derived from the other members at `now` (Unix seconds).
    pub fn health_at(&self, now: i64) -> HealthReply {
        let expired = self.expires_at.is_some_and(|at| at <= now);
        let shown = match self.state {
            AccountState::SignedOut | AccountState::NeedsLogin => AccountHealth::NeedsUser,
            AccountState::StoreUnavailable => AccountHealth::StoreUnavailable,
            AccountState::Starting => AccountHealth::Recovering,
            AccountState::Active if expired => AccountHealth::Recovering,
            AccountState::Active => AccountHealth::Usable,
        };
        self.health.unwrap_or(HealthReply { now: shown, until: None, then: None })
    }
}

/// The last error of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LastError {
    /// One of [`ErrorCode`].
    pub error: ErrorCode,
    /// One sentence.
    pub error_description: String,
    /// When, Unix seconds.
    pub at: i64,
    /// How many times in a row.
    pub failures: u32,
}

/// All accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountsReply {
    /// The version of the API: [`VERSION`](crate::contract::VERSION).
    pub version: u32,
    /// The daemon's own version, such as `0.2.0`. Daemons until 0.1.0 don't tell it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub daemon_version: Option<String>,
    /// The account that `default` stands for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_account: Option<String>,
    /// Where the store's master key comes from, in words.
    pub store_key: String,
    /// Whether that key is in memory.
    #[serde(default)]
    pub store: StoreState,
    /// Sorted by name.
    pub accounts: Vec<AccountReply>,
    /// Accounts that can't be used, sorted by name, each with its first mistake.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mistakes: Vec<ConfigMistake>,
    /// The last reload, if it was refused; the previous config then stays in effect.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reload_refused: Option<ReloadRefused>,
    /// How often the daemon has read its config: at its start, and for each reload, whether it was refused or not. Daemons
    /// until 0.1.0 don't tell it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub config_reads: Option<u64>,
    /// The additional listeners (`[[listen.extra]]`), in the order of the config. Shown to callers that see every account.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub extra_listeners: Vec<ListenerReply>,
}

/// An additional listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListenerReply {
    /// Its address, or the path of its socket.
    pub listener: String,
    /// The app whose rights its callers have, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<String>,
    /// Whether it is open. If not, the daemon keeps trying.
    pub open: bool,
    /// One clause: why it is not open, or serves nobody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// A mistake in the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ConfigMistake {
    /// The account that can't be used because of the mistake, if it concerns one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// `FILE:LINE:COLUMN: KEY: what is wrong`, as far as the position is known.
    pub message: String,
}

/// A config reload that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReloadRefused {
    /// When, Unix seconds.
    pub at: i64,
    /// Every mistake in the refused config.
    pub mistakes: Vec<ConfigMistake>,
}
