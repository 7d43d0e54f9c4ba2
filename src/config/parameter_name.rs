//! How servers read the name of a request parameter.

/// `name` as the most lenient of servers takes it: some don't tell cases apart, PHP reads ` a.b` and `a b[]` as `a_b`.
pub(super) fn as_servers_read(name: &str) -> String {
    let name = name.split('[').next().unwrap_or_default();
    name.trim().to_ascii_lowercase().replace([' ', '.'], "_")
}
