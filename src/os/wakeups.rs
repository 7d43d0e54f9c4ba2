//! Events that timers miss: the machine resumed from sleep, its clock was set, its network changed. Each function
//! blocks its thread, which sleeps in the kernel, so an idle daemon is never woken for them.

use std::time::Duration;

/// The polling interval if the kernel can't report jumps.
const NAP: Duration = Duration::from_secs(30);

/// Calls `ring` after each resume and each change of the clock, until it returns false. If the kernel can't report
/// them, it is called every half minute.
pub(crate) fn on_clock_jump(mut ring: impl FnMut() -> bool) {
    system::on_clock_jump(&mut ring);
    loop {
        std::thread::sleep(NAP);
        if !ring() {
            return;
        }
    }
}

/// Calls `ring` after each change of the network, until it returns false. Returns at once, with the reason, if the
/// system does not report them.
pub(crate) fn on_network_change(mut ring: impl FnMut() -> bool) -> Result<(), String> {
    system::on_network_change(&mut ring)
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use rustix::io::Errno;
    use rustix::net::netlink::SocketAddrNetlink;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };

    /// A time in the far future, in Unix seconds.
    const FAR: i64 = 1 << 33;
    /// A clock that is set all the time must not become a busy loop.
    const BETWEEN_JUMPS: Duration = Duration::from_millis(100);
    /// Changes of the network come in bursts: `ring` is called once for each burst.
    const SETTLED: Duration = Duration::from_secs(1);
    /// `RTMGRP_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
    const CHANGES: u32 = 0x10 | 0x40 | 0x100 | 0x400;

    /// A real-time timer in the far future that is cancelled when the clock is set, which a resume does too
    /// (`timerfd_create(2)`, `TFD_TIMER_CANCEL_ON_SET`). Returns if there is no such timer.
    pub(super) fn on_clock_jump(ring: &mut dyn FnMut() -> bool) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let far = Itimerspec { it_interval: zero, it_value: Timespec { tv_sec: FAR, tv_nsec: 0 } };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        let Ok(timer) = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC) else { return };
        while timerfd_settime(&timer, flags, &far).is_ok() {
            // Fails with ECANCELED after a jump; any other result counts as one, too.
            let _ = rustix::io::read(&timer, &mut [0u8; 8]);
            tracing::debug!("the machine woke up, or its clock was set");
            if !ring() {
                return;
            }
            std::thread::sleep(BETWEEN_JUMPS);
        }
    }

    /// The kernel sends a message when an address or a route is added or removed (rtnetlink(7)). Its content does not
    /// matter.
    pub(super) fn on_network_change(ring: &mut dyn FnMut() -> bool) -> Result<(), String> {
        // No protocol is `NETLINK_ROUTE`, which is 0.
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)
            .and_then(|socket| bind(&socket, &SocketAddrNetlink::new(0, CHANGES)).map(|()| socket))
            .map_err(|error| error.to_string())?;
        let mut message = [0_u8; 4096];
        loop {
            match recv(&socket, &mut message, RecvFlags::empty()) {
                // A full buffer means that something changed, too.
                Ok(_) | Err(Errno::NOBUFS) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.to_string()),
            }
            std::thread::sleep(SETTLED);
            while recv(&socket, &mut message, RecvFlags::DONTWAIT).is_ok() {}
            tracing::debug!("the network changed");
            if !ring() {
                return Ok(());
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn on_clock_jump(_: &mut dyn FnMut() -> bool) {}

    pub(super) fn on_network_change(_: &mut dyn FnMut() -> bool) -> Result<(), String> {
        Err("ringback asks for it on Linux only".into())
    }
}
