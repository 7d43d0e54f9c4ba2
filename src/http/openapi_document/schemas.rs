//! JSON Schemas of the contract's types, as the components of the document.

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// What was asked for so far. Requests and replies differ: a reply says what is always there, a request what is taken.
pub(super) struct Schemas {
    replies: SchemaGenerator,
    requests: SchemaGenerator,
    by_hand: Map<String, Value>,
}

impl Default for Schemas {
    fn default() -> Self {
        let generator = |contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self {
            replies: generator(Contract::Serialize),
            requests: generator(Contract::Deserialize),
            by_hand: Map::new(),
        }
    }
}

impl Schemas {
    /// A reference to the schema of a reply.
    pub(super) fn of_reply<T: JsonSchema>(&mut self) -> Value {
        self.replies.subschema_for::<T>().to_value()
    }

    /// A reference to the schema of a request's body.
    pub(super) fn of_request<T: JsonSchema>(&mut self) -> Value {
        self.requests.subschema_for::<T>().to_value()
    }

    /// The body of an OAuth client's request, of which no type has all: it comes in two encodings.
    pub(super) fn token_request(&mut self) -> Value {
        // `null` counts as absent, as an empty text does.
        let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
        let schema = json!({
            "type": "object",
            "description": "A token request of RFC 6749. What is not listed here is ignored.",
            "required": ["grant_type"],
            "properties": {
                "grant_type": { "type": "string", "enum": ["client_credentials", "refresh_token"] },
                "client_id": text("The name of the program's app."),
                "client_secret": text("Its key."),
                "refresh_token": text("With the grant `refresh_token`: the same key, which then need not stand anywhere else."),
                "scope": text("Only these of the granted scopes, separated by spaces."),
                "audience": text("A token for this audience."),
                "resource": text("A token for this resource (RFC 8707)."),
            },
        });
        self.by_hand.insert("TokenRequest".into(), schema);
        json!({ "$ref": "#/components/schemas/TokenRequest" })
    }

    /// All of them, by name.
    pub(super) fn all(mut self) -> Map<String, Value> {
        let mut all = self.by_hand;
        let replies = self.replies.take_definitions(true).into_iter().map(|(name, mut schema)| {
            never_null(&mut schema);
            (name, schema)
        });
        for (name, mut schema) in replies.chain(self.requests.take_definitions(true)) {
            plain_words(&mut schema);
            one_enum(&mut schema);
            let before = all.insert(name.clone(), schema.clone());
            assert!(before.is_none_or(|before| before == schema), "a request and a reply are both called {name}");
        }
        all
    }
}

/// A member of a reply that may be absent is never `null`.
fn never_null(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(kinds) = property.get_mut("type").and_then(Value::as_array_mut) {
            kinds.retain(|kind| kind != "null");
            if let [kind] = kinds.as_slice() {
                let kind = kind.clone();
                property.insert("type".into(), kind);
            }
        }
        if let Some(Value::Array(mut choices)) = property.remove("anyOf") {
            choices.retain(|choice| *choice != json!({ "type": "null" }));
            assert_eq!(choices.len(), 1, "{name}");
            property.extend(choices.remove(0).as_object().unwrap().clone());
        }
        // Absent is not `null`, and a generated client would send it.
        property.remove("default");
    }
}

/// An enum whose words are described one by one, as the `enum` that generators of clients make a type of.
fn one_enum(schema: &mut Value) {
    let Some(words) = schema.get("oneOf").and_then(Value::as_array).cloned() else { return };
    let mut about = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let described = words.iter().map(|word| {
        let (word, why) = (word.get("const")?.as_str()?, word.get("description")?.as_str()?);
        about.push_str(&["\n- `", word, "`: ", why].concat());
        Some(word.to_owned())
    });
    if let Some(words) = described.collect::<Option<Vec<_>>>() {
        *schema = json!({ "type": "string", "enum": words, "description": about });
    }
}

/// The links of doc comments lead nowhere outside of the code.
fn plain_words(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => *text = without_links(text),
                    member => plain_words(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_words),
        _ => {}
    }
}

/// ``[`Name`](path)`` and ``[`Name`]`` become `` `Name` ``. Sentences about `Debug` concern the code alone.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else { break };
        plain.extend([before, "`", name, "`"]);
        rest = after.strip_prefix('(').and_then(|after| after.split_once(')')).map_or(after, |(_, after)| after);
    }
    plain.push_str(rest);
    let paragraphs = plain.split("\n\n").filter(|paragraph| !paragraph.contains("`Debug`"));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace('\n', " ").replace("crate::contract::", "")
}

/// A schema of a parameter.
pub(super) fn parameter(place: &str, name: &str, about: &str, schema: &Schema) -> Value {
    let required = place == "path";
    json!({ "in": place, "name": name, "required": required, "description": about, "schema": schema })
}
