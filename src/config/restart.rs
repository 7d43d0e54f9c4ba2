//! Which changes of the config need a restart.

use super::describe::describe;
use super::effective::Config;
use super::schema::TakesEffect;
use super::sections::{SCHEMA, SECTIONS};

/// The keys whose values in `new` take effect only after a restart of a daemon that was started with `started`: dotted,
/// in the order of the reference.
pub fn needs_restart(started: &Config, new: &Config) -> Vec<String> {
    let values = |config: &Config| describe(config).parse::<toml::Table>().unwrap_or_default();
    let (then, now) = (values(started), values(new));
    let mut changed = Vec::new();
    for section in SECTIONS {
        for key in section.keys.iter().filter(|key| SCHEMA.effect_of(section, key) == TakesEffect::AfterRestart) {
            let value = |values: &toml::Table| values.get(section.path)?.get(key.name).cloned();
            if value(&then) != value(&now) {
                changed.push(format!("{}.{}", section.path, key.name));
            }
        }
    }
    // Its arguments are hidden above.
    if started.store.key_source() != new.store.key_source() && !changed.iter().any(|key| key.starts_with("store.key")) {
        changed.push("store.key_command".into());
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FilePrivacy, parse};

    #[test]
    fn each_changed_key_of_listen_and_store_is_named_and_no_other() {
        let config = |text: &str| parse(text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap();
        let command = |name: &str| format!("[store]\nkey = \"command\"\nkey_command = [\"/bin/echo\", \"{name}\"]\n");
        for (then, now, expected) in [
            ("", "", vec![]),
            ("", "[listen]\nmax_connections = 768\n", vec![]),
            ("", "[serve]\nwait = \"3s\"\n[audit]\nkeep = 2\n", vec![]),
            ("", "[listen]\ntcp = []\nsocket = \"/s\"\n", vec!["listen.tcp", "listen.socket"]),
            (
                "",
                "[listen]\nother_users = true\nmax_connections = 9\n",
                vec!["listen.other_users", "listen.max_connections"],
            ),
            ("", "[[listen.extra]]\naddress = \"10.88.0.1:7464\"\n", vec![]),
            ("[store]\nlock_on_suspend = true\n", "", vec!["store.lock_on_suspend"]),
            ("", "[store]\nfolder = \"/f\"\nlock_after_idle = \"5m\"\n", vec!["store.folder", "store.lock_after_idle"]),
            (&command("a"), &command("b"), vec!["store.key_command"]),
            ("", &command("a"), vec!["store.key", "store.key_command"]),
        ] {
            assert_eq!(needs_restart(&config(then), &config(now)), expected, "{then} -> {now}");
        }
    }
}
