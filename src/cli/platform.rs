//! What this operating system lacks, for the commands that look at a config.

use crate::config::Config;
use crate::os::support::{self, System, Topic};
use crate::secret::source::{KeySource, SecretSource};

/// What the config asks for and the system lacks, one warning each.
pub(super) fn unmet(config: &Config) -> Vec<String> {
    unmet_with(config, Topic::missing_here)
}

/// What commands say that tell how it all stands; `None` where nothing is missing.
pub(super) fn notice() -> Option<&'static str> {
    let is_whole = support::missing(System::HERE).next().is_none();
    (!is_whole).then_some("This system is not fully supported: `ringback doctor` says what does not work on it.")
}

/// Whether something of the config comes from the keyring.
pub(super) fn needs_keyring(config: &Config) -> bool {
    let of_accounts = config.accounts.values().any(|account| {
        let password = account.user.as_ref().and_then(|user| user.password.as_ref());
        let secrets = [account.client_secret.as_ref(), password];
        secrets.into_iter().flatten().any(|source| matches!(source, SecretSource::Keyring { .. }))
    });
    config.store.key_source() == Some(KeySource::Keyring) || of_accounts
}

fn unmet_with(config: &Config, missing: impl Fn(Topic) -> Option<&'static str>) -> Vec<String> {
    let asked = [
        (config.store.lock_on_suspend, "store.lock_on_suspend", Topic::Sleep),
        (needs_keyring(config), "keyring", Topic::Keyring),
    ];
    let asked = asked.into_iter().filter(|(is_asked, ..)| *is_asked);
    asked.filter_map(|(_, key, topic)| Some(format!("{key}: not on this system: {}", missing(topic)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FilePrivacy, parse};

    #[test]
    fn what_the_config_asks_for_and_the_system_lacks_is_said() {
        let on_macos = |topic: Topic| match topic.on(System::MacOs) {
            support::Support::Missing(consequence) => Some(consequence),
            support::Support::By(_) => None,
        };
        for (text, said) in [
            ("", &[][..]),
            ("[store]\nlock_on_suspend = true\n", &["store.lock_on_suspend: not on this system: "]),
            ("[store]\nkey = \"keyring\"\n", &["keyring: not on this system: there is none"]),
        ] {
            let config = parse(text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap();
            let unmet = unmet_with(&config, on_macos);
            assert_eq!(unmet.len(), said.len(), "{text}: {unmet:?}");
            assert!(unmet.iter().zip(said).all(|(unmet, said)| unmet.starts_with(said)), "{unmet:?}");
            assert!(unmet_with(&config, |_| None).is_empty());
        }
    }
}
