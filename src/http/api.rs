//! The API for programs: extract, ask the broker, convert. Shapes are `contract`'s, described in
//! `docs/api.md`; errors are `reply`'s; who may is the gate's.

pub(super) mod accounts;
pub(super) mod api_urls;
pub(super) mod apps;
pub(super) mod consents;
pub(super) mod events;
pub(super) mod id_token;
pub(super) mod logins;
pub(super) mod metadata;
pub(super) mod metrics;
pub(super) mod oauth;
pub(super) mod openapi;
pub(super) mod store;
pub(super) mod temporary_apps;
pub(super) mod token;
