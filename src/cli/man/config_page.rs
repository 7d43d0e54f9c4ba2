//! `ringback.toml(5)`, from the reference of the config file.

use super::roff::Roff;
use crate::config;

/// The page.
pub(super) fn page() -> String {
    let mut page = Roff::page("ringback.toml", 5);
    page.heading("NAME");
    page.paragraph("ringback.toml - the config file of ringback");
    page.heading("DESCRIPTION");
    markdown(&mut page, &config::reference());
    page.heading("SEE ALSO");
    page.paragraph("`ringback`(1), `ringback-config`(1), `ringback-config-check`(1), `ringback-provider`(1)");
    page.done()
}

/// The Markdown that the reference is written in: headings, paragraphs, lists and blocks of code.
fn markdown(page: &mut Roff, text: &str) {
    let mut lines = text.lines();
    let mut in_comment = false;
    while let Some(line) = lines.next() {
        in_comment |= line.starts_with("<!--");
        if in_comment {
            in_comment = !line.ends_with("-->");
        } else if line.starts_with("```") {
            page.verbatim(lines.by_ref().take_while(|line| !line.starts_with("```")));
        } else if let Some(title) = line.strip_prefix("### ") {
            page.subheading(&title.replace('`', ""));
        } else if let Some(title) = line.strip_prefix("## ") {
            page.heading(&title.replace('`', ""));
        } else if let Some(item) = line.strip_prefix("- ") {
            page.bullet(&without_links(item));
        } else if !line.is_empty() && !line.starts_with("# ") {
            page.paragraph(&without_links(line));
        }
    }
}

/// `[words](url)` as `words`.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("](") {
        let (Some((before, words)), Some((_, after))) = (before.rsplit_once('['), after.split_once(')')) else { break };
        text.extend([before, words]);
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_their_words_and_code_stays_as_it_is() {
        assert_eq!(without_links("a [b](c.md#d) and [e](f), [g]"), "a b and e, [g]");
        let mut page = Roff::page("x", 5);
        markdown(&mut page, "# t\n\n<!-- a\n b -->\n\n## `[s]`\n\nword\n\n- item\n\n```toml\n.a = 1\n```\n");
        let text = page.done();
        let body = text.split_once(".ad l\n").unwrap().1;
        assert_eq!(body, ".SH \"[s]\"\n.PP\nword\n.IP \\(bu 2\nitem\n.PP\n.nf\n.RS 4\n\\&.a = 1\n.RE\n.fi\n");
    }

    #[test]
    fn every_section_of_the_config_is_on_the_page() {
        let page = page();
        for heading in [".SH \"[store]\"", ".SH \"[accounts.NAME]\"", ".SS \"client_id\"", ".SS \"google\""] {
            assert!(page.contains(&format!("{heading}\n")), "{heading}");
        }
    }
}
