//! Older copies of the disk, restored between two runs of the daemon.

use rand::RngExt as _;
use rand::rngs::StdRng;
use ringback::account::record::Record;

use crate::counts::{What, happens};
use crate::truth::Truth;

/// The disk's content after a commit.
pub(crate) struct Copy {
    bytes: Vec<u8>,
    generation: u64,
    access: String,
    refresh: String,
}

impl Copy {
    pub(crate) fn of(record: &Record, bytes: &[u8]) -> Self {
        let tokens = &record.tokens;
        Self {
            bytes: bytes.to_vec(),
            generation: record.generation,
            access: tokens.access_token.expose().to_owned(),
            refresh: tokens.refresh_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default(),
        }
    }
}

impl Truth {
    /// Restores an older copy of an account's file. Sometimes the high-water mark is lost, too, so that the daemon
    /// can't notice it.
    pub(crate) fn put_back(&self, account: &'static str, rng: &mut StdRng) {
        let put = self.with_disk(account, |disk, _| {
            let older = disk.older.iter().filter(|copy| copy.generation < disk.generation).count();
            if older == 0 {
                return None;
            }
            let copy = &disk.older[rng.random_range(0..older)];
            (disk.bytes, disk.generation) = (Some(copy.bytes.clone()), copy.generation);
            let newest = disk.kept.iter().position(|kept| kept.token == copy.access).map(|at| disk.kept.remove(at));
            disk.kept.extend(newest);
            if happens(rng, 0.2) {
                disk.mark = 0;
            }
            Some((disk.generation, disk.mark))
        });
        let Some((generation, mark)) = put else { return };
        if generation >= mark {
            // The refresh token will be reused, as after a lost reply.
            self.with_grant(account, |grant, _| grant.unheard += 1);
        }
        self.step(What::PutBack, account, || format!(" (generation {generation}, the mark is {mark})"));
    }

    /// Whether the account's file is older than the last write, and the mark shows it.
    pub(crate) fn is_older(&self, account: &'static str) -> bool {
        self.with_disk(account, |disk, _| disk.bytes.is_some() && disk.generation < disk.mark)
    }

    /// The provider receives a refresh token.
    pub(crate) fn check_sent(&self, account: &'static str, refresh: &str) {
        let older = self.with_disk(account, |disk, _| {
            let generations = disk.older.iter().filter(|copy| copy.refresh == refresh).map(|copy| copy.generation);
            generations.max().is_some_and(|newest| newest < disk.mark)
        });
        if older {
            self.violated(&format!("{account}: {refresh} was sent, but is older than the mark"));
        }
    }
}
