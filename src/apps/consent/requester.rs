//! Who asks for consent, as far as it can be told.

use serde::{Deserialize, Serialize};

/// Who asks: an app by its name, or a program by its executable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Requester {
    /// An app with a key.
    App(String),
    /// A program that runs as the user, by the path of its executable.
    Program(String),
    /// The system doesn't tell; the user is asked each time.
    Unknown,
}

impl Requester {
    /// Whether an answer about it can be remembered. Unknown programs can't be told apart.
    pub(crate) fn is_known(&self) -> bool {
        *self != Self::Unknown
    }
}

impl std::fmt::Display for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::App(name) => write!(f, "the app {name}"),
            Self::Program(path) => f.write_str(path),
            Self::Unknown => f.write_str("an unknown program"),
        }
    }
}
