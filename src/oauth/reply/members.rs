//! Members of a token reply: those of RFC 6749, and all others.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// The reply's members, the known ones separately.
#[derive(Default)]
pub(super) struct Members {
    pub(super) known: KnownMembers,
    pub(super) other: Map<String, Value>,
    /// A known member is repeated, with different values.
    pub(super) is_ambiguous: bool,
}

#[derive(Default)]
pub(super) struct KnownMembers {
    pub(super) access_token: Option<Value>,
    pub(super) refresh_token: Option<Value>,
    pub(super) token_type: Option<Value>,
    pub(super) expires_in: Option<Value>,
    pub(super) scope: Option<Value>,
    pub(super) error: Option<Value>,
    pub(super) error_description: Option<Value>,
}

impl KnownMembers {
    fn slot(&mut self, name: &str) -> Option<&mut Option<Value>> {
        Some(match name {
            "access_token" => &mut self.access_token,
            "refresh_token" => &mut self.refresh_token,
            "token_type" => &mut self.token_type,
            "expires_in" => &mut self.expires_in,
            "scope" => &mut self.scope,
            "error" => &mut self.error,
            "error_description" => &mut self.error_description,
            _ => return None,
        })
    }
}

impl Members {
    /// Adds a member. If a known one is repeated, the last one counts, as in nearly every client that the provider may
    /// have been tested with; but `null` or an empty value does not replace a text.
    pub(super) fn put(&mut self, name: String, value: Value) {
        let Some(slot) = self.known.slot(&name) else {
            self.other.insert(name, value);
            return;
        };
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        match slot {
            Some(before) if *before == value => {}
            Some(before) if is_text(before) && !is_text(&value) => self.is_ambiguous = true,
            Some(before) => {
                self.is_ambiguous |= is_text(before);
                *before = value;
            }
            None => *slot = Some(value),
        }
    }

    /// Moves the members that this provider puts elsewhere to where RFC 6749 §5.1 has them.
    ///
    /// If even the first step of the path is missing, the reply is of another kind (Slack's to a refresh), and the
    /// usual place counts. If only the rest is missing, so is the member: the usual place then has another token
    /// (Slack's bot token).
    pub(super) fn moved(mut self, paths: &BTreeMap<String, String>) -> Self {
        let here = |path: &str| path.split('.').next().is_some_and(|first| self.other.contains_key(first));
        let found: Vec<_> = paths
            .iter()
            .filter(|(_, path)| here(path))
            .map(|(name, path)| (name, path, at(&self.other, path).cloned()))
            .collect();
        for (name, path, value) in found {
            remove(&mut self.other, path);
            match (self.known.slot(name), value) {
                (Some(slot), value) => *slot = value,
                (None, Some(value)) => _ = self.other.insert(name.clone(), value),
                (None, None) => {}
            }
        }
        self
    }
}

fn at<'a>(members: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut steps = path.split('.');
    let first = members.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

fn remove(members: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => _ = members.remove(path),
        Some((first, rest)) => {
            if let Some(Value::Object(below)) = members.get_mut(first) {
                remove(below, rest);
            }
        }
    }
}

/// Removes the members of these names at any depth, since the rest goes to callers.
pub(crate) fn without(members: &mut Map<String, Value>, names: &[&str]) {
    members.retain(|name, _| !names.contains(&name.as_str()));
    members.values_mut().for_each(|value| without_in(value, names));
}

fn without_in(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => without(members, names),
        Value::Array(items) => items.iter_mut().for_each(|item| without_in(item, names)),
        _ => {}
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some(name) = map.next_key::<String>()? {
                    members.put(name, map.next_value()?);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
