//! The difference between two texts, line by line, in the unified format.

use std::fmt::Write as _;

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 3;
/// The most cells of the table; above, everything between the first and the last change is shown as changed.
const MOST_CELLS: usize = 4_000_000;

/// One line of the difference: its sign, and its number in the text that it is from.
type DiffLine = (char, usize);

/// A text to compare, and its lines as they may be shown.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) text: &'a str,
    pub(super) shown: &'a str,
}

/// The difference, with `name` as the file's name; empty if there is none.
pub(super) fn unified(name: &str, old: Side<'_>, new: Side<'_>) -> String {
    let lines = compared(&old.text.lines().collect::<Vec<_>>(), &new.text.lines().collect::<Vec<_>>());
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, (sign, _))| *sign != ' ').map(|(at, _)| at).collect();
    let (Some(first), mut text) = (changed.first(), String::new()) else { return String::new() };
    // Writing to a `String` can't fail.
    let _ = writeln!(text, "--- {name}\n+++ {name}");
    let shown = [old.shown, new.shown].map(|shown| shown.lines().collect::<Vec<_>>());
    let mut start = *first;
    for (n, at) in changed.iter().enumerate() {
        let next = changed.get(n + 1);
        if next.is_none_or(|next| next - at > 2 * CONTEXT) {
            let hunk = start.saturating_sub(CONTEXT)..(at + 1 + CONTEXT).min(lines.len());
            write_hunk(&mut text, &lines, hunk, &shown);
            start = next.copied().unwrap_or_default();
        }
    }
    text
}

fn write_hunk(text: &mut String, lines: &[DiffLine], hunk: std::ops::Range<usize>, [old, new]: &[Vec<&str>; 2]) {
    let (before, inside) = lines.split_at(hunk.start);
    let inside = inside.get(..hunk.len()).unwrap_or(inside);
    let count = |lines: &[DiffLine], other: char| lines.iter().filter(|(sign, _)| *sign != other).count();
    let place = |other: char| {
        let (first, length) = (count(before, other), count(inside, other));
        format!("{},{length}", if length == 0 { first } else { first + 1 })
    };
    let _ = writeln!(text, "@@ -{} +{} @@", place('+'), place('-'));
    for (sign, at) in inside {
        let side = if *sign == '+' { new } else { old };
        let _ = writeln!(text, "{sign}{}", side.get(*at).copied().unwrap_or_default());
    }
}

/// Every line: kept (its number in `old`), removed or added.
fn compared(old: &[&str], new: &[&str]) -> Vec<DiffLine> {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(new).take_while(same).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count().min(old.len().min(new.len()) - head);
    let mut lines: Vec<DiffLine> = (0..head).map(|at| (' ', at)).collect();
    let middle = |text: &'_ [&str]| head..text.len() - tail;
    lines.extend(between(old, middle(old), new, middle(new)));
    lines.extend((old.len() - tail..old.len()).map(|at| (' ', at)));
    lines
}

/// The longest common subsequence of two parts, as lines of a difference.
fn between(
    old: &[&str],
    of_old: std::ops::Range<usize>,
    new: &[&str],
    of_new: std::ops::Range<usize>,
) -> Vec<DiffLine> {
    let width = of_new.len() + 1;
    if (of_old.len() + 1).saturating_mul(width) > MOST_CELLS {
        return of_old.map(|at| ('-', at)).chain(of_new.map(|at| ('+', at))).collect();
    }
    // How long it is from here on, for each pair of places.
    let mut lengths = vec![0_u32; (of_old.len() + 1) * width];
    let cell = |one: usize, other: usize| (one - of_old.start) * width + (other - of_new.start);
    let length = |lengths: &[u32], one, other| lengths.get(cell(one, other)).copied().unwrap_or_default();
    for one in of_old.clone().rev() {
        for other in of_new.clone().rev() {
            let found = if old.get(one) == new.get(other) {
                length(&lengths, one + 1, other + 1) + 1
            } else {
                length(&lengths, one + 1, other).max(length(&lengths, one, other + 1))
            };
            if let Some(place) = lengths.get_mut(cell(one, other)) {
                *place = found;
            }
        }
    }
    let (mut one, mut other, mut lines) = (of_old.start, of_new.start, Vec::new());
    while one < of_old.end || other < of_new.end {
        let both = one < of_old.end && other < of_new.end;
        if both && old.get(one) == new.get(other) {
            lines.push((' ', one));
            (one, other) = (one + 1, other + 1);
        } else if other == of_new.end || both && length(&lengths, one + 1, other) >= length(&lengths, one, other + 1) {
            lines.push(('-', one));
            one += 1;
        } else {
            lines.push(('+', other));
            other += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(text: &str) -> Side<'_> {
        Side { text, shown: text }
    }

    #[test]
    fn a_difference_is_what_the_usual_tools_print() {
        for (old, new, told) in [
            ("a\nb\n", "a\nb\n", ""),
            ("", "a\n", "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n"),
            ("a\n", "", "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n"),
            ("a\nb\nc\n", "a\nx\nc\n", "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"),
            (
                "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                "0\n1\n2\n3\n4\n5\n6\n7\n8\n",
                "--- f\n+++ f\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -6,4 +7,3 @@\n 6\n 7\n 8\n-9\n",
            ),
            ("a\na\n", "a\na\na\n", "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\n a\n+a\n"),
        ] {
            assert_eq!(unified("f", side(old), side(new)), told, "{old:?} {new:?}");
        }
    }

    #[test]
    fn lines_are_shown_in_their_other_form() {
        let (old, new) = (Side { text: "s = 1\n", shown: "s = hidden\n" }, side("s = 1\nx = 2\n"));
        assert_eq!(unified("f", old, new), "--- f\n+++ f\n@@ -1,1 +1,2 @@\n s = hidden\n+x = 2\n");
    }
}
