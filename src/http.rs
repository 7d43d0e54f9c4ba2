//! The HTTP server: translates between programs and browsers outside and the broker inside.
//!
//! # Floors
//! From the outside in; each knows only those below it.
//!
//! | files | job |
//! | --- | --- |
//! | `router` | joins the route table ([`crate::routes`]) with the handlers |
//! | `status_page/`, `pages/`, `proxy/` | handlers: for a session of the status page, for a browser that logs in, for requests that are forwarded |
//! | `api/` | handlers for programs |
//! | `metrics` | what `/metrics` shows |
//! | `consent`, `audited`, `app_changes`, `event_stream`, `version_skew` | what several handlers do |
//! | `gate/` | one layer that every request passes: may it, and what every reply carries |
//! | [`listen`] | sockets, deadlines, the cap on connections, the graceful shutdown |
//! | `negotiate`, `oauth_error`, `message_page`, `reply` | how an error looks on the wire |
//! | `query`, `token_request`, `form`, `body`, `cookies`, `peer` | what is read of a request |
//! | `request_counts` | how requests were answered |
//! | `activity` | what a connection does: whether it can be evicted |
//!
//! None of them decides anything about tokens: that is the broker's.

mod activity;
mod api;
mod app_changes;
mod audited;
mod body;
pub(crate) mod callback_listener;
mod completion;
mod consent;
mod cookies;
mod event_stream;
pub mod extra_states;
mod form;
mod gate;
mod head;
pub mod listen;
mod log_limit;
mod managed_identity_error;
mod message_page;
mod metrics;
mod negotiate;
mod oauth_error;
mod pages;
pub mod peer;
mod proxy;
mod query;
mod reply;
mod request_counts;
mod router;
pub mod session;
mod state;
mod status_page;
mod token_request;
mod version_skew;
mod waiting;
mod wiped;

#[cfg(test)]
mod docs_test;
#[cfg(test)]
mod error_docs_test;
#[cfg(test)]
mod openapi_document;

pub use consent::show_questions;
pub use gate::Gate;
pub use gate::guarded::{Guarded, guard};
pub(crate) use gate::{ExtraGate, ExtraProof};
pub use log_limit::LogLimit;
pub use proxy::ReverseProxy;
pub use request_counts::RequestCounts;
pub(crate) use router::extra_router;
pub use router::{callback_router, router};
pub use state::{Http, HttpState};
pub use waiting::Waiting;
