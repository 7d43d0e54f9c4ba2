//! Watcher for what timers don't notice: resume from sleep, a clock that was set, and a network that changed. The
//! accounts then look at the clocks again, and retry what they could not reach.

use std::time::Duration;

use tokio::sync::watch;

/// Changes of the network come in bursts: subscribers are notified once for all of them.
#[cfg(target_os = "linux")]
const SETTLED: Duration = Duration::from_secs(1);

/// Notified after every resume, clock jump and change of the network. The threads sleep in the kernel, so an idle
/// daemon is never woken for it.
pub fn watch() -> watch::Receiver<()> {
    let (sender, changes) = watch::channel(());
    let clock = sender.clone();
    spawn_thread("wakeups", move || watch_clock(&clock));
    #[cfg(target_os = "linux")]
    spawn_thread("network", move || watch_network(&sender));
    changes
}

/// Threads and not tasks: tokio needs `unsafe` to wait for a foreign file descriptor.
fn spawn_thread(name: &'static str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).stack_size(64 * 1024).spawn(work) {
        tracing::warn!("resume from sleep, and a network that is back, will be noticed late: {error}");
    }
}

/// The kernel reports each address or route that comes or goes (rtnetlink(7)). The content does not matter.
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
            // The buffer overflowed: something changed.
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

/// A real-time timer in the far future, which is cancelled when the clock is set; a resume sets it too
/// (`timerfd_create(2)`, `TFD_TIMER_CANCEL_ON_SET`).
#[cfg(target_os = "linux")]
fn watch_clock(changed: &watch::Sender<()>) {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    /// Seconds since 1970, in a far future.
    const FAR: i64 = 1 << 33;
    let far =
        Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: Timespec { tv_sec: FAR, tv_nsec: 0 } };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let Ok(timer) = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC) else { return poll_clock(changed) };
    while !changed.is_closed() {
        if timerfd_settime(&timer, flags, &far).is_err() {
            return poll_clock(changed);
        }
        // Ends with ECANCELED after a jump. In any case the accounts may look.
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

/// Fallback without kernel support: have the accounts look at the clocks every half minute.
fn poll_clock(changed: &watch::Sender<()>) {
    while !changed.is_closed() {
        std::thread::sleep(Duration::from_secs(30));
        changed.send_replace(());
    }
}
