//! Every message by which the command line says that it failed, beside those of [`Error`](crate::error::Error), which it
//! has from the daemon: text, hint and exit code, one table for each topic, and `docs/errors.md` from them.

mod account;
mod config;
mod credential;
mod daemon;
#[cfg(test)]
mod docs_test;
mod exec;
mod general;
mod login;
mod mcp;
mod sandbox;
mod serve;
mod service;
mod store;
mod table;
mod token;

pub(super) use account::*;
pub(super) use config::*;
pub(super) use credential::*;
pub(super) use exec::*;
pub(super) use general::*;
pub(super) use login::*;
pub(super) use mcp::*;
pub(super) use sandbox::*;
pub(super) use serve::*;
pub(super) use service::*;
pub(super) use store::*;
pub(super) use token::*;
