//! The four grants of the token endpoint. Pure: a request and the state in, tokens or a refusal out.

use crate::codes::Presented;
use crate::ledger::{Occasion, Pair, Renewal};
use crate::params::Params;
use crate::people::{self, PEOPLE, PRACTICE_PASSWORD, Person};
use crate::refusal::Refusal;
use crate::server::State;

/// The credentials of the one client.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl Client<'_> {
    /// `client_id` and `client_secret` are required in the body or query for every grant. HTTP Basic is not documented,
    /// so its header is ignored.
    pub(crate) fn check(self, params: &Params) -> Result<(), Refusal> {
        let right = params.get("client_id") == Some(self.id) && params.get("client_secret") == Some(self.secret);
        if right { Ok(()) } else { Err(Refusal::invalid_client("Client authentication failed")) }
    }
}

/// Makes the requested grant.
pub(crate) fn grant(params: &Params, state: &mut State, on: &mut Occasion<'_>) -> Result<Pair, Refusal> {
    match params.require("grant_type")? {
        "authorization_code" => {
            let presented = Presented {
                code: params.require("code")?,
                redirect_uri: params.get("redirect_uri"),
                code_verifier: params.get("code_verifier"),
            };
            state.codes.redeem(presented, &mut state.ledger, on)
        }
        "refresh_token" => {
            let token = params.require("refresh_token")?;
            state.ledger.refresh(token, params.get("scope"), on)
        }
        "client_credentials" => {
            let [first, ..] = &PEOPLE;
            Ok(sign_in(first, Renewal::AccessOnly, params, state, on))
        }
        "password" => {
            let person = by_password(params)?;
            Ok(sign_in(person, Renewal::Refreshable, params, state, on))
        }
        _ => Err(Refusal::bad_request("unsupported_grant_type", "Unknown grant_type")),
    }
}

fn sign_in(
    person: &'static Person,
    renewal: Renewal,
    params: &Params,
    state: &mut State,
    on: &mut Occasion<'_>,
) -> Pair {
    let scope = params.get("scope").unwrap_or(DEFAULT_SCOPE);
    state.ledger.sign_in(person, scope, renewal, on).1
}

/// `username` (2017) or `phonenumber` (2026). The newer specification no longer has `password`, so it may be missing; a
/// wrong one is refused.
fn by_password(params: &Params) -> Result<&'static Person, Refusal> {
    let person = match (params.get("username"), params.get("phonenumber")) {
        (Some(username), _) => people::by_username(username),
        (None, Some(number)) => people::by_phonenumber(number),
        (None, None) => return Err(Refusal::field("username", "is required")),
    };
    person
        .filter(|_| params.get("password").is_none_or(|given| given == PRACTICE_PASSWORD))
        .ok_or_else(|| Refusal::invalid_grant("Wrong user name or password"))
}

/// Phone.com documents no default scope; this is the one that "may execute any API".
const DEFAULT_SCOPE: &str = "account-owner";
