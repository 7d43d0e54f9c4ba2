//! The status page: the state of every account, which programs have keys and what they got, and buttons for what can be
//! done about it. It is whole without its script, which keeps it current (`static/status.js`).
//! Only with a session (see [`super::session`]); every button is a form with the session's own token (CSRF).
//!
//! No token, key or secret is on it. What a provider wrote is cut to a bearable length and escaped.

pub(super) mod actions;
mod form;
pub(super) mod live;
mod overview;
pub(super) mod page;
mod programs;
pub(super) mod sessions;
mod shown;
mod words;
