//! Tokens: served, downscoped, limited, described, imported and renewed.

pub(super) mod bound;
mod downscope;
mod id_token;
mod import;
mod info;
pub(super) mod query;
mod renewal;
mod reply;
mod scope_limit;
mod serve;
