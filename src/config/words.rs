//! The words of the config file and what they mean, one list for each key that takes one of several.

use std::time::Duration;

use crate::oauth::dialect::{
    AssertionAudience, BodyEncoding, ClientAuth, Narrowing, NoncePolicy, Par, Pkce, Roots, Rotation, ServedTypes,
};
use crate::oauth::grant::GrantType;

/// One of several words, each with its meaning.
pub(super) trait Words {
    /// What a word means.
    type Meaning: Copy + PartialEq + 'static;
    /// In the order of the reference.
    const WORDS: &'static [(&'static str, Self::Meaning)];
}

/// What `word` means.
pub(super) fn meaning<W: Words>(word: &str) -> Option<W::Meaning> {
    W::WORDS.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
}

/// The word for a meaning.
pub(super) fn word<W: Words>(meaning: W::Meaning) -> Option<&'static str> {
    W::WORDS.iter().find(|(_, known)| *known == meaning).map(|(word, _)| *word)
}

/// The grant that the config calls so.
pub(crate) fn grant_type(word: &str) -> Option<GrantType> {
    meaning::<GrantType>(word)
}

/// What the config calls a way of client authentication.
pub(crate) fn client_auth_word(auth: ClientAuth) -> &'static str {
    word::<ClientAuth>(auth).unwrap_or_default()
}

/// All of them.
pub(super) fn all<W: Words>() -> Vec<&'static str> {
    W::WORDS.iter().map(|(word, _)| *word).collect()
}

macro_rules! words {
    ($($type:ident: $meaning:ty = $($word:literal => $means:expr),+;)+) => {
        $(impl Words for $type {
            type Meaning = $meaning;
            const WORDS: &'static [(&'static str, $meaning)] = &[$(($word, $means)),+];
        })+
    };
}

words! {
    GrantType: Self =
        "authorization_code" => Self::AuthorizationCode,
        "device_code" => Self::DeviceCode,
        "client_credentials" => Self::ClientCredentials,
        "implicit" => Self::Implicit,
        "password" => Self::Password;
    RevokeBy: Self = "none" => Self::Nothing, "delete-bearer" => Self::DeleteBearer, "rfc7009" => Self::Rfc7009;
    ClientAuth: Self =
        "basic" => Self::Basic,
        "post" => Self::Post,
        "none" => Self::None,
        "private_key_jwt" => Self::PrivateKeyJwt;
    AssertionAudience: Self = "issuer" => Self::Issuer, "token_endpoint" => Self::TokenEndpoint;
    BodyEncoding: Self = "form" => Self::Form, "json" => Self::Json, "query" => Self::Query;
    Pkce: Self = "required" => Self::Required, "send" => Self::Send, "off" => Self::Off;
    Par: Self = "auto" => Self::Auto, "always" => Self::Always, "off" => Self::Off;
    NoncePolicy: Self = "send" => Self::Send, "off" => Self::Off;
    Rotation: Self = "unknown" => Self::Unknown, "rotates" => Self::Rotates, "never" => Self::Never;
    Narrowing: Self = "off" => Self::Off, "scope" => Self::Scope, "resource" => Self::Resource, "both" => Self::Both;
    Roots: Self = "system" => Self::System, "bundled" => Self::Bundled, "none" => Self::None;
    ServedTypes: Self = "bearer" => Self::Bearer, "any" => Self::Any;
    ExpiresInUnit: Duration =
        "seconds" => Duration::from_secs(1),
        "milliseconds" => Duration::from_millis(1),
        "minutes" => Duration::from_secs(60);
    KeyWord: Self =
        "auto" => Self::Auto,
        "file" => Self::File,
        "keyring" => Self::Keyring,
        "credential" => Self::Credential,
        "command" => Self::Command,
        "passphrase" => Self::Passphrase,
        "memory" => Self::Memory;
    SocketMode: u32 = "0600" => 0o600, "0660" => 0o660, "0666" => 0o666;
    MetadataShape: Self = "gce" => Self::Gce, "azure" => Self::Azure;
    Notify: bool = "desktop" => true, "off" => false;
    Consent: bool = "off" => false, "ask" => true;
}

/// The unit of `expires_in`.
pub(super) struct ExpiresInUnit;

/// The shape of a cloud's metadata server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetadataShape {
    /// Google Compute Engine's.
    Gce,
    /// That of Azure's managed identities on App Service.
    Azure,
}

/// The mode of an app's socket.
pub(super) struct SocketMode;

/// Whether a desktop notification says that an account needs a login.
pub(super) struct Notify;

/// Whether the user is asked before a program gets its first token.
pub(super) struct Consent;

/// How a token is revoked, without the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RevokeBy {
    /// Not at all.
    Nothing,
    /// `DELETE` with the token as Bearer.
    DeleteBearer,
    /// RFC 7009.
    Rfc7009,
}

/// Where the store's master key comes from, without the name of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyWord {
    /// The keyring if one answers, else the file.
    Auto,
    /// A file in the state folder.
    File,
    /// The OS keyring.
    Keyring,
    /// A systemd credential.
    Credential,
    /// The output of a program.
    Command,
    /// A file that a passphrase unlocks.
    Passphrase,
    /// There is no key: nothing is stored.
    Memory,
}
