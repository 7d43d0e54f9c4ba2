//! How names are written in a dotted key.

/// The dotted path of these names.
pub(super) fn dotted(names: &[String]) -> String {
    names.iter().map(|name| segment(name)).collect::<Vec<_>>().join(".")
}

/// A name as it is written in a dotted key: bare where TOML allows, else in quotes.
pub fn segment(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { format!("\"{}\"", name.escape_debug()) }
}
