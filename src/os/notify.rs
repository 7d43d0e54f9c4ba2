//! Notifications on the user's desktop (freedesktop.org's Desktop Notifications, version 1.2), with buttons.

use crate::printable::is_unprintable;

/// Why a notification was not shown, or got no answer.
#[derive(Debug, thiserror::Error)]
#[error("the notification can't be shown ({why})")]
pub(crate) struct Untold {
    why: String,
}

/// A notification. The texts are ringback's own, except for names in them, which [`plain`] makes harmless.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// One line.
    pub(crate) title: String,
    /// One or two sentences. Servers interpret some markup here, so it is escaped before it is sent.
    pub(crate) body: String,
    /// Buttons: the id that is returned, and the label.
    pub(crate) actions: Vec<(&'static str, &'static str)>,
}

/// Longer names are truncated.
const LONGEST: usize = 120;

/// A name that somebody else chose, truncated, and without characters that hide or reorder text.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(|c| !is_unprintable(*c)).take(LONGEST).collect()
}

/// Shows `notice` and waits for a button: returns which one, or `None` if the notification was closed without one.
/// Dropping the future closes the notification.
#[cfg(target_os = "linux")]
pub(crate) async fn ask(notice: &Notice) -> Result<Option<String>, Untold> {
    desktop::ask(notice).await.map_err(|error| Untold { why: error.to_string() })
}

/// This system has no such desktop.
#[cfg(not(target_os = "linux"))]
pub(super) async fn ask(_: &Notice) -> Result<Option<String>, Untold> {
    Err(Untold { why: "this system has none".into() })
}

#[cfg(target_os = "linux")]
mod desktop {
    use std::collections::HashMap;
    use std::pin::Pin;

    use zbus::export::futures_core::Stream as _;
    use zbus::zvariant::Value;
    use zbus::{Connection, Proxy, Result};

    use super::Notice;

    const NAME: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";

    pub(super) async fn ask(notice: &Notice) -> Result<Option<String>> {
        let bus = Connection::session().await?;
        let server = Proxy::new(&bus, NAME, PATH, NAME).await?;
        // Subscribed before anything is shown, so that no answer is missed.
        let mut signals = server.receive_all_signals().await?;
        let actions: Vec<&str> = notice.actions.iter().flat_map(|(id, label)| [*id, *label]).collect();
        let hints = HashMap::from([("urgency", Value::U8(2)), ("desktop-entry", Value::from("ringback"))]);
        let shown: u32 = server
            .call(
                "Notify",
                &("ringback", 0_u32, "dialog-password", &notice.title, escaped(&notice.body), actions, hints, 0_i32),
            )
            .await?;
        let mut screen = OnScreen { bus: bus.clone(), shown: Some(shown) };
        while let Some(signal) = std::future::poll_fn(|context| Pin::new(&mut signals).poll_next(context)).await {
            let header = signal.header();
            match header.member().map(zbus::names::MemberName::as_str) {
                Some("ActionInvoked") => {
                    let (id, action): (u32, String) = signal.body().deserialize()?;
                    if id == shown {
                        return Ok(Some(action));
                    }
                }
                Some("NotificationClosed") => {
                    let (id, _): (u32, u32) = signal.body().deserialize()?;
                    if id == shown {
                        screen.shown = None;
                        return Ok(None);
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn escaped(text: &str) -> String {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    }

    /// A notification that is closed when dropped.
    struct OnScreen {
        bus: Connection,
        shown: Option<u32>,
    }

    impl Drop for OnScreen {
        fn drop(&mut self) {
            if let (Some(id), Ok(runtime)) = (self.shown, tokio::runtime::Handle::try_current()) {
                let bus = self.bus.clone();
                runtime.spawn(async move {
                    _ = bus.call_method(Some(NAME), PATH, Some(NAME), "CloseNotification", &(id)).await;
                });
            }
        }
    }
}
