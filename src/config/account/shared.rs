//! Settings of accounts that are equal are kept once: most of many accounts differ in nothing but their names.

use std::sync::Arc;

use crate::config::effective::{AccountConfig, AccountSettings};
use crate::config::sections::accounts::{AccountKeys, KeyringItem, ProxyKeys};
use crate::secret::source::SecretSource;

/// The newest of the settings that are looked at; an account may have another client or hook than the one before it.
const LOOKED_AT: usize = 16;

/// The different settings so far.
#[derive(Default)]
pub(in crate::config) struct SharedSettings(Vec<Arc<AccountSettings>>);

impl SharedSettings {
    /// Replaces the settings of `account` by an earlier account's, if their keys are equal: everything else follows
    /// from those, except for a client secret in the config itself, which is not shared.
    pub(in crate::config) fn share(&mut self, account: &mut AccountConfig) {
        if matches!(account.client_secret, Some(SecretSource::Inline(_))) {
            return;
        }
        let known = self.0.iter().rev().take(LOOKED_AT).find(|known| is_equal(&known.keys, &account.keys));
        match known {
            Some(known) => account.settings = Arc::clone(known),
            None => self.0.push(Arc::clone(&account.settings)),
        }
    }
}

/// Whether no key differs. `client_secret` was taken out of the keys: see [`SharedSettings::share`].
#[rustfmt::skip]
fn is_equal(one: &AccountKeys, other: &AccountKeys) -> bool {
    // Every key is named, so that none can be forgotten.
    let AccountKeys {
        provider, grant, client_id, client_id_command, client_secret_file, client_secret_command,
        client_secret_credential, client_secret_keyring, client_secret: _, client_key_file, client_key_id, username, phonenumber, password_file,
        password_command, password_credential, password_keyring, scope, resource, audience, variables, redirect_uri,
        extra_authorize, hook, notify, remind_after, open_login, lazy, refresh_at_least, browser, consent, proxy, file,
        api_urls, credential_username, id_token, dpop, hand_out_dpop,
    } = one;
    let leads = |proxy: &Option<ProxyKeys>| proxy.clone().map(|proxy| (proxy.upstream, proxy.timeout));
    let item = |item: &Option<KeyringItem>| item.clone().map(|item| (item.service, item.user));
    (provider, grant, client_id, audience) == (&other.provider, &other.grant, &other.client_id, &other.audience)
        && *client_id_command == other.client_id_command
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
        && (api_urls, credential_username) == (&other.api_urls, &other.credential_username)
        && (id_token, dpop, hand_out_dpop) == (&other.id_token, &other.dpop, &other.hand_out_dpop)
        && leads(proxy) == leads(&other.proxy)
        // No two accounts have the same ones.
        && file.is_empty() && other.file.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::input::FilePrivacy;
    use crate::config::{Sources, assemble};

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
        assert_eq!(settings("b").client_id.known(), Some("two"));
    }

    #[test]
    fn accounts_that_differ_only_in_a_secret_of_the_config_keep_their_own() {
        let account = |name: &str| {
            format!(
                "[accounts.{name}]\nprovider = \"phonecom\"\nclient_id = \"c\"\nclient_secret = \"secret-of-{name}\"\n"
            )
        };
        let text = ["a", "b", "c"].map(account).concat();
        let config = crate::config::parse(&text, "/c.toml".as_ref(), FilePrivacy::Private, None).unwrap();
        for (name, account) in &config.accounts {
            let Some(SecretSource::Inline(secret)) = &account.client_secret else { panic!("{name} has no secret") };
            assert_eq!(secret.expose(), format!("secret-of-{name}"));
        }
    }

    #[test]
    fn an_account_without_a_usable_secret_lends_its_settings_to_no_other() {
        let account = |name: &str, secret: &str| {
            format!("[accounts.{name}]\nprovider = \"phonecom\"\nclient_id = \"c\"\nclient_secret = \"{secret}\"\n")
        };
        let text = [account("a", ""), account("b", "secret-of-b")].concat();
        let (path, privacy) = ("/c.toml".as_ref(), FilePrivacy::Private);
        let parsed = assemble(&Sources { text: &text, path, privacy, home: None, providers: &[] });
        let config = parsed.config.unwrap();
        assert_eq!(config.accounts.len(), 1, "the other one has a mistake");
        let secret = config.accounts.get("b").and_then(|account| account.client_secret.as_ref());
        assert!(matches!(secret, Some(SecretSource::Inline(secret)) if secret.expose() == "secret-of-b"));
    }
}
