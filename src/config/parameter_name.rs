//! How servers read the name of a request parameter.

/// `name` as the most lenient servers read it: some ignore case, PHP reads ` a.b` and `a b[]` as `a_b`.
pub(super) fn as_servers_read(name: &str) -> String {
    let name = name.split('[').next().unwrap_or_default();
    name.trim().to_ascii_lowercase().replace([' ', '.'], "_")
}
