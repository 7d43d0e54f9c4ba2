//! The providers that ringback knows, as text. They are written with the keys of `[providers.NAME]`,
//! and `config` reads them with the same code as the user's own.

/// A provider that ringback knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// What `preset = "..."` and `provider = "..."` call it.
    pub name: &'static str,
    /// TOML.
    pub text: &'static str,
}

/// Every preset there is.
pub static PRESETS: [Preset; 2] = [
    Preset { name: "phonecom", text: include_str!("presets/phonecom.toml") },
    Preset { name: GENERIC, text: include_str!("presets/generic.toml") },
];

/// Plain RFC 6749; it leaves the URLs open, so no account can use it as it is.
pub const GENERIC: &str = "generic";

/// The preset of this name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
