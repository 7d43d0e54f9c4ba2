//! Step-up: scope that an account's upstream wants and its logins don't ask for yet. The config stays what the user wrote,
//! and what a login was granted lives on in its tokens.

use tokio::sync::watch;

use super::accounts::Member;
use super::handle::Broker;
use crate::account::more_scope::StepUp;
use crate::config::AccountConfig;
use crate::contract::ScopeWanted;
use crate::error::{Error, ScopeStep};
use crate::oauth::grant::GrantType;
use crate::oauth::scope::add_missing;

impl Broker {
    /// The account's upstream refused a request for lack of `scope` (sent by `app`, or without a key): asks the user,
    /// unless they were asked before. Returns what helps.
    pub(crate) fn lacks_scope(&self, account: &str, scope: &str, app: Option<&str>) -> Result<ScopeStep, Error> {
        let member = self.known_member(account)?;
        let (config, missing) = (&member.config, scope.split_ascii_whitespace().collect::<Vec<_>>());
        let mut step_up = StepUp::Unasked;
        if has_a_login(config.grant) {
            member.handle.scopes.change(|more| {
                step_up = more.refused(&missing, &config.target.scope, app);
                step_up == StepUp::Asked { news: true }
            });
        }
        Ok(match step_up {
            StepUp::Asked { news } => {
                if news {
                    tracing::info!(account = %config.name, "more scope is wanted, see `ringback status`");
                }
                ScopeStep::Login
            }
            StepUp::Requested => ScopeStep::Requested,
            StepUp::Unasked => ScopeStep::Config { together: together(config, &missing) },
        })
    }

    /// What the user is asked about the scope of `account`, if anything.
    pub(crate) fn scope_wanted(&self, account: &str) -> Option<ScopeWanted> {
        wanted(&self.known_member(account).ok()?)
    }

    /// Signals that a question was asked, has grown, or is answered.
    pub(crate) fn scope_bell(&self) -> watch::Receiver<()> {
        self.inner.common.scope_bell.subscribe()
    }

    /// The user leaves these scopes out: they are not asked again.
    pub(crate) fn leave_scope_out(&self, account: &str, scope: &str) -> Result<(), Error> {
        let scopes: Vec<&str> = scope.split_ascii_whitespace().collect();
        self.known_member(account)?.handle.scopes.change(|more| more.leave_out(&scopes));
        Ok(())
    }
}

impl Member {
    /// The scope that a login asks for, with what the user agreed to.
    pub(super) fn scope_of_login(&self, agreed: &str) -> Result<Vec<String>, Error> {
        let name = &self.config.name;
        let what =
            || format!("`more_scope` has a scope that nobody wants of `{name}`; see `scope_wanted` of its `proxy`");
        self.handle.scopes.of_login(&self.config, agreed).ok_or_else(|| Error::Usage { what: what() })
    }

    /// What to tell whoever logs in without the scope that is wanted.
    pub(super) fn left_unasked(&self) -> Option<String> {
        let (ScopeWanted { scope, .. }, name) = (wanted(self)?, &self.config.name);
        Some(format!("The API wants more scope: `{scope}`. `ringback login {name} --more-scope` asks for it, too."))
    }
}

fn wanted(member: &Member) -> Option<ScopeWanted> {
    member.handle.scopes.more().wanted(&member.config.target.scope)
}

/// Whether the user takes part, so that what they agree to ends with their tokens.
fn has_a_login(grant: GrantType) -> bool {
    matches!(grant, GrantType::AuthorizationCode | GrantType::DeviceCode | GrantType::Implicit)
}

/// The scopes that the account requests, with those that its upstream wants. A quote can't be in one (RFC 6749 §3.3), but
/// an apostrophe can, and would end the command's argument.
fn together(config: &AccountConfig, wanted: &[&str]) -> String {
    let mut all = config.target.scope.clone();
    add_missing(&mut all, wanted.iter().copied().filter(|scope| !scope.contains('\'')));
    all.join(" ")
}
