//! Grants of logins: from the user's consent to the disk, or to their revocation.

use std::time::Duration;

use ringback::account::record::Record;

use crate::counts::What;
use crate::truth::{ACCOUNTS, Truth};

/// A grant issued for a login.
pub(crate) struct Brought {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// The daemon received the reply.
    heard: bool,
    /// It was written to disk.
    kept: bool,
    /// It was revoked.
    revoked: bool,
}

/// A reply in transit.
pub(crate) struct Arriving<'a> {
    truth: &'a Truth,
    account: &'static str,
    refresh: String,
}

impl Arriving<'_> {
    pub(crate) fn arrived(self) {
        self.truth.with_grant(self.account, |grant, _| {
            let brought = grant.brought.iter_mut().find(|brought| brought.refresh == self.refresh).unwrap();
            brought.heard = true;
        });
    }
}

impl Truth {
    /// The user consents at the provider.
    pub(crate) fn consent(&self, account: &'static str) -> String {
        self.with_grant(account, |grant, _| {
            let code = format!("c-{account}-{}", grant.codes.len());
            grant.codes.insert(code.clone(), false);
            code
        })
    }

    /// The provider receives the code.
    pub(crate) fn spend(&self, account: &'static str, code: &str) {
        match self.with_grant(account, |grant, _| grant.codes.insert(code.to_owned(), true)) {
            Some(false) => {}
            Some(true) => self.violated(&format!("{account}: {code} was exchanged twice")),
            None => self.violated(&format!("{account}: {code} was never issued")),
        }
    }

    /// The provider issues a grant for a code. Earlier grants stay valid.
    pub(crate) fn bring(&self, account: &'static str, lifetime: Duration) -> (String, String) {
        self.with_grant(account, |grant, now| {
            grant.issued += 1;
            let (access, refresh) = (format!("a-{account}-{}", grant.issued), format!("r-{account}-{}", grant.issued));
            grant.access.insert(access.clone(), now + lifetime);
            let (heard, kept, revoked) = (false, false, false);
            grant.brought.push(Brought { access: access.clone(), refresh: refresh.clone(), heard, kept, revoked });
            (access, refresh)
        })
    }

    pub(crate) fn arriving(&self, account: &'static str, refresh: &str) -> Arriving<'_> {
        Arriving { truth: self, account, refresh: refresh.to_owned() }
    }

    /// A record was written to disk: a login's grant replaces the previous one.
    pub(crate) fn adopt(&self, account: &'static str, record: &Record) {
        let Some(refresh) = record.tokens.refresh_token.as_ref().map(|token| token.expose().to_owned()) else { return };
        let revoked = self.with_grant(account, |grant, now| {
            let new = grant.brought.iter_mut().find(|brought| brought.refresh == refresh && !brought.kept)?;
            new.kept = true;
            let revoked = new.revoked;
            grant.ended = None;
            let old = std::mem::replace(&mut grant.current, refresh.clone());
            grant.replaced.push((old, now));
            Some(revoked)
        });
        if revoked == Some(true) {
            self.violated(&format!("{account}: {refresh} was written to disk after its revocation"));
        }
    }

    /// The daemon revokes a grant.
    pub(crate) fn give_back(&self, refresh: &str) {
        let Some(account) = ACCOUNTS.into_iter().find(|account| refresh.starts_with(&format!("r-{account}-"))) else {
            return self.violated(&format!("an unknown token was revoked: {refresh}"));
        };
        self.step(What::GaveBack, account, || format!(": {refresh}"));
        let doubted = self.with_disk(account, |disk, _| disk.doubted);
        let kept = self.with_grant(account, |grant, _| {
            let brought = grant.brought.iter_mut().find(|brought| brought.refresh == refresh)?;
            brought.revoked = true;
            let current = grant.current == refresh;
            if current {
                grant.ended = Some("revoked");
            }
            Some(current)
        });
        match kept {
            Some(true) if !doubted => self.violated(&format!("{account}: {refresh} is on the disk and was revoked")),
            None => self.violated(&format!("{account}: {refresh} belongs to no login and was revoked")),
            _ => {}
        }
    }

    /// After a successful login, the newest grant is on disk, or uncommitted in memory.
    pub(crate) fn check_kept(&self, account: &'static str) {
        let in_hand = self.with_disk(account, |disk, _| disk.uncommitted);
        let kept = self.with_grant(account, |grant, _| grant.brought.last().is_some_and(|brought| brought.kept));
        if !kept && !in_hand {
            self.violated(&format!("{account}: a login succeeded, and its grant is not stored"));
        }
    }

    /// When nothing is in flight, every received grant is on disk, was revoked, or was replaced by a newer one while
    /// uncommitted. Such a grant is not revoked, since some providers revoke all grants of a user together.
    pub(crate) fn check_accounted_for(&self, when: &str) {
        for account in ACCOUNTS {
            let lost = self.with_grant(account, |grant, _| {
                let newest = grant.brought.iter().rposition(|one| one.kept).map_or(0, |newest| newest + 1);
                let lost = grant.brought[newest..].iter().find(|one| one.heard && !one.kept && !one.revoked);
                lost.map(|brought| brought.refresh.clone())
            });
            if let Some(refresh) = lost {
                self.violated(&format!("{account}: {refresh} is neither stored nor revoked after {when}"));
            }
        }
    }

    /// The daemon was killed: uncommitted grants are lost.
    pub(crate) fn lose_uncommitted(&self) {
        for account in ACCOUNTS {
            self.with_grant(account, |grant, _| grant.brought.retain(|brought| brought.kept));
        }
    }

    /// Checks that requests are allowed at this time.
    pub(crate) fn check_open(&self, account: &str) {
        let (locked, stopped) = self.with_gate(|gate, _| (gate.locked, gate.stopped));
        if locked || stopped {
            let when = if locked { "while the store was locked" } else { "after the stop" };
            self.violated(&format!("{account}: a request was sent {when}"));
        }
    }
}
