//! What a provider says of a token that it gave: Phone.com's details, or RFC 7662.

use serde_json::{Map, Value};

use crate::clock::Wall;

/// What a provider says of a token.
#[derive(Debug, Clone)]
pub struct Described {
    /// Which question it answered.
    pub source: Source,
    /// Whether the token works. Details are told of working ones only.
    pub active: bool,
    /// What it may, separated by spaces.
    pub scope: Option<String>,
    /// When it expires; `None`: never, or it was not said.
    pub expires_at: Option<Wall>,
    /// Whose it is: the members that tell people and programs apart, such as `voip_id`.
    pub identity: Map<String, Value>,
    /// Everything as it came.
    pub claims: Map<String, Value>,
}

/// How a provider is asked about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A GET with the token as Bearer.
    Details,
    /// RFC 7662.
    Introspection,
}
