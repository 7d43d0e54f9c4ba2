//! Login plan: what a login was begun with, and how its callback is checked.

use std::sync::Arc;

use super::callback::Callback;
use crate::oauth::authorize::{ResponseType, sends_nonce};
use crate::oauth::callback::{self, AuthorizationResponse, Malformed, Says, WrongIssuer, check_issuer};
use crate::oauth::dialect::{Dialect, Pkce};
use crate::oauth::exchange::Credentials;
use crate::oauth::exchange::{Target, Trade};
use crate::oauth::grant::{Binding, Grant};
use crate::oauth::id_token::{self, WrongNonce};
use crate::secret::{CodeVerifier, Nonce256};

/// Everything that a callback is checked against and exchanged with, as it was when the login began: neither a
/// changed config nor another provider can interfere (mix-up attack, RFC 9700 §4.4).
#[derive(Debug, Clone)]
pub struct LoginPlan {
    /// The account's name.
    pub account: String,
    /// The provider, endpoints and issuer included.
    pub dialect: Arc<Dialect>,
    /// The client.
    pub credentials: Credentials,
    /// What the tokens are for.
    pub target: Target,
    /// Whether a code or a token is expected.
    pub response_type: ResponseType,
    /// The literal redirect URI.
    pub redirect_uri: String,
}

/// What an accepted callback leads to.
#[derive(Debug)]
pub(crate) enum Next {
    /// Exchange the code.
    Exchange {
        /// For a token.
        trade: Trade,
        /// The nonce that the ID token must have, if one comes.
        nonce: Option<Nonce256>,
    },
    /// Keep the token, which came with the callback (RFC 6749 §4.2.2).
    Granted(Box<Grant>),
    /// The provider refused.
    Refused {
        /// Its code.
        error: String,
        /// Its description; may be empty.
        description: String,
    },
    /// It belongs to this login and browser, and can't be used.
    Malformed(Malformed),
    /// The callback names another issuer than was asked (RFC 9207).
    WrongIssuer,
    /// The callback names no issuer, though this provider's callbacks do (RFC 9207 §2.3).
    NoIssuer {
        /// The provider's own error and description, if it is one. It is shown, but changes nothing.
        said: Option<(String, String)>,
    },
    /// The token came without an ID token, or with one of another request (OpenID Connect Core §3.2.2.11).
    WrongNonce(Box<Grant>, WrongNonce),
}

impl LoginPlan {
    /// Whether a login by this plan can be joined by one with `other`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let secrets = match (&self.credentials.client_secret, &other.credentials.client_secret) {
            (Some(mine), Some(theirs)) => mine.matches(theirs.expose()),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        let keys = match (&self.credentials.client_key, &other.credentials.client_key) {
            (Some(mine), Some(theirs)) => mine.id == theirs.id && mine.pem.matches(theirs.pem.expose()),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        // Each plan has a key of its own, and the tokens get that of the plan that is used.
        let is_bound = |plan: &Self| plan.credentials.dpop_key.is_some();
        let rest = |plan: &Self| (plan.credentials.client_id.clone(), plan.target.clone(), plan.redirect_uri.clone());
        let wanted = self.response_type == other.response_type && is_bound(self) == is_bound(other);
        secrets && keys && wanted && self.dialect == other.dialect && rest(self) == rest(other)
    }

    /// What the tokens will belong to.
    pub(crate) fn binding(&self) -> Binding {
        Binding {
            provider: self.dialect.provider.as_str().into(),
            token_url: self.dialect.authority().into(),
            client_id: self.credentials.client_id.as_str().into(),
        }
    }

    /// Reads the callback: at the plan's redirect URI, with a code in the query or a token in the fragment, as
    /// requested. An error may come in the query in both cases.
    pub(super) fn read(&self, callback: &Callback<'_>) -> Result<AuthorizationResponse, Malformed> {
        if self.redirect_uri != callback.arrived_on {
            return Err(Malformed::Address);
        }
        let read = if callback.in_fragment { callback::read_fragment } else { callback::read };
        let answer = read(callback.parameters)?;
        let awaited = match answer.says {
            Says::Code(_) => self.response_type == ResponseType::Code,
            Says::Token(_) => self.response_type == ResponseType::Token,
            Says::Error { .. } => !callback.in_fragment || self.response_type == ResponseType::Token,
        };
        let wanted = match self.response_type {
            ResponseType::Code => "a `code` in the URL's query",
            ResponseType::Token => "an `access_token` in the URL's fragment",
        };
        if awaited { Ok(answer) } else { Err(Malformed::Kind(wanted)) }
    }

    /// What an expected callback leads to.
    pub(super) fn next(&self, answer: AuthorizationResponse, nonce: Nonce256, verifier: CodeVerifier) -> Next {
        match self.check_issuer(&answer) {
            Ok(()) => {}
            Err(WrongIssuer::Other) => return Next::WrongIssuer,
            Err(WrongIssuer::Missing) => return Next::NoIssuer { said: answer.says.error() },
        }
        let nonce = sends_nonce(&self.dialect, &self.target).then_some(nonce);
        match answer.says {
            Says::Error { error, description } => Next::Refused { error, description },
            Says::Token(grant) => match nonce.map_or(Ok(()), |nonce| id_token::check_nonce(&grant.extra, &nonce)) {
                Ok(()) => Next::Granted(grant),
                Err(wrong) => Next::WrongNonce(grant, wrong),
            },
            Says::Code(code) => {
                let verifier = (self.dialect.pkce != Pkce::Off).then_some(verifier);
                let (redirect_uri, target) = (self.redirect_uri.clone(), self.target.for_one_token());
                let trade = Trade::AuthorizationCode { code, redirect_uri, verifier, target };
                Next::Exchange { trade, nonce }
            }
        }
    }

    /// If an ID token names its issuer, the `iss` parameter may be missing but not differ (RFC 9207 §2.4).
    fn check_issuer(&self, answer: &AuthorizationResponse) -> Result<(), WrongIssuer> {
        let inside = match &answer.says {
            Says::Token(grant) => id_token::issuer_of(&grant.extra),
            Says::Code(_) | Says::Error { .. } => None,
        };
        let iss = answer.iss.as_deref().or(inside.as_deref());
        if inside.is_some() && iss != inside.as_deref() {
            return Err(WrongIssuer::Other);
        }
        check_issuer(&self.dialect, iss)
    }
}
