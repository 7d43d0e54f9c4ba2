//! The schema as JSON Schema (draft 2020-12), by which editors complete and check the config file.

use serde_json::{Map, Value, json};

use super::schema::{ConfigKey, Fallback, Section, SectionForm, ValueKind};
use super::sections::SECTIONS;
use super::value::MEMBERS;
use crate::contract::DEFAULT_ACCOUNT;
use crate::oauth::preset::PRESETS;

/// A name of an account or provider.
const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";
/// As `humantime` reads it.
const DURATION: &str = "^(0|\\s*([0-9]+(\\.[0-9]+)?\\s*[a-zA-Z\u{b5}]+\\s*)+)$";
const LOOPBACK_ADDRESS: &str = "^(127(\\.[0-9]{1,3}){3}|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$";
const ADDRESS: &str = "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|\\[[0-9a-fA-F:.%]+\\]):[0-9]{1,5}$";
/// With variables in it, its host is known only once they are filled in.
const URL: &str = "^(https:|http://(127\\.|\\[::1\\]|localhost([:/?]|$)|\\{)|\\{token_url\\})";
const REDIRECT_URI: &str = "^https?://(127\\.0\\.0\\.1|\\[::1\\]|localhost)(:[0-9]{1,5})?/[^?#]*$";
const CREDENTIAL: &str = "^[^/]+$";
const VARIABLE: &str = "^[a-z0-9_]+$";
const RESOURCE: &str = "^[A-Za-z][A-Za-z0-9+.-]*:[^#]*$";
const RATE: &str = "^[0-9]+/.+$";

/// The JSON Schema of the config file.
pub fn json_schema() -> String {
    let mut properties = Map::new();
    for section in SECTIONS {
        let (name, of_name) = section.path.split_once('.').unwrap_or((section.path, ""));
        match section.form {
            SectionForm::Top => properties.extend(keys(section)),
            SectionForm::Single => _ = properties.insert(name.to_owned(), table(section)),
            SectionForm::Named(_) if of_name == "NAME" => {
                let by_name = json!({
                    "type": "object",
                    "propertyNames": { "pattern": NAME, "not": { "const": DEFAULT_ACCOUNT } },
                    "additionalProperties": table(section),
                });
                properties.insert(name.to_owned(), by_name);
            }
            // Included in the key that has it.
            SectionForm::Named(_) | SectionForm::Inline => {}
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ringback's config.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    format!("{schema:#}\n")
}

/// A table with the keys of a section and no others.
pub(super) fn table(section: &Section) -> Value {
    let required: Vec<&str> =
        section.keys.iter().filter(|key| matches!(key.fallback, Fallback::Required)).map(|key| key.name).collect();
    let mut table = json!({
        "type": "object",
        "description": section.doc,
        "properties": keys(section),
        "required": required,
        "additionalProperties": false,
    });
    // No section has two such pairs.
    if let (Some((one, other)), Some(table)) =
        (section.keys.iter().find_map(|key| Some((key.name, key.or?))), table.as_object_mut())
    {
        table.insert("oneOf".into(), json!([{ "required": [one] }, { "required": [other] }]));
    }
    table
}

fn keys(section: &Section) -> Map<String, Value> {
    let mut properties = Map::new();
    for key in section.keys {
        let value = property(section, key);
        if let (Some(old), Value::Object(mut deprecated)) = (key.formerly, value.clone()) {
            deprecated.insert("deprecated".into(), true.into());
            deprecated.insert("description".into(), format!("Called `{}` now.", key.name).into());
            properties.insert(old.to_owned(), deprecated.into());
        }
        properties.insert(key.name.to_owned(), value);
    }
    properties
}

fn property(section: &Section, key: &ConfigKey) -> Value {
    let mut property = match value(section, key) {
        Value::Object(property) => property,
        _ => Map::new(),
    };
    property.insert("description".into(), key.doc.into());
    if let Fallback::Value(usual) = key.fallback {
        property.insert("default".into(), as_json(&usual()));
    }
    let example = format!("example = {}", key.example).parse::<toml::Table>().ok();
    if let Some(example) = example.and_then(|mut table| table.remove("example")) {
        property.insert("examples".into(), json!([as_json(&example)]));
    }
    property.into()
}

/// The schema of a value. It accepts everything that the parser accepts, and some values that the parser refuses, since
/// not all of its rules can be expressed.
fn value(section: &Section, key: &ConfigKey) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    let texts = json!({ "type": "array", "items": text });
    let matching = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    match key.kind {
        ValueKind::Text | ValueKind::Secret | ValueKind::Path => text,
        ValueKind::Flag => json!({ "type": "boolean" }),
        ValueKind::Count => json!({ "type": "integer", "minimum": 1, "maximum": 65536 }),
        ValueKind::Duration => json!({ "anyOf": [matching(DURATION), { "type": "integer", "minimum": 0 }] }),
        ValueKind::Url => matching(URL),
        ValueKind::RedirectUri => matching(REDIRECT_URI),
        ValueKind::FlagOrPath => json!({ "anyOf": [{ "type": "boolean" }, text] }),
        ValueKind::Addresses => {
            json!({ "type": "array", "items": matching(LOOPBACK_ADDRESS), "uniqueItems": true })
        }
        ValueKind::Address => matching(ADDRESS),
        ValueKind::Hosts | ValueKind::ApiUrls => texts,
        ValueKind::Command => json!({ "type": "array", "items": text, "minItems": 1 }),
        ValueKind::Credential => matching(CREDENTIAL),
        ValueKind::Scopes => json!({ "anyOf": [texts, { "type": "string" }] }),
        ValueKind::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        ValueKind::Variables => {
            json!({ "type": "object", "propertyNames": { "pattern": VARIABLE }, "additionalProperties": text })
        }
        // The user's own presets are files, whose names are not known here.
        ValueKind::Preset => {
            let built_in: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            json!({ "anyOf": [{ "enum": built_in }, matching(NAME)] })
        }
        ValueKind::Resources => json!({ "type": "array", "items": matching(RESOURCE) }),
        ValueKind::Paths => json!({
            "type": "object",
            "propertyNames": { "enum": MEMBERS },
            "additionalProperties": text,
        }),
        ValueKind::Rate => matching(RATE),
        ValueKind::Choice(words) => json!({ "enum": words() }),
        ValueKind::Inline(_) => table_of(section, key),
        ValueKind::Tables(_) => json!({ "type": "array", "items": table_of(section, key) }),
    }
}

/// The table that is a key's value, or one of several.
fn table_of(section: &Section, key: &ConfigKey) -> Value {
    let path = format!("{}.{}", section.path, key.name);
    SECTIONS.iter().find(|section| section.path == path).map_or(json!({ "type": "object" }), |item| table(item))
}

fn as_json(value: &toml::Value) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
