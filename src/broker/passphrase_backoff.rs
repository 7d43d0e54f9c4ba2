//! Exponential backoff after wrong passphrases. Pure: time is an argument.

use std::time::Duration;

use crate::clock::{Boot, Moment};

/// After the first wrong one. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The cap, so that the person who knows the passphrase gets in.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Wrong passphrases since the last right one, from any caller.
#[derive(Debug, Default)]
pub(super) struct PassphraseBackoff {
    failures: u32,
    /// No passphrase is checked before this.
    next: Option<Boot>,
}

impl PassphraseBackoff {
    /// How long the next attempt has to wait.
    pub(super) fn pause(&self, now: Moment) -> Duration {
        self.next.map_or(Duration::ZERO, |next| now.boot.until(next))
    }

    /// Counts a wrong passphrase: the number of failures, and how long the next attempt has to wait.
    pub(super) fn wrong(&mut self, now: Moment) -> (u32, Duration) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now.boot.plus(pause));
        (self.failures, pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Wall;

    #[test]
    fn each_wrong_passphrase_doubles_the_wait_up_to_a_minute() {
        let mut now = Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(1000)) };
        let mut passphrase_backoff = PassphraseBackoff::default();
        assert_eq!(passphrase_backoff.pause(now), Duration::ZERO);
        for (number, seconds) in (1..).zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
            assert_eq!(passphrase_backoff.wrong(now), (number, Duration::from_secs(seconds)));
            assert_eq!(passphrase_backoff.pause(now), Duration::from_secs(seconds));
            now = now.plus(passphrase_backoff.pause(now));
            assert_eq!(passphrase_backoff.pause(now), Duration::ZERO);
        }
        now.wall.0 += 86_400_000;
        assert_eq!(passphrase_backoff.wrong(now).1, LONGEST_PAUSE);
        now.wall.0 += 86_400_000;
        assert_eq!(passphrase_backoff.pause(now), LONGEST_PAUSE, "setting the clock ahead shortens nothing");
        for _ in 0..100 {
            assert_eq!(passphrase_backoff.wrong(now).1, LONGEST_PAUSE);
        }
    }
}
