//! Where things stand in the text of a config file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A key or section of the file.
pub(super) struct Found<'a> {
    /// Its own name.
    pub(super) key: &'a Spanned<DeString<'a>>,
    /// Its value; of a section, the place is that of its header.
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl Found<'_> {
    /// Whether it is a table that is made by dots in keys or in headers, and so stands nowhere as a whole.
    pub(super) fn is_spread(&self) -> bool {
        self.value.get_ref().is_table() && self.value.span().start <= self.key.span().start
    }
}

/// What `path` names.
pub(super) fn find<'a>(table: &'a DeTable<'a>, path: &[String]) -> Option<Found<'a>> {
    let (name, rest) = path.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
    if rest.is_empty() { Some(Found { key, value }) } else { find(value.get_ref().as_table()?, rest) }
}

/// Whether it is a table under a `[header]`.
pub(super) fn is_header(text: &str, value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().is_table() && text.get(value.span().start..).is_some_and(|rest| rest.starts_with('['))
}

/// Whether it is a list of tables under `[[headers]]`.
fn is_headed_list(text: &str, value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().as_array().and_then(|items| items.iter().next()).is_some_and(|item| is_header(text, item))
}

/// Every table under a header, in `value` and below it.
pub(super) fn sections_below<'a>(text: &str, value: &'a Spanned<DeValue<'a>>) -> Vec<&'a Spanned<DeValue<'a>>> {
    let own = is_header(text, value).then_some(value);
    let tables = value.get_ref().as_table().into_iter().flatten().map(|(_, value)| value);
    let items = value.get_ref().as_array().into_iter().flat_map(|items| items.iter());
    own.into_iter().chain(tables.chain(items).flat_map(|value| sections_below(text, value))).collect()
}

/// The places of the values in `found` that stand under no header of their own.
pub(super) fn values_below(text: &str, found: &Found<'_>) -> Vec<Range<usize>> {
    if is_header(text, found.value) || is_headed_list(text, found.value) {
        return Vec::new();
    }
    match found.value.get_ref().as_table().filter(|_| found.is_spread()) {
        Some(table) => table.iter().flat_map(|(key, value)| values_below(text, &Found { key, value })).collect(),
        None => std::iter::once(found.key.span().start..found.value.span().end).collect(),
    }
}

/// The places of all values whose key is one of these.
pub(super) fn values_of(table: &DeTable<'_>, is_one: &dyn Fn(&str) -> bool, spans: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        match value.get_ref().as_table() {
            Some(below) => values_of(below, is_one, spans),
            None if is_one(key.get_ref()) => spans.push(value.span()),
            None => {}
        }
    }
}

/// Where each `[header]` of the file begins.
pub(super) fn header_starts(text: &str, document: &DeTable<'_>) -> Vec<usize> {
    let all = document.iter().flat_map(|(_, value)| sections_below(text, value));
    let mut starts: Vec<usize> = all.map(|section| section.span().start).collect();
    starts.sort_unstable();
    starts
}

/// Where the last key of this section ends, or its header if it has none.
pub(super) fn last_end(text: &str, document: &DeTable<'_>, section: &Spanned<DeValue<'_>>) -> usize {
    let header = section.span();
    let next = header_starts(text, document).into_iter().find(|start| *start > header.start).unwrap_or(text.len());
    let table = section.get_ref().as_table();
    ends(table).into_iter().filter(|end| *end > header.end && *end <= next).max().unwrap_or(header.end)
}

/// Where the values of a table end, those of the tables below it included.
fn ends(table: Option<&DeTable<'_>>) -> Vec<usize> {
    let each = table.into_iter().flatten().flat_map(|(_, value)| {
        let below = ends(value.get_ref().as_table());
        std::iter::once(value.span().end).chain(below)
    });
    each.collect()
}

/// The lines of the text.
pub(super) struct Lines<'a> {
    pub(super) text: &'a str,
}

impl Lines<'_> {
    /// How they end.
    pub(super) fn end(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// What has to stand at `at` so that a new line begins there.
    pub(super) fn fresh(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or_default();
        if before.is_empty() || before.ends_with('\n') { String::new() } else { self.end().to_owned() }
    }

    /// The beginning of the line in which `at` is.
    fn start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |feed| feed + 1)
    }

    /// The beginning of the line after that in which `at` is.
    pub(super) fn after(&self, at: usize) -> usize {
        self.text.get(at..).and_then(|rest| rest.find('\n')).map_or(self.text.len(), |feed| at + feed + 1)
    }

    /// The line that begins at `at`, trimmed.
    fn line(&self, at: usize) -> &str {
        self.text.get(at..self.after(at)).unwrap_or_default().trim()
    }

    /// The beginning of the line before the one that begins at `at`.
    fn before(&self, at: usize) -> Option<usize> {
        at.checked_sub(1).map(|feed| self.start(feed))
    }

    /// The whole lines of this place.
    pub(super) fn whole(&self, place: &Range<usize>) -> Range<usize> {
        self.start(place.start)..self.after(place.end)
    }

    /// The beginning of the comment directly above the line that begins at `at`. A comment in the first line is about the
    /// file.
    fn above(&self, at: usize) -> usize {
        let mut start = at;
        while let Some(before) = self.before(start).filter(|before| self.line(*before).starts_with('#')) {
            start = before;
        }
        if start == 0 { at } else { start }
    }

    /// The comment directly above a key, and the lines of the key.
    pub(super) fn of_key(&self, place: &Range<usize>) -> [Range<usize>; 2] {
        let own = self.whole(place);
        [self.above(own.start)..own.start, own]
    }

    /// A section's lines, from its header to its last key, with the comments directly above and below, and with the blank
    /// lines behind it.
    pub(super) fn of_section(&self, header: Range<usize>, last: usize, headers: &[usize]) -> Range<usize> {
        let start = self.above(self.start(header.start));
        let mut end = self.after(last);
        while self.line(end).starts_with('#') {
            end = self.after(end);
        }
        // A comment that leads on to the next header is that one's.
        if headers.contains(&(end + self.indent(end))) {
            end = self.after(last);
        }
        let blank = |at: usize| at < self.text.len() && self.line(at).is_empty();
        while blank(end) {
            end = self.after(end);
        }
        let mut start = start;
        if end == self.text.len() {
            while let Some(before) = self.before(start).filter(|before| blank(*before)) {
                start = before;
            }
        }
        start..end
    }

    fn indent(&self, at: usize) -> usize {
        let line = self.text.get(at..).unwrap_or_default();
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// Where a new key of the top of the file belongs, and whether a blank line has to follow it: after a comment that
    /// shows the key, else after the last key there, else above the first header.
    pub(super) fn for_top_key(&self, document: &DeTable<'_>, key: &str) -> (usize, bool) {
        let first = header_starts(self.text, document).into_iter().next();
        let limit = first.map_or(self.text.len(), |first| self.start(first));
        let mut at = 0;
        while at < limit {
            let shown = self.line(at).strip_prefix('#').and_then(|rest| rest.trim_start().strip_prefix(key));
            if shown.is_some_and(|rest| rest.trim_start().starts_with('=')) {
                return (self.after(at), false);
            }
            at = self.after(at);
        }
        let ends = document.iter().map(|(_, value)| value.span().end).filter(|end| *end <= limit);
        match ends.max() {
            Some(end) => (self.after(end), false),
            None if first.is_none() => (limit, false),
            None => (self.above(limit), true),
        }
    }
}
