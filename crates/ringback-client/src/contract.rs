//! The JSON shapes of the local API, version 1: requests, replies, events and error codes.
//!
//! The daemon, its command line and this client share them. Clients must ignore members that they do not know: later
//! versions add some. `docs/api.md` in the ringback repository describes the routes.

mod account;
mod api_urls;
mod audit;
mod confirm;
mod doctor;
mod endpoint;
mod errors;
mod events;
mod expiry;
mod health;
mod id_token;
mod identity;
mod import;
mod info;
mod login;
mod logout;
mod name;
mod owner;
mod provider;
mod rejected;
mod store;
mod token;
mod version;

pub use account::{
    AccountReply, AccountState, AccountsReply, ConfigMistake, DEFAULT_ACCOUNT, LastError, ListenerReply, ProxyReply,
    ProxyUse, ReloadRefused, ScopeWanted,
};
pub use api_urls::{AccountUrl, ApiUrlsReply};
pub use audit::{AuditEvent, AuditLine};
pub use confirm::{Confirm, LoginAnswer, Replaced};
pub use doctor::{DoctorReply, Finding, FindingState, FixReply, FixState};
pub use endpoint::{Endpoint, Health};
pub use errors::{ErrorCode, ErrorReply, ErrorRow};
pub use events::{AccountEvent, EventKind, Lagged, LaggedEvent};
pub use expiry::ExpiryWord;
pub use health::{AccountHealth, HealthReply};
pub use id_token::IdTokenReply;
pub use identity::whose;
pub use import::{ImportReply, ImportRequest};
pub use info::{InfoReply, InfoSource};
pub use login::{
    DevicePrompt, LoginReply, LoginRequest, LoginStarted, LoginStatus, LoginVia, PasswordPrompt, PasteRequest,
};
pub use logout::{LogoutOutcome, LogoutReply};
pub use name::is_name;
pub use owner::{
    AppMade, AppReply, AppRequest, AppsReply, ConsentAnswer, ConsentAsked, ConsentKnown, ConsentRequest, ConsentsReply,
    ProxyRules, SessionReply, TemporaryAppMade, TemporaryAppRequest,
};
pub use provider::AcceptReply;
pub use rejected::RejectedReply;
pub use store::{LockReply, StoreState, UnlockRequest};
pub use token::TokenReply;
pub use version::VERSION;
