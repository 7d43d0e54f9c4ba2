//! Stores the grant of a login, or rejects it.

use serde_json::{Map, Value};

use super::Actor;
use crate::account::replace::{Agreed, Decision, Replaces, decide};
use crate::account::snapshot::Standing;
use crate::account::state::Event;
use crate::broker::login::fresh_grant::FreshGrant;
use crate::broker::login::result::{LoginResult, Unconfirmed};
use crate::contract::{Confirm, Replaced};
use crate::error::Error;
use crate::oauth::grant::Grant;
use crate::oauth::identity::{self, Comparison, compare};

impl Actor {
    /// Once the grant is written, or was logged out, it needs no revocation.
    pub(super) fn release_written(&mut self) {
        if !self.machine.is_uncommitted()
            && let Some(written) = self.unwritten.take()
        {
            written.stored();
        }
    }

    pub(super) fn cancelled_login(&self) -> Result<LoginResult, Error> {
        Err(Error::login_failed(&self.config.name, "it was cancelled meanwhile".into()))
    }

    pub(super) async fn logged_in(&mut self, fresh: FreshGrant, agreed: &Agreed) -> Result<LoginResult, Error> {
        if !fresh.plan().binding().fits(self.machine.binding()) {
            return Err(Error::login_failed(
                &self.config.name,
                "the config changed while the login was pending".into(),
            ));
        }
        let unread = self.machine.snapshot(&self.config.name);
        if matches!(unread.standing, Standing::Unread | Standing::Locked) {
            return Err(unread.error(self.world.clock.now()));
        }
        let (mut grant, asked, before) = (fresh.grant(), fresh.asked(), unread.generation);
        let scope = fresh.plan().target.scope.clone();
        if scope != self.config.target.scope {
            // Without one it is what was asked for (RFC 6749 §5.1), and the config would tell it wrong.
            grant.scope.get_or_insert_with(|| scope.join(" "));
        }
        let current = self.machine.person();
        self.described = fresh.described().cloned().map(Box::new);
        let description = match &self.described {
            Some(described) => described.identity.clone(),
            None => self.description(&grant, current.as_ref()).await,
        };
        let new = identity::joined(identity::of_reply(&grant.extra), description.clone());
        let replaces = match decide(current.as_ref(), &new, agreed) {
            // Agreeing to replace another person's login includes this.
            Decision::Take(replaces) if replaces != Replaces::AnotherPersons && self.spares_refresh(&fresh) => {
                self.described = None;
                return Err(Error::LosesRefresh { account: self.config.name.to_string() });
            }
            Decision::Take(replaces) => replaces,
            Decision::Ask => {
                self.described = None;
                let confirm = Confirm { current: current.unwrap_or_default(), new };
                return Ok(LoginResult::AnotherPerson(Box::new(Unconfirmed { fresh, confirm })));
            }
        };
        // Some providers revoke all of a user's grants together, so the replaced one is not revoked.
        if let Some(replaced) = self.unwritten.replace(fresh) {
            replaced.stored();
        }
        let age = asked.until(self.world.clock.now().boot);
        self.drive(Event::LoggedIn(Box::new(grant), description, age)).await;
        self.described = None;
        self.release_written();
        let after = self.machine.snapshot(&self.config.name);
        if after.generation > before || after.trouble.is_none() {
            self.scopes.logged_in(&scope, &self.config);
            Ok(LoginResult::Stored(replaced(replaces, current)))
        } else {
            Err(after.error(self.world.clock.now()))
        }
    }

    /// Whether `fresh` must not replace tokens that can be refreshed, since it can't.
    fn spares_refresh(&self, fresh: &FreshGrant) -> bool {
        fresh.spares_refresh() && fresh.grant().refresh_token.is_none() && self.machine.lives_on_refresh_token()
    }

    /// What the provider says of a token. It is asked before the token is stored if the ID token does not tell whose
    /// it is. That costs a request of some seconds, so it is skipped where there is nobody to compare with.
    async fn description(&mut self, grant: &Grant, current: Option<&Map<String, Value>>) -> Map<String, Value> {
        let is_open = current.is_some_and(|current| {
            !current.is_empty() && compare(current, &identity::of_reply(&grant.extra)) == Comparison::Unknown
        });
        if !is_open || self.config.dialect.endpoints.details.is_none() {
            return Map::new();
        }
        let Some(token) = &grant.access_token else { return Map::new() };
        let described = self.describe(token, grant.dpop_key.clone()).await.filter(|described| described.active);
        described.map(|described| described.identity).unwrap_or_default()
    }
}

fn replaced(replaces: Replaces, current: Option<Map<String, Value>>) -> Replaced {
    match replaces {
        Replaces::Nothing | Replaces::SamePersons => Replaced::default(),
        Replaces::AnotherPersons => Replaced { replaced_identity: current.unwrap_or_default(), ..Replaced::default() },
        Replaces::Unknown => Replaced { identity_unknown: true, ..Replaced::default() },
    }
}
