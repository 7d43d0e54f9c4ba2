//! Watcher for what timers don't notice: resume from sleep, a clock that was set, and a network that changed. The
//! accounts then look at the clocks again, and retry what they could not reach.

use tokio::sync::watch;

use crate::os;

/// Notified after every resume, clock jump and change of the network. The threads sleep in the kernel, so an idle
/// daemon is never woken for it.
pub fn watch() -> watch::Receiver<()> {
    let (bell, heard) = watch::channel(());
    let clock = bell.clone();
    listen("wakeups", move || os::wakeups::on_clock_jump(|| ring(&clock)));
    listen("network", move || {
        if let Err(why) = os::wakeups::on_network_change(|| ring(&bell)) {
            tracing::info!("a network that is back will be noticed late: {why}");
        }
    });
    heard
}

/// Rings, as long as anybody hears it.
fn ring(bell: &watch::Sender<()>) -> bool {
    bell.send(()).is_ok()
}

/// Threads and not tasks: tokio's way to wait for a foreign file descriptor needs `unsafe`.
fn listen(name: &'static str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).stack_size(64 * 1024).spawn(work) {
        tracing::warn!("resume from sleep and the return of the network will be noticed late: {error}");
    }
}
