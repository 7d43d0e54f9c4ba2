//! The authorization request: parsing, validation and the redirect that answers it.

use axum::http::StatusCode;

use crate::codes::{Codes, Consent};
use crate::ledger::{Ledger, Occasion, Renewal};
use crate::options::{Options, Pkce};
use crate::params::Params;
use crate::people::Person;
use crate::pkce::Challenge;
use crate::redirect::{Part, RedirectRule, answer};

/// A valid authorization request.
#[derive(Clone)]
pub(crate) struct AuthorizationRequest {
    pub(crate) scope: String,
    pub(crate) redirect_uri: String,
    response_type: ResponseType,
    state: String,
    challenge: Option<Challenge>,
}

/// The `response_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseType {
    Code,
    /// The implicit grant.
    Token,
}

/// A request that cannot be shown to a person for consent.
pub(crate) enum Invalid {
    /// The redirect URI or the client is invalid: an error page is shown, and the browser is not redirected.
    Page(StatusCode, String),
    /// The error goes to the app's redirect URI; this is the whole location.
    Redirect(String),
}

/// What the person decided.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    Allow(&'static Person),
    Deny,
}

impl AuthorizationRequest {
    /// Checks a request in the order of RFC 6749 §4.1.2.1: first client and redirect URI, which decide where errors may
    /// go.
    pub(crate) fn parse(params: &Params, options: &Options, rule: &RedirectRule) -> Result<Self, Invalid> {
        if params.get("client_id") != Some(options.client_id.as_str()) {
            let text = "The client_id is missing or unknown.".to_owned();
            return Err(Invalid::Page(StatusCode::UNAUTHORIZED, text));
        }
        let uri = params.get("redirect_uri").filter(|uri| rule.accepts(uri)).ok_or_else(|| {
            let text = format!("The redirect_uri is missing or not allowed; allowed: {rule}.");
            Invalid::Page(StatusCode::BAD_REQUEST, text)
        })?;
        let state = params.get("state").unwrap_or_default();
        let response_type = match params.get("response_type") {
            Some("token") => ResponseType::Token,
            _ => ResponseType::Code,
        };
        let mistake = |error: &str, description: &str| {
            let members = [("error", error), ("error_description", description), ("state", state)];
            Invalid::Redirect(answer(uri, response_type.part(), &members))
        };
        if !matches!(params.get("response_type"), Some("code" | "token")) {
            return Err(mistake("unsupported_response_type", "response_type must be code or token"));
        }
        let scope = params.get("scope").ok_or_else(|| mistake("invalid_scope", "scope is required"))?;
        let challenge = challenge(params, options.pkce).map_err(|text| mistake("invalid_request", text))?;
        Ok(Self {
            scope: scope.to_owned(),
            redirect_uri: uri.to_owned(),
            response_type,
            state: state.to_owned(),
            challenge,
        })
    }

    /// The location that the browser is sent to. `state` is included even when empty, as in the documented sample.
    pub(crate) fn decide(
        self,
        decision: Decision,
        codes: &mut Codes,
        ledger: &mut Ledger,
        on: &mut Occasion<'_>,
    ) -> String {
        let part = self.response_type.part();
        let Decision::Allow(person) = decision else {
            let members = [("error", "access_denied"), ("state", self.state.as_str())];
            return answer(&self.redirect_uri, part, &members);
        };
        if self.response_type == ResponseType::Token {
            return self.implicit(person, ledger, on);
        }
        let consent =
            Consent { person, scope: self.scope, redirect_uri: self.redirect_uri.clone(), challenge: self.challenge };
        let code = codes.issue(consent, on);
        answer(&self.redirect_uri, part, &[("code", &code), ("state", &self.state)])
    }

    fn implicit(&self, person: &'static Person, ledger: &mut Ledger, on: &mut Occasion<'_>) -> String {
        let (_, pair) = ledger.sign_in(person, &self.scope, Renewal::AccessOnly, on);
        let expires_in = pair.seconds_left(on.now).map(|left| left.to_string());
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

impl ResponseType {
    fn part(self) -> Part {
        match self {
            Self::Code => Part::Query,
            Self::Token => Part::Fragment,
        }
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
