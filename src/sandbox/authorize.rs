//! The authorization request: what it asks, whether it may, and what becomes of it.

use std::collections::HashMap;

use axum::http::StatusCode;

use super::codes::Consent;
use super::ledger::{Occasion, Renewal};
use super::mint;
use super::options::{Options, Pkce};
use super::params::Params;
use super::people::Person;
use super::pkce::Challenge;
use super::redirect::{Part, RedirectRule, answer};
use super::reply::seconds_left;
use super::server::State;

/// A valid authorization request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) scope: String,
    pub(super) redirect_uri: String,
    kind: Kind,
    state: String,
    challenge: Option<Challenge>,
}

/// The `response_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    /// The implicit grant.
    Token,
}

/// A request that cannot be shown to a person for consent.
pub(super) enum Mistake {
    /// The redirect URI or the client is in doubt: the person is told, the browser goes nowhere.
    Stay(StatusCode, String),
    /// The app is told at its redirect URI; here is the whole location.
    Return(String),
}

/// What the person decided.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decision {
    Allow(&'static Person),
    Deny,
}

impl Ask {
    /// Checks a request in the order of RFC 6749 §4.1.2.1: first what decides where errors may go.
    pub(super) fn parse(params: &Params, options: &Options, rule: &RedirectRule) -> Result<Self, Mistake> {
        if params.get("client_id") != Some(options.client_id.as_str()) {
            let text = "The client_id is missing or unknown.".to_owned();
            return Err(Mistake::Stay(StatusCode::UNAUTHORIZED, text));
        }
        let uri = params.get("redirect_uri").filter(|uri| rule.accepts(uri)).ok_or_else(|| {
            let text = format!("The redirect_uri is missing or not allowed; allowed: {rule}.");
            Mistake::Stay(StatusCode::BAD_REQUEST, text)
        })?;
        let state = params.get("state").unwrap_or_default();
        let kind = match params.get("response_type") {
            Some("token") => Kind::Token,
            _ => Kind::Code,
        };
        let mistake = |error: &str, description: &str| {
            let members = [("error", error), ("error_description", description), ("state", state)];
            Mistake::Return(answer(uri, kind.part(), &members))
        };
        if !matches!(params.get("response_type"), Some("code" | "token")) {
            return Err(mistake("unsupported_response_type", "response_type must be code or token"));
        }
        let scope = params.get("scope").ok_or_else(|| mistake("invalid_scope", "scope is required"))?;
        let challenge = challenge(params, options.pkce).map_err(|text| mistake("invalid_request", text))?;
        Ok(Self { scope: scope.to_owned(), redirect_uri: uri.to_owned(), kind, state: state.to_owned(), challenge })
    }

    /// The location that the browser is sent to. `state` is there even when empty, as in the
    /// documented sample.
    pub(super) fn decide(self, decision: Decision, state: &mut State, on: &mut Occasion<'_>) -> String {
        let part = self.kind.part();
        let Decision::Allow(person) = decision else {
            let members = [("error", "access_denied"), ("state", self.state.as_str())];
            return answer(&self.redirect_uri, part, &members);
        };
        if self.kind == Kind::Token {
            return self.implicit(person, state, on);
        }
        let consent =
            Consent { person, scope: self.scope, redirect_uri: self.redirect_uri.clone(), challenge: self.challenge };
        let code = state.codes.issue(consent, on);
        answer(&self.redirect_uri, part, &[("code", &code), ("state", &self.state)])
    }

    fn implicit(&self, person: &'static Person, state: &mut State, on: &mut Occasion<'_>) -> String {
        let (_, pair) = state.ledger.sign_in(person, &self.scope, Renewal::AccessOnly, on);
        let expires_in = seconds_left(&pair, on.now).map(|left| left.to_string());
        let mut members = vec![
            ("access_token", pair.access_token.as_str()),
            ("token_type", "Bearer"),
            ("scope", pair.scope.as_str()),
            ("state", self.state.as_str()),
        ];
        if let Some(left) = &expires_in {
            members.push(("expires_in", left));
        }
        answer(&self.redirect_uri, Part::Fragment, &members)
    }
}

impl Kind {
    fn part(self) -> Part {
        match self {
            Self::Code => Part::Query,
            Self::Token => Part::Fragment,
        }
    }
}

/// The requests that are on a screen now, each under the one-time id in its form.
#[derive(Default)]
pub(super) struct Asks(HashMap<String, (Ask, u64)>);

/// How long a consent page can be left open.
const PATIENCE: u64 = 3_600_000;

impl Asks {
    pub(super) fn show(&mut self, ask: Ask, on: &mut Occasion<'_>) -> String {
        self.0.retain(|_, (_, shown)| on.now < *shown + PATIENCE);
        let id = mint::transaction(on.rng);
        self.0.insert(id.clone(), (ask, on.now));
        id
    }

    /// The request of that id, once.
    pub(super) fn take(&mut self, id: &str) -> Option<Ask> {
        self.0.remove(id).map(|(ask, _)| ask)
    }
}

fn challenge(params: &Params, pkce: Pkce) -> Result<Option<Challenge>, &'static str> {
    let challenge = params.get("code_challenge");
    let method = params.get("code_challenge_method");
    match pkce {
        Pkce::Honour => Challenge::parse(challenge, method),
        Pkce::Refuse if challenge.or(method).is_some() => Err("PKCE is not supported"),
        Pkce::Ignore | Pkce::Refuse => Ok(None),
    }
}
