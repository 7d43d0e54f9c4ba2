//! The one watcher of the daemon for what timers don't notice: that the machine slept, and that somebody
//! set the clock. It rings a bell; the accounts then look at the clocks again.

use std::time::Duration;

use tokio::sync::watch;

/// A bell that rings after every resume and clock jump. Its thread sleeps in the kernel: an idle daemon is
/// never woken for it.
pub fn watch() -> watch::Receiver<()> {
    let (bell, heard) = watch::channel(());
    // A thread and not a task: tokio's way to wait for a foreign file descriptor needs `unsafe`.
    let spawned = std::thread::Builder::new().name("wakeups".into()).stack_size(64 * 1024).spawn(move || ring(&bell));
    if let Err(error) = spawned {
        tracing::warn!("resume from sleep will be noticed late: {error}");
    }
    heard
}

/// A real-time timer in the far future that is cancelled when the clock is set, which a resume does too
/// (`timerfd_create(2)`, `TFD_TIMER_CANCEL_ON_SET`).
#[cfg(target_os = "linux")]
fn ring(bell: &watch::Sender<()>) {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    /// Seconds since 1970 in a year that nobody will see.
    const FAR: i64 = 1 << 33;
    let far =
        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec: FAR, tv_nsec: 0 } };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let Ok(timer) = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC) else { return nap(bell) };
    while !bell.is_closed() {
        if timerfd_settime(&timer, flags, &far).is_err() {
            return nap(bell);
        }
        // Ends with ECANCELED after a jump; whatever it says, the accounts may look.
        let _ = rustix::io::read(&timer, &mut [0u8; 8]);
        tracing::debug!("the machine woke up, or its clock was set");
        bell.send_replace(());
        // A clock that is set all the time must not become a busy loop.
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(not(target_os = "linux"))]
fn ring(bell: &watch::Sender<()>) {
    nap(bell);
}

/// Where the kernel can't tell: have the accounts look at the clocks every half minute.
fn nap(bell: &watch::Sender<()>) {
    while !bell.is_closed() {
        std::thread::sleep(Duration::from_secs(30));
        bell.send_replace(());
    }
}
