//! Every section of the config file. A new key is a row in one of these files: see `row`.

pub(super) mod accounts;
pub(super) mod daemon;
pub(super) mod listeners;
pub(super) mod providers;

use super::schema::{Schema, Section};

/// Every section, in the order of the reference.
pub(super) static SECTIONS: &[&Section] = &[
    &daemon::TOP,
    &daemon::LISTEN,
    &listeners::EXTRA,
    &daemon::STORE,
    &daemon::SERVE,
    &daemon::AUDIT,
    &providers::PROVIDER,
    &accounts::ACCOUNT,
    &accounts::CLIENT_SECRET_ITEM,
    &accounts::PASSWORD_ITEM,
    &accounts::PROXY,
    &accounts::TOKEN_FILE,
];

/// The same as a schema, for readers.
pub(super) const SCHEMA: Schema = Schema(SECTIONS);
