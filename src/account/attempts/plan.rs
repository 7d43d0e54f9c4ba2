//! What a login was begun with, and what an answer to it leads to.

use std::sync::Arc;

use serde_json::Value;

use super::Arrival;
use crate::oauth::authorize::{ResponseType, wants_id_token};
use crate::oauth::callback::{self, Answer, Malformed, Says};
use crate::oauth::dialect::{Dialect, Pkce};
use crate::oauth::exchange::{Credentials, Target, Trade};
use crate::oauth::grant::{Binding, Grant};
use crate::secret::{CodeVerifier, Nonce256};

/// Everything an answer will be checked against and exchanged with, as it stood when the login began: a
/// changed config or a second provider can't mix itself in (RFC 9700 §4.4).
#[derive(Debug, Clone)]
pub struct Plan {
    /// The account's name.
    pub account: String,
    /// The provider, endpoints and issuer included.
    pub dialect: Arc<Dialect>,
    /// The client.
    pub credentials: Credentials,
    /// What the tokens are for.
    pub target: Target,
    /// Whether a code or a token is to come back.
    pub response_type: ResponseType,
    /// The literal redirect URI.
    pub redirect_uri: String,
}

/// What an accepted answer leads to.
#[derive(Debug)]
pub enum Next {
    /// Exchange the code.
    Exchange(Trade),
    /// Keep the token, which came with the answer (RFC 6749 §4.2.2).
    Granted(Box<Grant>),
    /// The provider said no.
    Refused {
        /// Its code.
        error: String,
        /// Its words; may be empty.
        description: String,
    },
    /// It is the answer to this login, in the right browser, and can't be used.
    Malformed(Malformed),
    /// The answer names another issuer than was asked (RFC 9207).
    WrongIssuer,
    /// The answer has no ID token with the nonce of the question (OpenID Connect Core §3.2.2.11).
    WrongNonce,
}

impl Plan {
    /// Whether a login by this plan is as good as one by `other`.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let secrets = match (&self.credentials.client_secret, &other.credentials.client_secret) {
            (Some(mine), Some(theirs)) => mine.matches(theirs.expose()),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        let keys = match (&self.credentials.client_key, &other.credentials.client_key) {
            (Some(mine), Some(theirs)) => mine.id == theirs.id && mine.pem.matches(theirs.pem.expose()),
            (mine, theirs) => mine.is_none() && theirs.is_none(),
        };
        let rest = |plan: &Self| (plan.credentials.client_id.clone(), plan.target.clone(), plan.redirect_uri.clone());
        let wanted = self.response_type == other.response_type;
        secrets && keys && wanted && self.dialect == other.dialect && rest(self) == rest(other)
    }

    /// What the tokens will belong to.
    pub fn binding(&self) -> Binding {
        Binding {
            provider: self.dialect.provider.clone(),
            token_url: self.dialect.authority(),
            client_id: self.credentials.client_id.clone(),
        }
    }

    /// Reads the answer to a login by this plan: at its redirect URI, a code in the query or a token in the fragment,
    /// as was asked for. An error may come in the query to either.
    pub(super) fn read(&self, arrival: &Arrival<'_>) -> Result<Answer, Malformed> {
        if self.redirect_uri != arrival.arrived_on {
            return Err(Malformed::Address);
        }
        let read = if arrival.in_fragment { callback::read_fragment } else { callback::read };
        let answer = read(arrival.parameters)?;
        let awaited = match answer.says {
            Says::Code(_) => self.response_type == ResponseType::Code,
            Says::Token(_) => self.response_type == ResponseType::Token,
            Says::Error { .. } => !arrival.in_fragment || self.response_type == ResponseType::Token,
        };
        let wanted = match self.response_type {
            ResponseType::Code => "a `code` in the URL's query",
            ResponseType::Token => "an `access_token` in the URL's fragment",
        };
        if awaited { Ok(answer) } else { Err(Malformed::Kind(wanted)) }
    }

    /// What an answer that was awaited leads to.
    pub(super) fn next(&self, answer: Answer, nonce: &Nonce256, verifier: CodeVerifier) -> Next {
        // Where an ID token says who issued it, the parameter may be missing, but not another (RFC 9207 §2.4).
        let inside = id_token(&answer.says).and_then(callback::issuer_of);
        let iss = answer.iss.as_deref().or(inside.as_deref());
        let disagree = inside.is_some() && iss != inside.as_deref();
        if disagree || !callback::issuer_matches(&self.dialect, iss) {
            return Next::WrongIssuer;
        }
        match answer.says {
            Says::Error { error, description } => Next::Refused { error, description },
            Says::Token(grant) if self.has_nonce(&grant, nonce) => Next::Granted(grant),
            Says::Token(_) => Next::WrongNonce,
            Says::Code(code) => Next::Exchange(Trade::AuthorizationCode {
                code,
                redirect_uri: self.redirect_uri.clone(),
                verifier: (self.dialect.pkce != Pkce::Off).then_some(verifier),
                target: self.target.for_one_token(),
            }),
        }
    }

    /// Where an ID token was asked for, it says which question the token is the answer to.
    fn has_nonce(&self, grant: &Grant, nonce: &Nonce256) -> bool {
        let id_token = id_token_of(grant);
        !wants_id_token(self.response_type, &self.target)
            || id_token.is_some_and(|id_token| callback::nonce_matches(id_token, nonce))
    }
}

fn id_token(says: &Says) -> Option<&str> {
    if let Says::Token(grant) = says { id_token_of(grant) } else { None }
}

fn id_token_of(grant: &Grant) -> Option<&str> {
    grant.extra.get("id_token").and_then(Value::as_str)
}
