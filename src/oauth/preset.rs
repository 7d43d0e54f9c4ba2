//! Built-in provider presets, as text. They have the keys of `[providers.NAME]`, and `config` parses them with the
//! same code as the user's own.

/// A provider that ringback knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    /// Its name in `preset = "..."` and `provider = "..."`.
    pub(crate) name: &'static str,
    /// TOML.
    pub(crate) text: &'static str,
    /// What the user has to add before an account can use it.
    pub(crate) lacks: Option<&'static str>,
}

macro_rules! preset {
    ($name:literal) => {
        preset!($name, None)
    };
    ($name:literal, $lacks:expr) => {
        Preset { name: $name, text: include_str!(concat!("presets/", $name, ".toml")), lacks: $lacks }
    };
}

/// All presets.
pub(crate) static PRESETS: [Preset; 11] = [
    preset!("phonecom"),
    preset!("google"),
    preset!("microsoft"),
    preset!("github"),
    preset!("gitlab"),
    preset!("slack"),
    preset!("zoom"),
    preset!("dropbox"),
    preset!("spotify"),
    preset!("oidc", Some("issuer")),
    preset!("generic", Some("URLs")),
];

/// Plain RFC 6749: the base of a provider that names no preset.
pub(crate) const GENERIC: &str = "generic";

/// The preset of this name.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
