//! The wire contract of the local API, version 1: what server, command line and tests share.
//!
//! No logic beyond the one table of [`ErrorCode`] and the words of [`whose`]. Names and shapes are
//! described in `docs/api.md`.

mod audit;
mod confirm;
mod doctor;
mod errors;
mod events;
mod health;
mod name;
mod owner;
mod rejected;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use audit::{AuditEvent, AuditLine};
pub use confirm::{Confirm, ImportReply, LoginAnswer, Replaced};
pub use doctor::{DoctorReply, Finding, FindingState};
pub use errors::{ErrorCode, ErrorReply, ErrorRow};
pub use events::{AccountEvent, EventKind};
pub use health::{AccountHealth, HealthReply};
pub use name::is_name;
pub use owner::{
    AppMade, AppReply, AppRequest, AppsReply, ConsentAnswer, ConsentAsked, ConsentKnown, ConsentRequest, ConsentsReply,
    KEY_FILE_AGAIN, SessionReply,
};
pub use rejected::RejectedReply;

/// The version that every reply carries.
pub const VERSION: u32 = 1;

/// Name that stands for the account that the config calls `default_account`.
pub const DEFAULT_ACCOUNT: &str = "default";

/// The current access token: the body of RFC 6749 §5.1 without the refresh token.
///
/// Made in `http::api` only; `Debug` is left out on purpose, since it holds a token.
#[derive(Serialize, Deserialize)]
pub struct TokenReply {
    /// [`VERSION`].
    pub version: u32,
    /// The account's own name, also when `default` was asked for.
    pub account: String,
    /// The token (RFC 6749 §1.4).
    pub access_token: String,
    /// Always `Bearer` (RFC 6750).
    pub token_type: String,
    /// Seconds that the token stays valid; absent where the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
    /// When it expires, in Unix seconds; absent where the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// The machine's clocks disagree about whether it is still valid, and another one could not be had: the times are
    /// those of the clock that counts what has passed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub expiry_in_doubt: bool,
    /// `unknown` or `never` where there is no `expires_at`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiry: Option<ExpiryWord>,
    /// The granted scope, separated by spaces, if the provider told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// What the provider added to its reply.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub extra: Map<String, Value>,
}

/// What the provider says of an account's token: `GET /v1/accounts/{name}/info`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfoReply {
    /// [`VERSION`].
    pub version: u32,
    /// The account's own name.
    pub account: String,
    /// How the provider was asked.
    pub source: InfoSource,
    /// Whether the token works.
    pub active: bool,
    /// What it may, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// When it expires, in Unix seconds; absent: never, or it was not said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// Whose it is, such as `voip_id`.
    #[serde(flatten)]
    pub identity: Map<String, Value>,
    /// Everything as it came.
    pub claims: Map<String, Value>,
}

/// How the provider was asked about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfoSource {
    /// A GET with the token as Bearer (Phone.com).
    Details,
    /// RFC 7662.
    Introspection,
}

/// Body of `POST /v1/accounts/{name}/import`: a token that was made elsewhere. One of the two.
///
/// `Debug` is left out on purpose, since it holds a token.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    /// A permanent token, or one that is good for a while.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub access_token: Option<String>,
    /// A refresh token: it is used at once to get a token with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refresh_token: Option<String>,
    /// Whether it may take the place of whatever the account has, unasked: another person's tokens, or a login that
    /// can be refreshed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub replace: bool,
    /// Whether an access token may take the place of a login that can be refreshed. Another person is asked about all
    /// the same.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub give_up_refresh: bool,
}

/// Answer of `POST /v1/providers/{name}/accept`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptReply {
    /// The provider's name in the config.
    pub provider: String,
    /// The token endpoint that is used from now on.
    pub token_url: String,
}

/// Why a token has no expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryWord {
    /// The provider did not say.
    Unknown,
    /// The provider says that it does not expire.
    Never,
}

/// Where an account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Nobody has logged in.
    SignedOut,
    /// There is a token set, and it is kept fresh.
    Active,
    /// It has no token yet and is getting one without the user.
    Starting,
    /// Only the user can help.
    NeedsLogin,
    /// The store could not be read.
    StoreUnavailable,
}

/// An account without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReply {
    /// Its name.
    pub account: String,
    /// The provider's name in the config.
    pub provider: String,
    /// Where it stands.
    pub state: AccountState,
    /// Whether it has a token that works, and who has to do something if not; absent: an older daemon.
    #[serde(flatten)]
    pub health: Option<HealthReply>,
    /// Whether somebody has to do something.
    pub attention_needed: bool,
    /// One sentence: why it needs a login, or what is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The kind of `reason` where the state is `needs_login`, such as `restored_from_backup`. Later versions have more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason_code: Option<String>,
    /// Granted scope, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Scope that was granted and that the provider no longer gives, separated by spaces; not known any more after a
    /// restart.
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
    /// When a new login is due, Unix seconds, where the token can't be refreshed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_due_at: Option<i64>,
    /// Counts every token set that was committed since the first login.
    pub generation: u64,
    /// The last thing that went wrong and has not been mended since.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<LastError>,
    /// Whose tokens they are, where the provider tells, such as `voip_id`.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub identity: Map<String, Value>,
    /// When the present login was made, Unix seconds, if that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub logged_in_at: Option<i64>,
    /// How long the last logins lasted that the provider ended by itself, in seconds, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub logins_lasted: Vec<u64>,
    /// The id of the pending login, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_pending: Option<String>,
    /// What the pending login asks, if it waits for an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_confirm: Option<Confirm>,
}

/// How many members of an `identity` [`whose`] tells, and how many characters of each: those of an ID token have room.
const TOLD: (usize, usize) = (5, 96);

/// How often something was done, in words.
pub fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// An `identity` in words, such as `voip_id 1000001`: what is text or a number, each cut to a bearable
/// length. The provider wrote it, so whoever shows it still has to escape it.
pub fn whose(identity: &Map<String, Value>) -> Option<String> {
    let cut = |text: &str| -> String { text.chars().take(TOLD.1).collect() };
    // Who issued a subject is the least of it.
    let (issuer, rest): (Vec<_>, Vec<_>) = identity.iter().partition(|(name, _)| *name == "iss");
    let told = rest.into_iter().chain(issuer).filter_map(|(name, value)| match value {
        Value::String(text) => Some(format!("{} {}", cut(name), cut(text))),
        Value::Number(number) => Some(format!("{} {number}", cut(name))),
        _ => None,
    });
    let told: Vec<String> = told.take(TOLD.0).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct AccountsReply {
    /// [`VERSION`].
    pub version: u32,
    /// The account that `default` stands for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_account: Option<String>,
    /// Where the store's master key comes from, in words.
    pub store_key: String,
    /// Whether it is in memory.
    #[serde(default)]
    pub store: StoreState,
    /// Sorted by name.
    pub accounts: Vec<AccountReply>,
    /// Accounts that can't be used, sorted by name, each with the first mistake that stands in its way.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mistakes: Vec<ConfigMistake>,
    /// The last reload, if it was refused: the config from before it is in effect.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reload_refused: Option<ReloadRefused>,
}

/// Something wrong in the config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigMistake {
    /// The account that can't be used because of it, if it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// `FILE:LINE:COLUMN: KEY: what is wrong`, where a place is known.
    pub message: String,
}

/// A config that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadRefused {
    /// When, Unix seconds.
    pub at: i64,
    /// Every reason.
    pub mistakes: Vec<ConfigMistake>,
}

/// Whether the store's master key is in memory, and what it takes to get it there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreState {
    /// It is.
    #[default]
    Unlocked,
    /// `POST /v1/unlock` gets it from where the config says.
    Locked,
    /// `POST /v1/unlock` needs the passphrase.
    PassphraseNeeded,
    /// `POST /v1/unlock` sets the passphrase: nothing was ever sealed here.
    PassphraseUnset,
}

/// Answer of `POST /v1/lock` and `POST /v1/unlock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockReply {
    /// [`VERSION`].
    pub version: u32,
    /// How the store is now.
    pub store: StoreState,
    /// Whether it was otherwise before.
    pub changed: bool,
}

/// Body of `POST /v1/unlock`; may be left out where no passphrase is needed.
///
/// `Debug` is left out on purpose, since it holds a passphrase.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// With `store.key = "passphrase"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub passphrase: Option<String>,
    /// Whether this passphrase is to become the store's first.
    #[serde(default)]
    pub new: bool,
}

/// How the browser's answer is to come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginVia {
    /// The daemon opens the user's browser.
    #[default]
    DaemonBrowser,
    /// The caller shows or opens the start URL itself.
    CallerBrowser,
    /// The browser is on another machine: the user pastes the redirect URL.
    Paste,
    /// The user types a code into a browser on any device (RFC 8628).
    Device,
}

/// Body of `POST /v1/accounts/{name}/login`; may be left out.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// See [`LoginVia`].
    #[serde(default)]
    pub via: LoginVia,
    /// Whether another person's tokens may be replaced, unasked.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub replace: bool,
}

/// A login that was started or joined.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginStarted {
    /// [`VERSION`].
    pub version: u32,
    /// For `GET /v1/logins/{id}`.
    pub login_id: String,
    /// The account's own name.
    pub account: String,
    /// Whether somebody else had begun it.
    pub joined: bool,
    /// For the browser, once, within a minute. With [`LoginVia::Paste`]: the provider's own page. Absent
    /// where no browser is needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub start_url: Option<String>,
    /// What the user does on another device, with [`LoginVia::Device`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DevicePrompt>,
    /// Where the user's password is awaited, if the account needs it and the config names no source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub password: Option<PasswordPrompt>,
    /// Why this kind of login is discouraged, if it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
    /// The login that was joined is made already, and asks this.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm: Option<Confirm>,
    /// When the login ends by itself, Unix seconds.
    pub expires_at: i64,
}

/// What the user does on another device (RFC 8628 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePrompt {
    /// To be typed in, or compared with what is shown there.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verification_uri_complete: Option<String>,
}

/// Where a password is awaited. Never over HTTP: a pipe that only this user can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPrompt {
    /// Whose password.
    pub user: String,
    /// The named pipe in the runtime folder that it is written to, with a line feed after it.
    pub pipe: String,
}

/// Body of `POST /v1/logins/{id}/paste`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PasteRequest {
    /// What stood in the address bar of the other machine's browser.
    pub redirect_url: String,
}

/// How a login stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginReply {
    /// The login's id.
    pub login_id: String,
    /// The account's own name.
    pub account: String,
    /// Pending, or how it ended.
    pub status: LoginStatus,
    /// When the login ends by itself, Unix seconds.
    pub expires_at: i64,
    /// What the user has to do on another device, if that is the way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<DevicePrompt>,
    /// What it asks, if it waits for an answer. It is pending meanwhile.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm: Option<Confirm>,
    /// What happened meanwhile that did not end it, such as an answer that was not for it. For the user, in sentences.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notice: Option<String>,
    /// What failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<ErrorReply>,
    /// Whether the account has a valid token of an earlier login all the same, if it failed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub earlier_login: bool,
    /// Granted scope, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Expiry of the token in Unix seconds, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_expires_at: Option<i64>,
    /// `unknown` or `never` where there is no `token_expires_at`, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_expiry: Option<ExpiryWord>,
    /// Whether the token can be refreshed without the user, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refreshable: Option<bool>,
    /// Whose tokens they are, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub identity: Map<String, Value>,
    /// What became of the tokens that the account had, if it succeeded.
    #[serde(flatten)]
    pub replaced: Replaced,
}

impl LoginReply {
    /// Of a login that was begun.
    pub fn pending(login_id: String, account: String, expires_at: i64) -> Self {
        Self {
            login_id,
            account,
            status: LoginStatus::Pending,
            expires_at,
            device: None,
            confirm: None,
            notice: None,
            failure: None,
            earlier_login: false,
            scope: None,
            token_expires_at: None,
            token_expiry: None,
            refreshable: None,
            identity: Map::new(),
            replaced: Replaced::default(),
        }
    }
}

/// The three ways a login can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStatus {
    /// The user has not finished.
    Pending,
    /// The token set is on disk.
    Succeeded,
    /// It ended without one.
    Failed,
}

/// What a logout did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutReply {
    /// The account's own name.
    pub account: String,
    /// Which of the two happened.
    pub outcome: LogoutOutcome,
    /// One sentence for people.
    pub detail: String,
}

/// Whether the provider knows of the logout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutOutcome {
    /// The provider confirmed that the token is revoked.
    RevokedAtProvider,
    /// Deleted from this machine; the provider was not told or did not answer.
    DeletedHereOnly,
    /// There was nothing to delete.
    NothingStored,
}

/// `GET /healthz`: liveness and nothing more, since anybody on the machine can ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
}

/// `endpoint.json` in the runtime folder: how a local program finds the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// [`VERSION`].
    pub version: u32,
    /// Base URL of the TCP listener, without a trailing slash; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// The file with the key for the TCP listener.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<String>,
    /// Where there is a TCP listener and no key file: how there is one again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_hint: Option<String>,
    /// The unix socket; absent where it is switched off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<String>,
    /// The daemon's process id.
    pub pid: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_told_in_a_few_bearable_words() {
        let long = "x".repeat(120);
        for (identity, told) in [
            ("{}".to_owned(), None),
            (r#"{"voip_id":1000001}"#.into(), Some("voip_id 1000001".to_owned())),
            (r#"{"extension_id":7,"voip_id":"1","groups":["a"]}"#.into(), Some("extension_id 7, voip_id 1".into())),
            (format!(r#"{{"a":"{long}"}}"#), Some(format!("a {}", &long[..96]))),
            (r#"{"iss":"https://id","name":"Ann","sub":"1"}"#.into(), Some("name Ann, sub 1, iss https://id".into())),
            (r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#.into(), Some("a 1, b 2, c 3, d 4, e 5".into())),
        ] {
            assert_eq!(whose(&serde_json::from_str(&identity).unwrap()), told, "{identity}");
        }
    }
}
