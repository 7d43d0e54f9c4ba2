//! What certainly puts a mistake or warning right: where only one way is possible, and nothing has to be guessed.

use std::fmt;

use super::dotted::dotted;
use super::edit::ConfigEdit;

/// A change of the config file that puts something right. It is decided where the problem is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFix {
    /// The file becomes its owner's alone.
    Close,
    /// A key gets the name that it has now.
    Rename {
        /// The names on the way to the key, as it is written.
        from: Vec<String>,
        /// Its name.
        to: &'static str,
    },
    /// A key moves to the only section that it can be meant for.
    Move {
        /// The names on the way to the key.
        from: Vec<String>,
        /// Those on the way to its place.
        to: Vec<String>,
    },
}

impl ConfigFix {
    /// The change of the text; `None` if it is the file's mode that changes.
    pub(crate) fn edit(&self) -> Option<ConfigEdit> {
        match self {
            Self::Close => None,
            Self::Rename { from, to } => {
                let mut new = from.clone();
                new.pop();
                new.push((*to).to_owned());
                Some(ConfigEdit::relocate(from.clone(), new))
            }
            Self::Move { from, to } => Some(ConfigEdit::relocate(from.clone(), to.clone())),
        }
    }
}

impl fmt::Display for ConfigFix {
    /// An imperative clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close => f.write_str("close the file to others (mode 0600)"),
            Self::Rename { from, to } => write!(f, "rename `{}` to `{to}`", dotted(from)),
            Self::Move { from, to } => write!(f, "move `{}` to `{}`", dotted(from), dotted(to)),
        }
    }
}
