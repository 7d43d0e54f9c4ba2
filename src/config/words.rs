//! The words of the config file and what they mean, one table for each key that takes one of several.

use std::time::Duration;

use crate::oauth::dialect::{
    AssertionAudience, BodyEncoding, ClientAuth, Narrowing, NoncePolicy, Par, Pkce, Roots, Rotation, ServedTypes,
};
use crate::oauth::grant::GrantType;

/// Words with their meanings.
pub(super) type Words<T> = &'static [(&'static str, T)];

/// How a token is given back, without the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RevokeBy {
    Nothing,
    DeleteBearer,
    Rfc7009,
}

pub(super) const REVOKE: Words<RevokeBy> =
    &[("none", RevokeBy::Nothing), ("delete-bearer", RevokeBy::DeleteBearer), ("rfc7009", RevokeBy::Rfc7009)];

pub(super) const CLIENT_AUTH: Words<ClientAuth> = &[
    ("basic", ClientAuth::Basic),
    ("post", ClientAuth::Post),
    ("none", ClientAuth::None),
    ("private_key_jwt", ClientAuth::PrivateKeyJwt),
];

pub(super) const ASSERTION_AUDIENCE: Words<AssertionAudience> =
    &[("issuer", AssertionAudience::Issuer), ("token_endpoint", AssertionAudience::TokenEndpoint)];

pub(super) const BODY: Words<BodyEncoding> =
    &[("form", BodyEncoding::Form), ("json", BodyEncoding::Json), ("query", BodyEncoding::Query)];

pub(super) const PKCE: Words<Pkce> = &[("required", Pkce::Required), ("send", Pkce::Send), ("off", Pkce::Off)];

pub(super) const PAR: Words<Par> = &[("auto", Par::Auto), ("always", Par::Always), ("off", Par::Off)];

pub(super) const NONCE: Words<NoncePolicy> = &[("send", NoncePolicy::Send), ("off", NoncePolicy::Off)];

pub(super) const ROTATION: Words<Rotation> =
    &[("unknown", Rotation::Unknown), ("rotates", Rotation::Rotates), ("never", Rotation::Never)];

pub(super) const NARROW: Words<Narrowing> = &[
    ("off", Narrowing::Off),
    ("scope", Narrowing::Scope),
    ("resource", Narrowing::Resource),
    ("both", Narrowing::Both),
];

pub(super) const ROOTS: Words<Roots> = &[("system", Roots::System), ("bundled", Roots::Bundled), ("none", Roots::None)];

pub(super) const UNIT: Words<Duration> = &[
    ("seconds", Duration::from_secs(1)),
    ("milliseconds", Duration::from_millis(1)),
    ("minutes", Duration::from_secs(60)),
];

pub(super) const TOKEN_TYPE: Words<ServedTypes> = &[("bearer", ServedTypes::Bearer), ("any", ServedTypes::Any)];

pub(super) const GRANT: Words<GrantType> = &[
    ("authorization_code", GrantType::AuthorizationCode),
    ("device_code", GrantType::DeviceCode),
    ("client_credentials", GrantType::ClientCredentials),
    ("implicit", GrantType::Implicit),
    ("password", GrantType::Password),
];

/// What a word means.
pub(super) fn meaning<T: Copy>(words: Words<T>, word: &str) -> Option<T> {
    words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
}

/// The word for a meaning.
pub(super) fn word<T: Copy + PartialEq>(words: Words<T>, meaning: T) -> &'static str {
    words.iter().find(|(_, known)| *known == meaning).map_or("", |(word, _)| word)
}
