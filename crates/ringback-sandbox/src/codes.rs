//! Authorization codes: what each is bound to, and its exchange.

use std::collections::HashMap;

use crate::ledger::{FamilyId, Ledger, Occasion, Pair, Renewal};
use crate::mint;
use crate::options::millis;
use crate::people::Person;
use crate::pkce::Challenge;
use crate::refusal::Refusal;

/// What a code is bound to.
#[derive(Clone)]
pub(crate) struct Consent {
    pub(crate) person: &'static Person,
    pub(crate) scope: String,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
}

/// The parameters of a code exchange.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: Option<&'a str>,
    pub(crate) code_verifier: Option<&'a str>,
}

/// The codes that were issued. There is only one client, so a code does not record its client.
#[derive(Default)]
pub(crate) struct Codes(HashMap<String, Issued>);

#[derive(Clone)]
struct Issued {
    consent: Consent,
    ends: u64,
    /// The token family that it was exchanged for, if it was.
    spent: Option<FamilyId>,
}

/// How long a code is remembered after it expires, so that a second use is noticed.
const REMEMBERED: u64 = 3_600_000;

/// Above this many codes, those that need not be remembered are evicted.
const CODES_KEPT: usize = 4096;

impl Codes {
    /// Records consent and returns the code for it.
    pub(crate) fn issue(&mut self, consent: Consent, on: &mut Occasion<'_>) -> String {
        if self.0.len() > CODES_KEPT {
            self.0.retain(|_, code| on.now < code.ends + REMEMBERED);
        }
        let word = mint::token(on.rng);
        let issued = Issued { consent, ends: on.now.saturating_add(millis(on.options.code_lifetime)), spent: None };
        self.0.insert(word.clone(), issued);
        word
    }

    /// Exchanges a code for tokens. A failed attempt does not use it up.
    pub(crate) fn redeem(
        &mut self,
        presented: Presented<'_>,
        ledger: &mut Ledger,
        on: &mut Occasion<'_>,
    ) -> Result<Pair, Refusal> {
        let Some(code) = self.0.get_mut(presented.code) else {
            return Err(Refusal::invalid_grant("Unknown authorization code"));
        };
        if let Some(family) = code.spent {
            // RFC 6749 §4.1.2: a second use revokes the tokens of the first one.
            ledger.end_family(family);
            return Err(Refusal::invalid_grant("Authorization code was used before"));
        }
        if code.ends <= on.now {
            return Err(Refusal::invalid_grant("Authorization code has expired"));
        }
        let consent = &code.consent;
        if presented.redirect_uri != Some(consent.redirect_uri.as_str()) {
            return Err(Refusal::invalid_grant("redirect_uri differs from the authorization request's"));
        }
        if let Some(challenge) = &consent.challenge {
            challenge.check(presented.code_verifier)?;
        }
        let (family, pair) = ledger.sign_in(consent.person, &consent.scope, Renewal::Refreshable, on);
        code.spent = Some(family);
        Ok(pair)
    }
}
