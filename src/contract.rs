//! The wire contract of the local API, version 1: what server, command line and tests share.
//!
//! No logic beyond the one table of [`ErrorCode`] and the words of [`whose`]. Names and shapes are
//! described in `docs/api.md`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// Whether somebody has to do something.
    pub attention_needed: bool,
    /// One sentence: why it needs a login, or what is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Granted scope, separated by spaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
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
    /// The id of the pending login, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_pending: Option<String>,
}

/// How many members of an `identity` [`whose`] tells, and how many characters of each.
const TOLD: (usize, usize) = (4, 64);

/// An `identity` in words, such as `voip_id 1000001`: what is text or a number, each cut to a bearable
/// length. The provider wrote it, so whoever shows it still has to escape it.
pub fn whose(identity: &Map<String, Value>) -> Option<String> {
    let cut = |text: &str| -> String { text.chars().take(TOLD.1).collect() };
    let told = identity.iter().filter_map(|(name, value)| match value {
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
    /// What failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<ErrorReply>,
    /// Granted scope, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// Expiry of the token in Unix seconds, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token_expires_at: Option<i64>,
    /// Whether the token can be refreshed without the user, if it succeeded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refreshable: Option<bool>,
    /// Whose tokens they are, if it succeeded and the provider told.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub identity: Map<String, Value>,
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

/// Body of `POST /v1/apps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRequest {
    /// What it is to be called.
    pub name: String,
    /// The accounts it may read; absent: all, those that will be added too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// It gets only tokens that are worth no more than these scopes; absent: any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change something.
    #[serde(default)]
    pub write: bool,
    /// How long the key is to work, in seconds; absent: until it is removed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
}

/// A program that may ask with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppReply {
    /// Its name; `default` is the app whose key is in the key file.
    pub name: String,
    /// The accounts it may read; absent: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accounts: Option<Vec<String>>,
    /// The scopes that its tokens are limited to; absent: none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Vec<String>>,
    /// Whether it may change something.
    pub write: bool,
    /// When its key was made, Unix seconds.
    pub created_at: i64,
    /// When its key stops working, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// How many requests it made.
    pub uses: u64,
    /// When it last asked, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_used_at: Option<i64>,
    /// From which address it last asked; absent: never, or over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_address: Option<String>,
}

/// All apps: `GET /v1/apps`, and what is left after `DELETE /v1/apps/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppsReply {
    /// [`VERSION`].
    pub version: u32,
    /// Sorted by name.
    pub apps: Vec<AppReply>,
    /// How many keys were shown since the daemon started that are nobody's.
    pub wrong_keys: u64,
}

/// An app with its new key: `POST /v1/apps` and `POST /v1/apps/{name}/rotate`.
///
/// `Debug` is left out on purpose, since it holds a key.
#[derive(Serialize, Deserialize)]
pub struct AppMade {
    /// [`VERSION`].
    pub version: u32,
    /// The app.
    pub app: AppReply,
    /// Its key, shown this once; absent for `default`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Where the key of `default` is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_file: Option<String>,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// [`VERSION`].
    pub version: u32,
    /// When: RFC 3339 in UTC, with milliseconds.
    pub at: String,
    /// What was asked for or done.
    pub event: AuditEvent,
    /// `ok`, or the name of an [`ErrorCode`].
    pub result: String,
    /// Why not, in words without secrets.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// The app whose key was shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub app: Option<String>,
    /// The process's user, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<u32>,
    /// The process, over the unix socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pid: Option<i32>,
    /// What that process ran when it connected: a hint, since it may be an interpreter, or have changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub executable: Option<String>,
    /// Where it came from, over TCP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The granted scope of what was handed out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
    /// The request's id in the daemon's log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
}

impl AuditLine {
    /// Something that went well, with nothing else to say of it yet. `at` is RFC 3339.
    pub fn new(event: AuditEvent, at: String) -> Self {
        Self {
            version: VERSION,
            at,
            event,
            result: "ok".into(),
            reason: None,
            account: None,
            app: None,
            uid: None,
            pid: None,
            executable: None,
            address: None,
            scope: None,
            request: None,
        }
    }
}

/// What a line of the audit log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEvent {
    /// A token was asked for.
    Token,
    /// A request was refused before it was looked at: no key, a wrong one, or too few rights.
    Denied,
    /// A login was begun.
    Login,
    /// An account was logged out.
    Logout,
    /// A new token was asked for, or a token was reported as rejected.
    Refresh,
    /// A token was brought from elsewhere.
    Import,
    /// A provider's new address was accepted.
    Accept,
    /// An app was made.
    AppAdded,
    /// An app's key was taken away.
    AppRemoved,
    /// An app got another key.
    AppRotated,
    /// A question whether a program may have a token was answered.
    Consent,
    /// A session of the status page was opened.
    Session,
    /// The store was locked.
    Lock,
    /// The store was unlocked.
    Unlock,
}

impl From<AuditEvent> for &'static str {
    /// Its name on the wire.
    fn from(event: AuditEvent) -> Self {
        match event {
            AuditEvent::Token => "token",
            AuditEvent::Denied => "denied",
            AuditEvent::Login => "login",
            AuditEvent::Logout => "logout",
            AuditEvent::Refresh => "refresh",
            AuditEvent::Import => "import",
            AuditEvent::Accept => "accept",
            AuditEvent::AppAdded => "app_added",
            AuditEvent::AppRemoved => "app_removed",
            AuditEvent::AppRotated => "app_rotated",
            AuditEvent::Consent => "consent",
            AuditEvent::Session => "session",
            AuditEvent::Lock => "lock",
            AuditEvent::Unlock => "unlock",
        }
    }
}

/// One event of `GET /v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEvent {
    /// [`VERSION`].
    pub version: u32,
    /// What happened.
    pub event: EventKind,
    /// To which account.
    pub account: String,
    /// When, Unix seconds.
    pub at: i64,
}

/// What happens to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Somebody logged in, or it came to its first token without anybody.
    LoggedIn,
    /// It has a newer token.
    Refreshed,
    /// It can't be refreshed, and its token ends before long.
    LoginDue,
    /// Only the user can help.
    LoginNeeded,
    /// No new token could be got, and somebody should look why.
    Failing,
    /// It has no token any more.
    LoggedOut,
}

impl From<EventKind> for &'static str {
    /// Its name on the wire.
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::LoggedIn => "logged_in",
            EventKind::Refreshed => "refreshed",
            EventKind::LoginDue => "login_due",
            EventKind::LoginNeeded => "login_needed",
            EventKind::Failing => "failing",
            EventKind::LoggedOut => "logged_out",
        }
    }
}

/// What `ringback doctor --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReply {
    /// [`VERSION`].
    pub version: u32,
    /// Whether somebody has to do something; the exit code says it too.
    pub attention_needed: bool,
    /// In the order in which they were looked at.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at, such as `port` or `account work`.
    pub check: String,
    /// How it stands.
    pub state: FindingState,
    /// What was found, in one sentence.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

/// How a thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// As it should be.
    Good,
    /// Something to know; nobody has to do anything.
    Note,
    /// Somebody has to do something.
    NeedsHand,
}

/// Answer of `POST /v1/sessions`. `Debug` is left out on purpose: the URL opens the status page.
#[derive(Serialize, Deserialize)]
pub struct SessionReply {
    /// [`VERSION`].
    pub version: u32,
    /// For the browser, once, within a minute.
    pub url: String,
}

/// The questions whether a program may have a token, and the answers: `GET /v1/consents`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentsReply {
    /// [`VERSION`].
    pub version: u32,
    /// Those that wait, the oldest first.
    pub pending: Vec<ConsentAsked>,
    /// Those that were answered for good.
    pub remembered: Vec<ConsentKnown>,
}

/// A question that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsked {
    /// For `POST /v1/consents/{id}`.
    pub id: String,
    /// Who asks: `the app NAME`, or the path of an executable.
    pub who: String,
    /// For a token of which account.
    pub account: String,
}

/// An answer that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentKnown {
    /// For `DELETE /v1/consents/{id}`. Another one after each start.
    pub id: String,
    /// See [`ConsentAsked::who`].
    pub who: String,
    /// See [`ConsentAsked::account`].
    pub account: String,
    /// Whether they may.
    pub allowed: bool,
}

/// Body of `POST /v1/consents/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// What the user says.
    pub answer: ConsentAnswer,
}

/// What the user says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentAnswer {
    /// From now on.
    Allow,
    /// This time.
    Once,
    /// Never, until it is forgotten.
    Refuse,
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
    /// The unix socket; absent where it is switched off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub socket: Option<String>,
    /// The daemon's process id.
    pub pid: u32,
}

/// Every error reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReply {
    /// The code programs branch on.
    pub error: ErrorCode,
    /// What happened, in one sentence without secrets.
    pub error_description: String,
    /// What to do about it, in one imperative sentence.
    pub hint: String,
    /// Where to POST to start the login (`login_required`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub login_url: Option<String>,
    /// Seconds to wait before asking again (`provider_unreachable`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
    /// The provider's own error code (`provider_refused`, `login_failed`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_error: Option<String>,
    /// Names that come near the one that was asked for (`unknown_account`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub nearest: Vec<String>,
}

/// Every error that a caller can meet; see [`ErrorCode::TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum ErrorCode {
    /// Something is wrong with the daemon itself.
    Internal,
    /// The request makes no sense.
    Usage,
    /// Nobody answers at the socket or port.
    NoDaemon,
    /// No such account.
    UnknownAccount,
    /// Only the user can help.
    LoginRequired,
    /// A login timed out, was refused by the user, or failed at the provider.
    LoginFailed,
    /// The provider can't be asked just now.
    ProviderUnreachable,
    /// The provider said no, and will say so again.
    ProviderRefused,
    /// The store is locked, unwritable or corrupt.
    StoreUnavailable,
    /// No key, or a wrong one.
    Unauthorized,
    /// The caller is known and may not.
    Forbidden,
    /// No such route.
    NotFound,
    /// The route exists, with other methods.
    MethodNotAllowed,
}

/// One row of [`ErrorCode::TABLE`].
#[derive(Debug, Clone, Copy)]
pub struct ErrorRow {
    /// The code.
    pub code: ErrorCode,
    /// Its name on the wire.
    pub name: &'static str,
    /// HTTP status of the reply; 0 where it never travels over HTTP.
    pub status: u16,
    /// Exit code of the command line.
    pub exit: u8,
    /// When it is met.
    pub when: &'static str,
}

impl ErrorCode {
    /// The one table that HTTP status, exit code and documentation are made from.
    pub const TABLE: [ErrorRow; 13] = [
        row(Self::Internal, "internal", 500, 1, "a fault of the daemon itself; its log says more"),
        row(Self::Usage, "usage", 400, 2, "bad arguments or a malformed request"),
        row(Self::NoDaemon, "no_daemon", 0, 3, "the daemon is not running"),
        row(Self::UnknownAccount, "unknown_account", 404, 4, "the config has no such account, or a mistake in it"),
        row(Self::LoginRequired, "login_required", 428, 5, "nobody has logged in, or the provider ended the session"),
        row(Self::LoginFailed, "login_failed", 504, 6, "the login timed out, was cancelled, or failed"),
        row(Self::ProviderUnreachable, "provider_unreachable", 503, 7, "the provider can't be reached just now"),
        row(Self::ProviderRefused, "provider_refused", 502, 8, "the provider said no for good"),
        row(Self::StoreUnavailable, "store_unavailable", 423, 9, "the token store is locked, unwritable or damaged"),
        row(Self::Unauthorized, "not_permitted", 401, 10, "no key, or a wrong key"),
        row(Self::Forbidden, "not_permitted", 403, 10, "the caller is known and may not do this"),
        row(Self::NotFound, "not_found", 404, 2, "there is no such route or thing"),
        row(Self::MethodNotAllowed, "method_not_allowed", 405, 2, "the route does not take this method"),
    ];
}

const fn row(code: ErrorCode, name: &'static str, status: u16, exit: u8, when: &'static str) -> ErrorRow {
    ErrorRow { code, name, status, exit, when }
}

impl ErrorCode {
    /// This code's row of the table.
    pub fn row(self) -> ErrorRow {
        Self::TABLE.into_iter().find(|row| row.code == self).unwrap_or(Self::TABLE[0])
    }
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> Self {
        code.row().name
    }
}

impl TryFrom<String> for ErrorCode {
    type Error = String;

    /// `not_permitted` reads as [`ErrorCode::Unauthorized`]: the HTTP status tells the two apart.
    fn try_from(name: String) -> Result<Self, String> {
        let row = Self::TABLE.into_iter().find(|row| row.name == name);
        row.map(|row| row.code).ok_or_else(|| format!("unknown error code `{name}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_told_in_a_few_bearable_words() {
        let long = "x".repeat(100);
        for (identity, told) in [
            ("{}".to_owned(), None),
            (r#"{"voip_id":1000001}"#.into(), Some("voip_id 1000001".to_owned())),
            (r#"{"extension_id":7,"voip_id":"1","groups":["a"]}"#.into(), Some("extension_id 7, voip_id 1".into())),
            (format!(r#"{{"a":"{long}"}}"#), Some(format!("a {}", &long[..64]))),
            (r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#.into(), Some("a 1, b 2, c 3, d 4".into())),
        ] {
            assert_eq!(whose(&serde_json::from_str(&identity).unwrap()), told, "{identity}");
        }
    }

    #[test]
    fn every_code_has_its_own_row_and_survives_the_wire() {
        for row in ErrorCode::TABLE {
            assert_eq!(row.code.row().when, row.when);
            let json = serde_json::to_string(&row.code).unwrap();
            let back: ErrorCode = serde_json::from_str(&json).unwrap();
            assert_eq!(back.row().exit, row.exit, "{}", row.name);
        }
    }
}
