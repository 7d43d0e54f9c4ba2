//! Notifies the service manager of the daemon's state (`sd_notify(3)`), if it has asked for that.

/// Reports that the daemon serves.
pub(crate) fn ready() {
    system::tell_ready();
}

/// Reports that the daemon is about to end.
pub(crate) fn stopping() {
    system::tell_stopping();
}

#[cfg(target_os = "linux")]
mod system {
    use sd_notify::NotifyState;

    pub(super) fn tell_ready() {
        tell(NotifyState::Ready);
    }

    pub(super) fn tell_stopping() {
        tell(NotifyState::Stopping);
    }

    fn tell(state: NotifyState<'_>) {
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!("the service manager was not notified: {error}");
        }
    }
}

/// systemd is a part of Linux; other service managers consider a process ready once it runs.
#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn tell_ready() {}

    pub(super) fn tell_stopping() {}
}
