//! Suspend: systemd-logind announces it on the system bus, and waits a few seconds for programs that asked it to
//! ("delay" inhibitors, systemd.inhibit(5)).

/// Why suspend is not announced.
#[derive(Debug, thiserror::Error)]
#[error("systemd-logind can't be reached ({why})")]
pub(crate) struct NobodyTells {
    why: String,
}

/// Does `work` before each suspend, which is delayed for as long as logind allows (`InhibitDelayMaxSec`, 5 s by
/// default). Returns only if suspend is not announced, or no longer is.
#[cfg(target_os = "linux")]
pub(crate) async fn before_each<Work: Future<Output = ()>>(work: impl Fn() -> Work) -> NobodyTells {
    match logind::before_each(work).await {
        Ok(()) => NobodyTells { why: "it has left the bus".into() },
        Err(error) => NobodyTells { why: error.to_string() },
    }
}

/// There is no logind.
#[cfg(not(target_os = "linux"))]
pub(super) async fn before_each<Work: Future<Output = ()>>(_: impl Fn() -> Work) -> NobodyTells {
    NobodyTells { why: "this system has none".into() }
}

#[cfg(target_os = "linux")]
mod logind {
    use std::pin::Pin;

    use zbus::export::futures_core::Stream as _;
    use zbus::zvariant::OwnedFd;
    use zbus::{Connection, Proxy, Result};

    const NAME: &str = "org.freedesktop.login1";
    const PATH: &str = "/org/freedesktop/login1";
    const INTERFACE: &str = "org.freedesktop.login1.Manager";

    pub(super) async fn before_each<Work: Future<Output = ()>>(work: impl Fn() -> Work) -> Result<()> {
        let bus = Connection::system().await?;
        let logind = Proxy::new(&bus, NAME, PATH, INTERFACE).await?;
        // Subscribed before the inhibitor is taken, so that no suspend is missed.
        let mut signals = logind.receive_signal("PrepareForSleep").await?;
        let mut inhibitor = Some(inhibit(&logind).await?);
        tracing::debug!("systemd-logind will announce suspend");
        while let Some(signal) = std::future::poll_fn(|context| Pin::new(&mut signals).poll_next(context)).await {
            let about_to_sleep: bool = signal.body().deserialize()?;
            if about_to_sleep {
                work().await;
                // Closing it tells logind to go on.
                inhibitor = None;
            } else if inhibitor.is_none() {
                inhibitor = Some(inhibit(&logind).await?);
            }
        }
        Ok(())
    }

    async fn inhibit(logind: &Proxy<'_>) -> Result<OwnedFd> {
        logind.call("Inhibit", &("sleep", "ringback", "to drop the token store's key from memory", "delay")).await
    }
}
