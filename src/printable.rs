//! Characters that are invisible, or that reorder visible text (Trojan Source): untrusted text is printed without them.

/// Characters without a width, and those that change the direction of writing (Unicode: `Default_Ignorable_Code_Point`,
/// without the selectors, which are part of emoji).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character could hide or rearrange the text around it: control characters too.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control() || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_text_is_told_from_what_is_text() {
        for c in "\u{200b}\u{202e}\u{2066}\u{feff}\u{61c}\u{ad}\u{e0041}".chars() {
            assert!(is_invisible(c) && is_unprintable(c), "{c:?}");
        }
        for c in "\n\t\u{1b}\u{7f}\u{9b}".chars() {
            assert!(is_unprintable(c) && !is_invisible(c), "{c:?}");
        }
        for c in "a \u{a0}\u{e4}\u{5d0}\u{4e2d}\u{1f600}\u{fe0f}".chars() {
            assert!(!is_unprintable(c), "{c:?}");
        }
    }
}
