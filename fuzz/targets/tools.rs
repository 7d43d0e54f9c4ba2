//! A body that the rules for tools let pass calls no tool but the one that they allow, whichever of two members with one
//! name a server takes, and however it takes their case.
#![no_main]

use std::fmt;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use ringback::reverse_proxy::tools::{ToolGlob, judge};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The only tool that may be called.
const ALLOWED: &str = "search";

static RULES: LazyLock<([ToolGlob; 1], HeaderMap)> = LazyLock::new(|| {
    let json = HeaderValue::from_static("application/json");
    ([ToolGlob::try_from(ALLOWED.to_owned()).unwrap()], HeaderMap::from_iter([(header::CONTENT_TYPE, json)]))
});

fuzz_target!(|body: &[u8]| {
    let (globs, headers) = &*RULES;
    if judge(globs, headers, body).is_err() {
        return;
    }
    let batch = serde_json::from_slice::<Vec<Members>>(body);
    let messages = batch.unwrap_or_else(|_| vec![serde_json::from_slice(body).expect("an object or a batch passes")]);
    for message in messages {
        let is_call = |method: &RawValue| text(method).is_some_and(|text| text.eq_ignore_ascii_case("tools/call"));
        if !message.named("method").any(is_call) {
            continue;
        }
        let parameters: Vec<Members> =
            message.named("params").filter_map(|params| serde_json::from_str(params.get()).ok()).collect();
        let names: Vec<_> = parameters.iter().flat_map(|params| params.named("name")).collect();
        assert!(!names.is_empty(), "a call without a name");
        assert!(names.iter().all(|name| text(name).as_deref() == Some(ALLOWED)), "another tool");
    }
});

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Every member of an object, also those whose names are there twice.
struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// Those that a reader could take for this one.
    fn named(&self, name: &str) -> impl Iterator<Item = &RawValue> {
        self.0.iter().filter(move |(found, _)| found.trim().eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(All)
    }
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
