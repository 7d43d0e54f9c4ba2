//! Settings of accounts that are equal are kept once: most of many accounts differ in nothing but their names.

use std::sync::Arc;

use crate::config::effective::{AccountConfig, AccountSettings};
use crate::config::sections::accounts::{AccountKeys, KeyringItem};

/// The newest of the settings that are looked at; an account may have another client or hook than the one before it.
const LOOKED_AT: usize = 16;

/// The different settings so far.
#[derive(Default)]
pub(in crate::config) struct SharedSettings(Vec<Arc<AccountSettings>>);

impl SharedSettings {
    /// Replaces the settings of `account` by an earlier account's, if their keys are equal: everything else follows
    /// from those.
    pub(in crate::config) fn share(&mut self, account: &mut AccountConfig) {
        let known = self.0.iter().rev().take(LOOKED_AT).find(|known| is_equal(&known.keys, &account.keys));
        match known {
            Some(known) => account.settings = Arc::clone(known),
            None => self.0.push(Arc::clone(&account.settings)),
        }
    }
}

/// Whether no key differs. A secret is never equal to another: it was taken out, or belongs to one account.
#[rustfmt::skip]
fn is_equal(one: &AccountKeys, other: &AccountKeys) -> bool {
    // Every key is named, so that none can be forgotten.
    let AccountKeys {
        provider, grant, client_id, client_secret_file, client_secret_command, client_secret_credential,
        client_secret_keyring, client_secret, client_key_file, client_key_id, username, phonenumber, password_file,
        password_command, password_credential, password_keyring, scope, resource, audience, variables, redirect_uri,
        extra_authorize, hook, notify, remind_after, open_login, lazy, refresh_at_least, browser, consent,
    } = one;
    let item = |item: &Option<KeyringItem>| item.clone().map(|item| (item.service, item.user));
    client_secret.is_none() && other.client_secret.is_none()
        && (provider, grant, client_id, audience) == (&other.provider, &other.grant, &other.client_id, &other.audience)
        && (client_secret_file, client_secret_command) == (&other.client_secret_file, &other.client_secret_command)
        && *client_secret_credential == other.client_secret_credential
        && item(client_secret_keyring) == item(&other.client_secret_keyring)
        && (client_key_file, client_key_id) == (&other.client_key_file, &other.client_key_id)
        && (username, phonenumber) == (&other.username, &other.phonenumber)
        && (password_file, password_command) == (&other.password_file, &other.password_command)
        && *password_credential == other.password_credential
        && item(password_keyring) == item(&other.password_keyring)
        && (scope, resource, variables) == (&other.scope, &other.resource, &other.variables)
        && (redirect_uri, extra_authorize) == (&other.redirect_uri, &other.extra_authorize)
        && (hook, notify, remind_after) == (&other.hook, &other.notify, &other.remind_after)
        && (lazy, refresh_at_least) == (&other.lazy, &other.refresh_at_least)
        && (open_login, browser, consent) == (&other.open_login, &other.browser, &other.consent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::input::FilePrivacy;

    #[test]
    fn equal_settings_are_kept_once_and_others_are_not_mixed_up() {
        let account = |name: &str, client: &str| {
            format!(
                "[accounts.{name}]\nprovider = \"phonecom\"\nclient_id = \"{client}\"\nclient_secret_file = \"s\"\n"
            )
        };
        let text = [account("a", "one"), account("b", "two"), account("c", "one")].concat();
        let config = crate::config::parse(&text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap();
        let settings = |name: &str| &config.accounts.get(name).unwrap().settings;
        assert!(Arc::ptr_eq(settings("a"), settings("c")) && !Arc::ptr_eq(settings("a"), settings("b")));
        assert_eq!(settings("b").client_id, "two");
    }
}
