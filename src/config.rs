//! The configuration: reads the config file and the presets, and reports everything that is wrong with them.
//!
//! `effective` has the result, `sections` every key.

mod account;
mod api_urls;
mod catalog;
mod describe;
mod document;
mod dotted;
mod edit;
mod effective;
mod file;
mod file_template;
mod fix;
mod foreseen;
mod host;
mod input;
mod json_schema;
mod kind;
mod kinds;
mod known;
mod listener;
mod locations;
mod misplaced;
mod parameter_name;
mod problem;
mod provider;
mod proxy;
mod reader;
mod redirect;
mod reserved;
mod response_mode;
mod restart;
mod row;
mod schema;
mod sections;
mod template;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use account::CLIENT_SECRET_KEYS;
pub use catalog::Origin;
pub use describe::{describe, describe_provider};
pub use document::{example, reference};
pub use dotted::segment;
pub use edit::{ConfigEdit, EditError, apply_edits, without_secrets};
pub use effective::{AccountConfig, AccountSettings, ClientIdSource, Config, KeyFile, Parsed, PasswordUser};
pub use file::{assemble, parse};
pub use fix::ConfigFix;
pub use input::{FilePrivacy, ProviderFile, Sources};
pub use json_schema::json_schema;
pub(crate) use known::NotUsable;
pub use known::{KnownProvider, known_providers};
pub(crate) use listener::{ExtraListener, Metadata};
pub use problem::{ConfigError, ConfigErrors, Problem, ProblemScope, nearest};
pub(crate) use redirect::comes_back;
pub use redirect::default_redirect_uri;
pub use restart::needs_restart;
pub(crate) use sections::accounts::AccountKeys;
pub use sections::daemon::Serving;
pub(crate) use sections::daemon::{AuditConfig, DEFAULT_PORT, StoreConfig};
pub use value::SocketChoice;
pub use words::KeyWord;
pub(crate) use words::{client_auth_word, grant_type};
