//! Arbitrary text as the config file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use ringback::config::{FilePrivacy, Sources, assemble, describe};

const SECRET: &str = "s3cr3t-canary-value";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let text = text.replace("SECRET", SECRET);
    let sources = Sources {
        text: &text,
        path: Path::new("/etc/rb/config.toml"),
        privacy: FilePrivacy::Private,
        home: Some(Path::new("/home/u")),
        providers: &[],
    };
    let parsed = assemble(&sources);
    let lines = text.lines().count() + 1;
    for mistake in &parsed.mistakes {
        let told = mistake.to_string();
        if let Some(line) = told.strip_prefix("/etc/rb/config.toml:").and_then(|rest| rest.split(':').next()?.parse::<usize>().ok()) {
            assert!((1..=lines).contains(&line), "line {line} of {lines}: {told}");
        }
        // Only a value is a secret, not part of a key or section name.
        let is_value = text.contains(&format!("client_secret = \"{SECRET}\"")) && text.matches(SECRET).count() == 1;
        assert!(!is_value || !told.contains(SECRET), "{told}");
    }
    if let Some(config) = parsed.config {
        let shown = describe(&config);
        let only_as_secret = text.matches(SECRET).count() == text.matches(&format!("client_secret = \"{SECRET}\"")).count();
        assert!(!only_as_secret || !shown.contains(SECRET), "{shown}");
    }
});
