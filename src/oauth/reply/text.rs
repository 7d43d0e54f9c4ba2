//! Sanitizing of a provider's text before it is shown or logged.

use crate::printable::is_invisible;

/// Longest text of a provider that is passed on, in characters.
const LONGEST_TEXT: usize = 200;

/// Untrusted text, made safe for a terminal, a log and a page: printable, one line, short.
pub(crate) fn clean(text: &str) -> String {
    clean_to(text, LONGEST_TEXT)
}

/// The same with another limit, in characters.
pub(super) fn clean_to(text: &str, longest: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    // Characters that reorder or hide text make their neighbours look different.
    let visible = printable.filter(|c| !is_invisible(*c));
    visible.take(longest).collect::<String>().trim().to_owned()
}
