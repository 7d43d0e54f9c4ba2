//! Text in the format of man pages (roff with the `man` macros). What is not in it can't be written by accident: all
//! text is escaped.

use std::fmt::Write as _;

/// A page that is being written.
pub(super) struct Roff {
    text: String,
}

impl Roff {
    /// `name` and `section` as in `ringback(1)`.
    pub(super) fn page(name: &str, section: u8) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = escaped(&name.to_uppercase());
        // No date: the same program always writes the same page.
        Self { text: format!(".TH \"{title}\" {section} \"\" \"ringback {version}\" \"ringback\"\n.nh\n.ad l\n") }
    }

    pub(super) fn heading(&mut self, words: &str) {
        self.line(format_args!(".SH \"{}\"", escaped(words)));
    }

    pub(super) fn subheading(&mut self, words: &str) {
        self.line(format_args!(".SS \"{}\"", formatted(words)));
    }

    /// A paragraph; what is in backticks is bold.
    pub(super) fn paragraph(&mut self, words: &str) {
        self.line(format_args!(".PP\n{}", formatted(words)));
    }

    /// A term in bold, and what it means, in paragraphs.
    pub(super) fn item(&mut self, term: &str, about: &[&str]) {
        self.line(format_args!(".TP\n\\fB{}\\fR", escaped(term)));
        for (number, about) in about.iter().filter(|about| !about.is_empty()).enumerate() {
            if number > 0 {
                self.line(format_args!(".IP"));
            }
            self.line(format_args!("{}", formatted(about)));
        }
    }

    /// A line of a list.
    pub(super) fn bullet(&mut self, words: &str) {
        self.line(format_args!(".IP \\(bu 2\n{}", formatted(words)));
    }

    /// Lines that stay as they are.
    pub(super) fn verbatim<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) {
        self.line(format_args!(".PP\n.nf\n.RS 4"));
        for line in lines {
            // A line without anything would end some of the macros.
            let line = if line.is_empty() { "\\&".to_owned() } else { protected(escaped(line)) };
            self.line(format_args!("{line}"));
        }
        self.line(format_args!(".RE\n.fi"));
    }

    pub(super) fn done(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a `String` does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// Characters that roff would read as something else, or print as another one.
fn escaped(words: &str) -> String {
    words.chars().fold(String::new(), |mut text, c| {
        match c {
            '\\' => text.push_str("\\e"),
            '-' => text.push_str("\\-"),
            '\'' => text.push_str("\\(aq"),
            '"' => text.push_str("\\(dq"),
            '`' => text.push_str("\\(ga"),
            '^' => text.push_str("\\(ha"),
            '~' => text.push_str("\\(ti"),
            c if c.is_ascii() => text.push(c),
            c => _ = write!(text, "\\[u{:04X}]", u32::from(c)),
        }
        text
    })
}

/// Prose with `code` in it, which becomes bold.
fn formatted(words: &str) -> String {
    // A backtick without its second one is text.
    let pairs = words.matches('`').count() / 2 * 2;
    let mut text = String::new();
    for (number, part) in words.splitn(pairs + 1, '`').enumerate() {
        match (number % 2, escaped(part)) {
            (1, part) => _ = write!(text, "\\fB{part}\\fR"),
            (_, part) => text.push_str(&part.replace("\\-", "-")),
        }
    }
    protected(text)
}

/// A line that begins with a dot or an apostrophe would be a command.
fn protected(line: String) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_a_command_of_roff() {
        for (words, roff) in [
            (".so /etc/passwd", "\\&.so /etc/passwd"),
            ("a\\fBb", "a\\efBb"),
            ("see `ringback-token` - it's", "see \\fBringback\\-token\\fR - it\\(aqs"),
            ("one ` alone", "one \\(ga alone"),
            ("`.x`", "\\fB.x\\fR"),
            ("\u{2013}", "\\[u2013]"),
        ] {
            assert_eq!(formatted(words), roff, "{words}");
        }
        let mut page = Roff::page("x-y", 1);
        page.verbatim([".a", "", "--b"]);
        assert!(page.done().ends_with(".PP\n.nf\n.RS 4\n\\&.a\n\\&\n\\-\\-b\n.RE\n.fi\n"));
    }
}
