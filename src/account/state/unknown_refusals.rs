//! Counts refusals of unknown kind since the last token.

use std::time::Duration;

use crate::clock::Boot;

/// The user is told after this many refusals, over this time.
const ENOUGH: u32 = 5;

const LONG_ENOUGH: Duration = Duration::from_secs(600);

/// The time that one gap can add: nobody asked while the machine slept.
const LONGEST_GAP: Duration = Duration::from_secs(300);

/// The refusals of unknown kind since the last token.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnknownRefusals {
    count: u32,
    /// The time over which they came, with long gaps capped.
    span: Duration,
    last: Option<Boot>,
}

impl UnknownRefusals {
    pub(super) fn add(&mut self, now: Boot) {
        let gap = self.last.map_or(Duration::ZERO, |last| last.until(now));
        self.count = self.count.saturating_add(1);
        self.span = self.span.saturating_add(gap.min(LONGEST_GAP));
        self.last = Some(now);
    }

    pub(super) fn are_enough(self) -> bool {
        self.count >= ENOUGH && self.span >= LONG_ENOUGH
    }

    /// How many came since there were enough.
    pub(super) fn beyond(self) -> u32 {
        self.count.saturating_sub(ENOUGH)
    }
}
