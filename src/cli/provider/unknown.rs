//! What to say of a name that is no provider.

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::nearest;

/// The failure, with the nearest of the names that are `known`.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Failure {
    match nearest(name, known) {
        Some(meant) => message::no_such_provider_but(what, name, meant),
        None => message::no_such_provider(what, name),
    }
}
