//! A rate limit for the lines of a log: a number of each kind in a minute, and one line that counts the rest.
//!
//! For lines that somebody else can cause at will: without a limit, they push everything else out of a log of bounded
//! size. There must be few kinds, such as a reason or an app, and never a text that a caller chooses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Moment, Wall};

/// How long lines of one kind are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// The limit. Cheap to clone; all clones count together.
#[derive(Debug)]
pub(crate) struct LogRateLimit<K> {
    inner: Arc<LogRateLimitInner<K>>,
}

#[derive(Debug)]
struct LogRateLimitInner<K> {
    windows: Mutex<Windows<K>>,
    clock: Clock,
    /// Notified when a line is left out and no summary of its kind is pending.
    left_out: Notify,
}

/// How many lines of a kind were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut<K> {
    /// Their kind.
    pub(crate) kind: K,
    /// How many.
    pub(crate) count: u64,
    /// When the window of the first of them began.
    pub(crate) since: Wall,
}

impl<K> Clone for LogRateLimit<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K: Ord + Clone> LogRateLimit<K> {
    /// Admits `most` lines of each kind in a minute.
    pub(crate) fn new(most: u32, clock: Clock) -> Self {
        let windows = Mutex::new(Windows { most, open: BTreeMap::new() });
        Self { inner: Arc::new(LogRateLimitInner { windows, clock, left_out: Notify::new() }) }
    }

    /// Whether a line of this kind may be written now. If not, it is counted.
    pub(crate) fn admits(&self, kind: K) -> bool {
        match self.windows().take(kind, self.inner.clock.now()) {
            LineVerdict::Admitted => true,
            LineVerdict::FirstLeftOut => {
                self.inner.left_out.notify_one();
                false
            }
            LineVerdict::LeftOut => false,
        }
    }

    /// Waits until a window in which lines were left out is over, and returns their number. For one caller at a time.
    pub(crate) async fn ended(&self) -> Vec<LeftOut<K>> {
        loop {
            let due = self.windows().due();
            let Some(due) = due else {
                self.inner.left_out.notified().await;
                continue;
            };
            let now = self.inner.clock.now();
            if now.reached(due) {
                return self.windows().collect(now);
            }
            tokio::time::sleep(now.until(due)).await;
        }
    }

    /// The lines that were left out and not reported yet, whether their windows are over or not: for the end of the
    /// process.
    pub(crate) fn rest(&self) -> Vec<LeftOut<K>> {
        self.windows().drain()
    }

    fn windows(&self) -> MutexGuard<'_, Windows<K>> {
        self.inner.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineVerdict {
    Admitted,
    /// No summary of its kind was pending before.
    FirstLeftOut,
    LeftOut,
}

/// The open windows, and those whose summary is pending. Pure: time is an argument.
#[derive(Debug)]
struct Windows<K> {
    most: u32,
    open: BTreeMap<K, LogWindow>,
}

#[derive(Debug)]
struct LogWindow {
    ends: Moment,
    admitted: u32,
    left_out: Option<Summary>,
}

/// A pending summary.
#[derive(Debug, Clone, Copy)]
struct Summary {
    count: u64,
    since: Wall,
    due: Moment,
}

impl<K: Ord + Clone> Windows<K> {
    fn take(&mut self, kind: K, now: Moment) -> LineVerdict {
        if !self.open.contains_key(&kind) {
            // Kinds that are quiet again are evicted.
            self.open.retain(|_, window| window.left_out.is_some() || !now.reached(window.ends));
        }
        let ends = now.plus(WINDOW);
        let window = self.open.entry(kind).or_insert(LogWindow { ends, admitted: 0, left_out: None });
        if now.reached(window.ends) {
            (window.ends, window.admitted) = (ends, 0);
        }
        if window.admitted < self.most {
            window.admitted += 1;
            return LineVerdict::Admitted;
        }
        if let Some(summary) = &mut window.left_out {
            summary.count = summary.count.saturating_add(1);
            return LineVerdict::LeftOut;
        }
        let since = now.wall.minus(WINDOW.saturating_sub(now.until(window.ends)));
        window.left_out = Some(Summary { count: 1, since, due: window.ends });
        LineVerdict::FirstLeftOut
    }

    /// When the next summary is due.
    fn due(&self) -> Option<Moment> {
        self.open.values().filter_map(|window| Some(window.left_out?.due)).min_by_key(|due| due.boot)
    }

    /// The summaries that are due.
    fn collect(&mut self, now: Moment) -> Vec<LeftOut<K>> {
        self.tell(|summary| now.reached(summary.due))
    }

    fn drain(&mut self) -> Vec<LeftOut<K>> {
        self.tell(|_| true)
    }

    fn tell(&mut self, which: impl Fn(&Summary) -> bool) -> Vec<LeftOut<K>> {
        let windows = self.open.iter_mut();
        let told = windows.filter_map(|(kind, window)| {
            let Summary { count, since, .. } = window.left_out.take_if(|summary| which(summary))?;
            Some(LeftOut { kind: kind.clone(), count, since })
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Boot;

    fn at(seconds: u64) -> Moment {
        let begun = Moment { wall: Wall(1_700_000_000_000), boot: Boot(Duration::from_secs(1000)) };
        begun.plus(Duration::from_secs(seconds))
    }

    fn windows() -> Windows<&'static str> {
        Windows { most: 2, open: BTreeMap::new() }
    }

    fn left_out(kind: &'static str, count: u64, since: u64) -> LeftOut<&'static str> {
        LeftOut { kind, count, since: at(since).wall }
    }

    #[test]
    fn of_each_kind_so_many_in_a_window_and_the_rest_is_counted() {
        use LineVerdict::{Admitted, FirstLeftOut, LeftOut};
        let mut windows = windows();
        for (second, kind, taken) in [
            (0, "a", Admitted),
            (10, "a", Admitted),
            (11, "a", FirstLeftOut),
            (12, "a", LeftOut),
            (12, "b", Admitted),
            (59, "a", LeftOut),
            (60, "a", Admitted), // the next window, before the summary of the last one was reported
            (61, "a", Admitted),
            (62, "a", LeftOut),
        ] {
            assert_eq!(windows.take(kind, at(second)), taken, "{kind} after {second} s");
        }
        assert_eq!(windows.due(), Some(at(60)));
        assert_eq!(windows.collect(at(59)), []);
        assert_eq!(windows.collect(at(62)), [left_out("a", 4, 0)], "none is counted twice or lost");
        assert_eq!((windows.due(), windows.collect(at(500))), (None, vec![]));
        assert_eq!(windows.take("a", at(63)), FirstLeftOut);
        assert_eq!(windows.drain(), [left_out("a", 1, 60)], "at the end of the process no window is waited for");
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing_for_long() {
        let mut windows = windows();
        (0..3).for_each(|_| _ = windows.take("a", at(3600)));
        let set_back = Moment { wall: at(0).wall, boot: at(3600 + 60).boot };
        assert_eq!(windows.take("a", set_back), LineVerdict::Admitted);
        assert_eq!(windows.collect(set_back).len(), 1);
    }

    #[test]
    fn kinds_that_are_quiet_again_take_no_room() {
        let mut windows = Windows { most: 1, open: BTreeMap::new() };
        for kind in 0..1000 {
            assert_eq!(windows.take(kind, at(kind * 60)), LineVerdict::Admitted);
            assert!(windows.open.len() <= 2, "{}", windows.open.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_count_is_told_when_the_window_is_over_and_not_before() {
        let limit = LogRateLimit::new(3, Clock::virtual_at(Wall(0)));
        let waits = tokio::spawn({
            let limit = limit.clone();
            async move { limit.ended().await }
        });
        let admitted = (0..1000).filter(|_| limit.admits("flood")).count();
        assert_eq!(admitted, 3);
        tokio::time::sleep(WINDOW * 99 / 100).await;
        assert!(!waits.is_finished());
        assert_eq!(waits.await.unwrap(), [LeftOut { kind: "flood", count: 997, since: Wall(0) }]);
        assert!(limit.admits("flood") && limit.rest().is_empty());
    }
}
