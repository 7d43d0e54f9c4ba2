//! The timer of a connection for hyper, which limits the time until the next head by it. hyper starts it anew for each
//! request; here that is a note of the new deadline. Only what it was first set to is registered with the runtime, and when
//! that has passed, the deadline of then. Otherwise each request would lock the runtime's timers, and often wake the thread
//! that waits for the first of them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

use crate::http::activity::now;

/// One for each connection.
#[derive(Debug, Default, Clone)]
pub(super) struct LazyTimer(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

impl Timer for LazyTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(LazySleep { deadline: deadline.into(), timer: self.clone() })
    }

    fn now(&self) -> Instant {
        now().into_std()
    }
}

/// Ready at its deadline, exactly. The connection's task may be woken before, and finds nothing to do.
struct LazySleep {
    deadline: time::Instant,
    timer: LazyTimer,
}

impl Sleep for LazySleep {}

impl Future for LazySleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let mut registered = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let registered = registered.get_or_insert_with(|| Box::pin(time::sleep_until(deadline)));
        if registered.deadline() > deadline {
            registered.as_mut().reset(deadline);
        }
        while registered.as_mut().poll(cx).is_ready() {
            if registered.deadline() >= deadline {
                return Poll::Ready(());
            }
            registered.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_sleep_ends_at_its_own_deadline_whatever_was_registered_before() {
        let timer = LazyTimer::default();
        let begun = now();
        let secs = Duration::from_secs;
        // The first is given up, as by hyper when a head has come.
        let given_up = timer.sleep(secs(10));
        assert!(time::timeout(secs(4), given_up).await.is_err());
        timer.sleep(secs(10)).await;
        assert_eq!(begun.elapsed(), secs(14), "later than what was registered");
        timer.sleep(secs(3)).await;
        assert_eq!(begun.elapsed(), secs(17), "after one that has ended");
        let longer = timer.sleep(secs(60));
        assert!(time::timeout(secs(1), longer).await.is_err());
        timer.sleep(secs(5)).await;
        assert_eq!(begun.elapsed(), secs(23), "earlier than what was registered");
    }
}
