//! Who may wait: for a login, a refresh, the user's answer. Each who does holds a connection, so that not everybody may:
//! there have to be some left for those whose answer is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many wait, and how many may. Without a lock, since every request for a token comes by. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Waiting {
    now: Arc<AtomicUsize>,
    most: usize,
}

/// One who waits, until this is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Waiting {
    /// For a server of so many connections: half of them may wait.
    pub fn of_connections(connections: usize) -> Self {
        Self { now: Arc::default(), most: connections.div_ceil(2) }
    }

    /// How long a caller may wait that wants to for `wanted`, and its place meanwhile. Without one it is told at once
    /// how things stand, as it would be with `wait=0`.
    pub(super) fn for_as_long_as(&self, wanted: Option<Duration>) -> (Option<Duration>, Option<Place>) {
        if wanted == Some(Duration::ZERO) {
            return (wanted, None);
        }
        let place = Place(Arc::clone(&self.now));
        if self.now.fetch_add(1, Ordering::Relaxed) < self.most {
            (wanted, Some(place))
        } else {
            (Some(Duration::ZERO), None)
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_connections_may_wait_and_the_others_are_told_at_once() {
        let (waiting, long) = (Waiting::of_connections(5), Some(Duration::from_secs(600)));
        let mut places: Vec<_> = (0..3).map(|_| waiting.for_as_long_as(long)).collect();
        assert!(places.iter().all(|(wait, place)| *wait == long && place.is_some()));
        for wanted in [long, None] {
            let (wait, place) = waiting.for_as_long_as(wanted);
            assert!(wait == Some(Duration::ZERO) && place.is_none(), "{wanted:?}");
        }
        places.pop();
        assert_eq!(waiting.for_as_long_as(Some(Duration::ZERO)).0, Some(Duration::ZERO));
        let (wait, place) = waiting.for_as_long_as(None);
        assert!(wait.is_none() && place.is_some(), "the place of one who left is free again");
    }
}
