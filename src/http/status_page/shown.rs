//! Times and texts as the page shows them. Without a script the page says how far away a time is, and the clock in UTC; the
//! script keeps both current, and shows the clock of the browser's time zone.

use std::time::Duration;

use crate::clock::{Wall, in_words};
use crate::printable::is_unprintable;

/// What a stranger wrote is cut to this many characters.
const SHOWN: usize = 300;

/// A time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShownTime {
    /// RFC 3339, for the script.
    pub(super) at: String,
    /// Such as `in 12 min`.
    pub(super) distance: String,
    /// Such as `2026-11-25 08:00 UTC`, without the date if it is today's.
    pub(super) clock: String,
}

/// A span of time as a bar: how much of it has passed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) from: ShownTime,
    pub(super) to: ShownTime,
    /// In thousandths.
    pub(super) passed: i64,
    /// Where the next refresh is, in thousandths, if it lies within.
    pub(super) refresh: Option<i64>,
}

impl ShownTime {
    /// `at` in Unix seconds, as seen from `now`.
    pub(super) fn of(at: i64, now: Wall) -> Self {
        let (then, today) = (Wall::of_unix_seconds(at).rfc3339_seconds(), now.rfc3339_seconds());
        let (date, time) = then.split_once('T').unwrap_or_default();
        let time = time.get(..5).unwrap_or_default();
        let clock = if today.starts_with(date) { format!("{time} UTC") } else { format!("{date} {time} UTC") };
        Self { distance: distance(at, now), clock, at: then }
    }
}

impl Bar {
    /// All in Unix seconds. `None`: it is no span.
    pub(super) fn of(from: i64, to: i64, refresh: Option<i64>, now: Wall) -> Option<Self> {
        let whole = to.checked_sub(from).filter(|whole| *whole > 0)?;
        let part = |at: i64| at.saturating_sub(from).saturating_mul(1000) / whole;
        let refresh = refresh.map(part).filter(|part| (0..=1000).contains(part));
        let passed = part(now.unix_seconds()).clamp(0, 1000);
        Some(Self { from: ShownTime::of(from, now), to: ShownTime::of(to, now), passed, refresh })
    }

    /// For who can't see it.
    pub(super) fn percent(&self) -> i64 {
        self.passed / 10
    }
}

fn distance(at: i64, now: Wall) -> String {
    let told = in_words(Duration::from_secs(at.abs_diff(now.unix_seconds())));
    if at > now.unix_seconds() { format!("in {told}") } else { format!("{told} ago") }
}

/// What a stranger wrote, in a bearable length and without what hides or turns text around.
pub(super) fn cut(text: &str) -> String {
    let short: String = text.chars().filter(|c| !is_unprintable(*c)).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() { short + "…" } else { short }
}

/// `1 account`, or `3 accounts`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_a_distance_and_on_a_clock() {
        const NOW: Wall = Wall(1_700_000_000_000);
        for (at, distance, clock) in [
            (1_700_000_060, "in 60 s", "22:14 UTC"),
            (1_700_000_000, "0 s ago", "22:13 UTC"),
            (1_699_999_000, "16 min ago", "21:56 UTC"),
            (1_700_010_000, "in 2 h", "2023-11-15 01:00 UTC"),
            (1_699_500_000, "5 days ago", "2023-11-09 03:20 UTC"),
            (1_800_000_000, "in 1157 days", "2027-01-15 08:00 UTC"),
        ] {
            let shown = ShownTime::of(at, NOW);
            assert_eq!((shown.distance.as_str(), shown.clock.as_str()), (distance, clock), "{at}");
        }
        for (at, clock) in [(i64::MIN, "1970-01-01 00:00 UTC"), (i64::MAX, "9999-12-31 23:59 UTC")] {
            assert_eq!(ShownTime::of(at, NOW).clock, clock);
        }
    }

    #[test]
    fn a_bar_stays_within_its_ends() {
        let bar = |from, to, refresh, now: i64| Bar::of(from, to, refresh, Wall(now * 1000));
        for (now, passed) in [(0, 0), (100, 0), (150, 500), (200, 1000), (900, 1000)] {
            let bar = bar(100, 200, Some(180), now).unwrap();
            assert_eq!((bar.passed, bar.refresh, bar.percent()), (passed, Some(800), passed / 10), "{now}");
        }
        assert_eq!(bar(100, 200, Some(201), 0).unwrap().refresh, None);
        assert!(bar(100, 100, None, 0).is_none() && bar(i64::MIN, i64::MAX, None, 0).is_none());
    }

    #[test]
    fn what_a_stranger_wrote_is_cut_and_cannot_turn_the_page_around() {
        assert_eq!(cut("a\u{202e}b\u{200b}c\nd"), "abcd");
        assert_eq!(cut(&"x".repeat(SHOWN + 1)).chars().count(), SHOWN + 1);
        assert_eq!((counted(1, "account"), counted(0, "account")), ("1 account".into(), "0 accounts".into()));
    }
}
