//! The one watcher of the daemon for what timers don't notice: that the machine slept, that somebody set the
//! clock, and that the network changed. It rings a bell; the accounts then look again at the clocks, and at what
//! they could not reach.

use std::time::Duration;
use tokio::sync::watch;

/// What changes the network may come in one piece: the bell rings once for all of it.
#[cfg(target_os = "linux")]
const SETTLED: Duration = Duration::from_secs(1);

/// A bell that rings after every resume, clock jump and change of the network. Its threads sleep in the kernel: an
/// idle daemon is never woken for it.
pub fn watch() -> watch::Receiver<()> {
    let (changed, changes) = watch::channel(());
    let clock = changed.clone();
    spawn_thread("wakeups", move || watch_clock(&clock));
    #[cfg(target_os = "linux")]
    spawn_thread("network", move || watch_network(&changed));
    changes
}

/// Threads and not tasks: tokio's way to wait for a foreign file descriptor needs `unsafe`.
fn spawn_thread(name: &'static str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).stack_size(64 * 1024).spawn(work) {
        tracing::warn!("resume from sleep, and a network that is back, will be noticed late: {error}");
    }
}

/// The kernel tells whoever listens that an address or a route came or went (rtnetlink(7)). What it says is of no
/// interest, only that it does.
#[cfg(target_os = "linux")]
fn watch_network(changed: &watch::Sender<()>) {
    use rustix::io::Errno;
    use rustix::net::netlink::SocketAddrNetlink;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

    /// `RTMGRP_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
    const CHANGES: u32 = 0x10 | 0x40 | 0x100 | 0x400;
    // No protocol is `NETLINK_ROUTE`, which is 0.
    let opened = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
        .and_then(|socket| bind(&socket, &SocketAddrNetlink::new(0, CHANGES)).map(|()| socket));
    let socket = match opened {
        Ok(socket) => socket,
        Err(error) => return tracing::info!("a network that is back will be noticed late: {error}"),
    };
    let mut message = [0_u8; 4096];
    while !changed.is_closed() {
        match recv(&socket, &mut message, RecvFlags::empty()) {
            // More was said than there was room for, which says enough.
            Ok(_) | Err(Errno::NOBUFS) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return tracing::warn!("a network that is back will be noticed late: {error}"),
        }
        std::thread::sleep(SETTLED);
        while recv(&socket, &mut message, RecvFlags::DONTWAIT).is_ok() {}
        tracing::debug!("the network changed");
        changed.send_replace(());
    }
}

/// A real-time timer in the far future that is cancelled when the clock is set, which a resume does too
/// (`timerfd_create(2)`, `TFD_TIMER_CANCEL_ON_SET`).
#[cfg(target_os = "linux")]
fn watch_clock(changed: &watch::Sender<()>) {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    /// Seconds since 1970 in a year that nobody will see.
    const FAR: i64 = 1 << 33;
    let far =
        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec: FAR, tv_nsec: 0 } };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let Ok(timer) = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC) else { return poll_clock(changed) };
    while !changed.is_closed() {
        if timerfd_settime(&timer, flags, &far).is_err() {
            return poll_clock(changed);
        }
        // Ends with ECANCELED after a jump; whatever it says, the accounts may look.
        let _ = rustix::io::read(&timer, &mut [0u8; 8]);
        tracing::debug!("the machine woke up, or its clock was set");
        changed.send_replace(());
        // A clock that is set all the time must not become a busy loop.
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[cfg(not(target_os = "linux"))]
fn watch_clock(changed: &watch::Sender<()>) {
    poll_clock(changed);
}

/// Where the kernel can't tell: have the accounts look at the clocks every half minute.
fn poll_clock(changed: &watch::Sender<()>) {
    while !changed.is_closed() {
        std::thread::sleep(Duration::from_secs(30));
        changed.send_replace(());
    }
}
