//! Access and refresh tokens, and their life cycle. Pure: time and randomness are arguments.
//!
//! All tokens that derive from one sign-in are a *family*, which can be revoked as a whole.

use std::collections::HashMap;

use rand::CryptoRng;

use crate::mint;
use crate::options::{Options, Reuse, Rotate, millis};
use crate::people::Person;
use crate::refusal::Refusal;

/// What an access token stands for.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) person: &'static Person,
    pub(crate) scope: String,
    /// Unix milliseconds; `None` is a permanent token.
    pub(crate) ends: Option<u64>,
    family: FamilyId,
}

/// What an operation depends on: the options, the time, and randomness.
pub(crate) struct Occasion<'a> {
    pub(crate) options: &'a Options,
    /// Unix milliseconds.
    pub(crate) now: u64,
    pub(crate) rng: &'a mut dyn CryptoRng,
}

/// The tokens of one grant.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) scope: String,
    pub(crate) ends: Option<u64>,
}

impl Pair {
    /// Whole seconds for which the access token still works at `now`; `None` for a permanent token.
    pub(crate) fn seconds_left(&self, now: u64) -> Option<u64> {
        self.ends.map(|end| end.saturating_sub(now).div_ceil(1000))
    }
}

#[derive(Clone)]
struct Refresh {
    family: FamilyId,
    scope: String,
    ends: Option<u64>,
    replaced: Option<Replaced>,
}

/// By which pair, and when, a refresh token was replaced.
#[derive(Clone)]
struct Replaced {
    at: u64,
    by: Pair,
}

/// The id of a token family: all tokens of one sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FamilyId(u64);

/// Whether a grant comes with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Refreshable,
    /// RFC 6749 §4.4.3: a client that can always ask again needs none.
    AccessOnly,
}

/// All tokens that were issued.
#[derive(Default)]
pub(crate) struct Ledger {
    last_family: u64,
    families: HashMap<FamilyId, &'static Person>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    sweep_at: usize,
    /// How often a replaced refresh token was presented after its grace.
    pub(crate) reuse_detected: u64,
    /// How many families were revoked because a code or refresh token was reused.
    pub(crate) families_revoked: u64,
}

/// Below this many entries, expired ones are not evicted.
const SWEEP_FLOOR: usize = 4096;

impl Ledger {
    /// Starts a family, which every grant but a refresh does.
    pub(crate) fn sign_in(
        &mut self,
        person: &'static Person,
        scope: &str,
        renewal: Renewal,
        on: &mut Occasion<'_>,
    ) -> (FamilyId, Pair) {
        self.sweep(on.now);
        self.last_family += 1;
        let family = FamilyId(self.last_family);
        self.families.insert(family, person);
        let mut pair = self.issue_access(family, person, scope, on);
        if renewal == Renewal::Refreshable && !on.options.no_refresh_token {
            pair.refresh_token = Some(self.issue_refresh(family, scope, on));
        }
        (family, pair)
    }

    /// Uses a refresh token, which the options may rotate; `scope` may narrow the access token.
    pub(crate) fn refresh(&mut self, token: &str, scope: Option<&str>, on: &mut Occasion<'_>) -> Result<Pair, Refusal> {
        let (refresh, person) = self.live_refresh(token, on.now)?;
        if let Some(replaced) = &refresh.replaced {
            if on.now < replaced.at.saturating_add(millis(on.options.reuse_grace)) {
                return Ok(replaced.by.clone());
            }
            self.reuse(refresh.family, on.options.reuse)?;
        }
        let scope = narrowed(&refresh.scope, scope)?;
        self.sweep(on.now);
        let mut pair = self.issue_access(refresh.family, person, &scope, on);
        match on.options.rotate {
            Rotate::Always => {
                // The new refresh token keeps the full scope: only this access token is narrower (§6).
                pair.refresh_token = Some(self.issue_refresh(refresh.family, &refresh.scope, on));
                self.replace(token, &pair, on.now);
            }
            Rotate::Never => pair.refresh_token = Some(token.to_owned()),
            Rotate::Silent => {}
        }
        Ok(pair)
    }

    /// The access token, if it works now.
    pub(crate) fn access(&self, token: &str, now: u64) -> Option<&Access> {
        self.access
            .get(token)
            .filter(|access| self.families.contains_key(&access.family) && access.ends.is_none_or(|end| now < end))
    }

    /// Deactivates an access token: it expires at `end`. Its refresh token still works (undocumented).
    pub(crate) fn deactivate(&mut self, token: &str, end: u64) {
        if let Some(access) = self.access.get_mut(token) {
            access.ends = Some(access.ends.map_or(end, |earlier| earlier.min(end)));
        }
    }

    /// Forgets every access token, as if all had been revoked.
    pub(crate) fn drop_access(&mut self) {
        self.access.clear();
    }

    /// Forgets every refresh token.
    pub(crate) fn drop_refresh(&mut self) {
        self.refresh.clear();
    }

    fn live_refresh(&self, token: &str, now: u64) -> Result<(Refresh, &'static Person), Refusal> {
        let refresh = self
            .refresh
            .get(token)
            .filter(|refresh| refresh.ends.is_none_or(|end| now < end))
            .ok_or_else(|| Refusal::invalid_grant("Unknown or expired refresh token"))?;
        let person = self
            .families
            .get(&refresh.family)
            .ok_or_else(|| Refusal::invalid_grant("Refresh token has been revoked"))?;
        Ok((refresh.clone(), person))
    }

    fn reuse(&mut self, family: FamilyId, policy: Reuse) -> Result<(), Refusal> {
        self.reuse_detected += 1;
        match policy {
            Reuse::Accept => return Ok(()),
            Reuse::Refuse => {}
            Reuse::RevokeFamily => self.end_family(family),
        }
        Err(Refusal::invalid_grant("Refresh token was used before"))
    }

    /// Revokes every token of a family, after a reuse.
    pub(crate) fn end_family(&mut self, family: FamilyId) {
        if self.families.remove(&family).is_some() {
            self.families_revoked += 1;
        }
    }

    fn replace(&mut self, token: &str, by: &Pair, at: u64) {
        if let Some(refresh) = self.refresh.get_mut(token) {
            refresh.replaced = Some(Replaced { at, by: by.clone() });
        }
    }

    fn issue_access(&mut self, family: FamilyId, person: &'static Person, scope: &str, on: &mut Occasion<'_>) -> Pair {
        let token = mint::token(on.rng);
        let ends = on.options.access_lifetime.end(on.now);
        let access = Access { person, scope: scope.to_owned(), ends, family };
        self.access.insert(token.clone(), access);
        Pair { access_token: token, refresh_token: None, scope: scope.to_owned(), ends }
    }

    fn issue_refresh(&mut self, family: FamilyId, scope: &str, on: &mut Occasion<'_>) -> String {
        let token = mint::token(on.rng);
        let refresh =
            Refresh { family, scope: scope.to_owned(), ends: on.options.refresh_lifetime.end(on.now), replaced: None };
        self.refresh.insert(token.clone(), refresh);
        token
    }

    /// Evicts expired tokens once the ledger has doubled since the last sweep.
    fn sweep(&mut self, now: u64) {
        let entries = self.access.len() + self.refresh.len();
        if entries < self.sweep_at.max(SWEEP_FLOOR) {
            return;
        }
        let alive = |end: Option<u64>| end.is_none_or(|end| now < end);
        self.access.retain(|_, access| alive(access.ends));
        self.refresh.retain(|_, refresh| alive(refresh.ends));
        self.sweep_at = 2 * (self.access.len() + self.refresh.len());
    }
}

/// RFC 6749 §6: a refresh may ask for less, not for more.
fn narrowed(granted: &str, asked: Option<&str>) -> Result<String, Refusal> {
    let Some(asked) = asked else {
        return Ok(granted.to_owned());
    };
    let within = asked.split_whitespace().all(|word| granted.split_whitespace().any(|had| had == word));
    if within {
        Ok(asked.to_owned())
    } else {
        Err(Refusal::bad_request("invalid_scope", "scope exceeds what was granted"))
    }
}
