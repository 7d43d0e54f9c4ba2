//! Texts about apps, for the terminal and the status page.

/// How to restore the key file after the app `default` was removed: one sentence.
pub(crate) const KEY_FILE_AGAIN: &str = "`ringback app add default --all-accounts --write` makes the key file again, with every right; without these options its key may only read the default account.";

/// A count in words: `once`, or `3 times`.
pub(crate) fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}
