//! Where a key at the wrong level belongs, if only one place is possible.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::schema::{Schema, SectionForm};

/// A key that stands where it does not belong.
pub(super) struct Misplaced<'a> {
    /// The config file.
    pub(super) document: &'a DeTable<'a>,
    /// The names on the way to its section.
    pub(super) section: &'a [String],
    /// Its own name.
    pub(super) key: &'a str,
}

impl Misplaced<'_> {
    /// The names on the way to the only place where the key can be meant to be, and where it is not set yet.
    pub(super) fn only_place(&self, schema: Schema) -> Option<Vec<String>> {
        let mut owners = schema.sections().filter(|section| section.key(self.key).is_some());
        let (Some(owner), None) = (owners.next(), owners.next()) else { return None };
        let mut place: Vec<String> = match owner.form {
            SectionForm::Top => Vec::new(),
            SectionForm::Single => vec![owner.path.to_owned()],
            SectionForm::Named(_) => {
                let (kind, _) = owner.path.split_once('.')?;
                let name = if kind == "accounts" { self.account() } else { self.provider() };
                vec![kind.to_owned(), name?.to_owned()]
            }
            SectionForm::Inline => return None,
        };
        let is_set = |name: &str| self.table(&place).is_some_and(|table| table.contains_key(name));
        if is_set(self.key) || owner.key(self.key).and_then(|key| key.formerly).is_some_and(is_set) {
            return None;
        }
        place.push(self.key.to_owned());
        Some(place)
    }

    /// The only account that the key can be about: that of the provider in whose section it stands, else the only one.
    fn account(&self) -> Option<&str> {
        let of_provider = match self.section {
            [kind, provider] if kind == "providers" => Some(provider.as_str()),
            _ => None,
        };
        let accounts = self.accounts().filter(|(_, provider)| of_provider.is_none_or(|name| *provider == Some(name)));
        only(accounts.map(|(name, _)| name))
    }

    /// The only provider that the key can be about: that of the account in whose section it stands, if no other account
    /// has it; else the only one.
    fn provider(&self) -> Option<&str> {
        let [kind, account] = self.section else {
            let named = self.tables("providers").map(|(name, _)| name);
            let used = self.accounts().filter_map(|(_, provider)| provider);
            return only(named.chain(used).collect::<BTreeSet<_>>().into_iter());
        };
        let (_, provider) = self.accounts().find(|(name, _)| kind == "accounts" && name == account)?;
        // It would change what the others do, too.
        only(self.accounts().filter(|(_, other)| *other == provider)).and(provider)
    }

    /// Every account, and the name of its provider.
    fn accounts(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.tables("accounts")
            .map(|(name, table)| (name, table.get("provider").and_then(|value| value.get_ref().as_str())))
    }

    /// The tables below the table of this name.
    fn tables(&self, name: &str) -> impl Iterator<Item = (&str, &DeTable<'_>)> {
        let all = self.document.get(name).and_then(|value| value.get_ref().as_table()).into_iter().flatten();
        all.filter_map(|(name, value)| Some((name.get_ref().as_ref(), value.get_ref().as_table()?)))
    }

    /// The table at `path`, if there is one.
    fn table(&self, path: &[String]) -> Option<&DeTable<'_>> {
        path.iter().try_fold(self.document, |table, name| table.get(name.as_str())?.get_ref().as_table())
    }
}

/// The item, if there is only one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    first.filter(|_| items.next().is_none())
}
