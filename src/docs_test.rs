//! Keeps generated parts of the documentation current, and sees to it that a table names every variant of an enum.

use std::sync::{Mutex, PoisonError};

const ERRORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
const END: &str = "<!-- end -->";
/// Tests run side by side, and a part is replaced by reading and writing the whole.
static WRITING: Mutex<()> = Mutex::new(());

/// Examples of every variant of an enum, in one list: it does not compile while a variant is missing.
macro_rules! every_variant {
    ($name:ident { $($variant:ident: [$(($example:expr, $($told:expr),+)),+]),+ $(,)? }) => {{
        let _ = |value: &$name| match value { $($name::$variant { .. } => ()),+ };
        $($(assert!(matches!(&$example, $name::$variant { .. }), "{} is another variant", stringify!($example));)+)+
        [$($(($example, $($told),+)),+),+]
    }};
}
pub(crate) use every_variant;

/// A table in Markdown.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    let rule = ["---"; N].map(str::to_owned);
    [line(head.map(str::to_owned)), line(rule)].into_iter().chain(rows.into_iter().map(line)).collect()
}

/// Whether the part of `docs/errors.md` that comes from `source` is `text`; makes it so where it is asked to.
pub(crate) fn keep_current(source: &str, text: &str) {
    keep_current_in(ERRORS, source, text);
}

/// The same for the document at `path`.
#[expect(clippy::disallowed_methods, reason = "a document needs neither durability nor privacy")]
pub(crate) fn keep_current_in(path: &str, source: &str, text: &str) {
    let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = format!("<!-- generated from {source}: RINGBACK_REGENERATE=1 cargo test --lib docs -->\n");
    let docs = std::fs::read_to_string(path).unwrap();
    let (before, rest) = docs.split_once(&begin).unwrap_or_else(|| panic!("{path} has no mark {begin}"));
    let (_, after) = rest.split_once(END).expect("the end mark");
    let current = format!("{before}{begin}{text}{END}{after}");
    if std::env::var_os("RINGBACK_REGENERATE").is_some() {
        std::fs::write(path, &current).unwrap();
    } else {
        assert!(docs == current, "{path} is out of date: RINGBACK_REGENERATE=1 cargo test --lib docs");
    }
}
