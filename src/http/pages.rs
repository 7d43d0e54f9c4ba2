//! What the browser sees of a login: its start, the provider's answer, and how it ended.
//!
//! Pages know no text of the provider but what an [`Error`]'s own sentence carries, which was cleaned
//! before, and askama escapes that too (docs/security.md, rule 14: no reflected XSS). No scripts but the one of
//! `fragment`, one style sheet.
//!
//! [`Error`]: crate::error::Error

mod answer;
pub(super) mod callback;
mod certificate;
pub(super) mod fragment;
pub(super) mod outcome;
pub(super) mod question;
mod redirect;
pub(super) mod start;
pub(super) mod static_files;
