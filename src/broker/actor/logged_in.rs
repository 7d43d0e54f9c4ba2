//! What a login brought is stored, or turned away and then revoked.

use super::Actor;
use crate::account::state::Event;
use crate::account::view::Standing;
use crate::broker::fresh_grant::FreshGrant;
use crate::error::Error;

impl Actor {
    /// What a login brought needs no revocation once it is written or was logged out.
    pub(super) fn note_written(&mut self) {
        if !self.machine.is_unkept()
            && let Some(written) = self.unwritten.take()
        {
            written.stored();
        }
    }

    pub(super) fn too_late(&self) -> Result<(), Error> {
        let why = "it was called off meanwhile".into();
        Err(Error::LoginFailed { account: self.config.name.clone(), why, provider_error: None })
    }

    pub(super) async fn logged_in(&mut self, fresh: FreshGrant) -> Result<(), Error> {
        if fresh.plan().binding() != *self.machine.binding() {
            let why = "the config changed while the login was pending".into();
            return Err(Error::LoginFailed { account: self.config.name.clone(), why, provider_error: None });
        }
        let unread = self.machine.snapshot(&self.config.name);
        if matches!(unread.standing, Standing::Unread | Standing::Locked) {
            return Err(unread.error(self.world.clock.now()));
        }
        let (grant, before) = (fresh.grant(), unread.generation);
        // Some providers end all of a user's grants with one: what the new login takes the place of is not revoked.
        if let Some(replaced) = self.unwritten.replace(fresh) {
            replaced.stored();
        }
        self.drive(Event::LoggedIn(Box::new(grant))).await;
        self.note_written();
        let after = self.machine.snapshot(&self.config.name);
        if after.generation > before || after.trouble.is_none() {
            Ok(())
        } else {
            Err(after.error(self.world.clock.now()))
        }
    }
}
