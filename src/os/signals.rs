//! The signals that end a process.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndSignal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGQUIT: Ctrl-\.
    Quit,
    /// SIGTERM.
    Terminate,
}

impl EndSignal {
    /// The exit code that shells use for it: 128 plus its number.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }

    fn kind(self) -> SignalKind {
        match self {
            Self::Interrupt => SignalKind::interrupt(),
            Self::Quit => SignalKind::quit(),
            Self::Terminate => SignalKind::terminate(),
        }
    }
}

/// Completes with the signal when one of `signals` tells the process to end. From this call on, and not only once the
/// future is polled, these signals no longer kill. Needs a tokio runtime around it.
pub(crate) fn end<const N: usize>(signals: [EndSignal; N]) -> io::Result<impl Future<Output = EndSignal>> {
    let mut caught = Caught::new(signals.into_iter().map(|which| (which, which.kind())))?;
    Ok(async move { caught.next().await })
}

/// Signals that are caught, each with what its catcher calls it.
pub(super) struct Caught<T>(Vec<(T, Signal)>);

impl<T: Copy> Caught<T> {
    /// From here on they no longer kill. Needs a tokio runtime around it.
    pub(super) fn new(signals: impl IntoIterator<Item = (T, SignalKind)>) -> io::Result<Self> {
        let caught = signals.into_iter().map(|(which, kind)| Ok((which, signal(kind)?)));
        caught.collect::<io::Result<_>>().map(Self)
    }

    /// Completes when one of them comes. Cancel-safe.
    pub(super) async fn next(&mut self) -> T {
        std::future::poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(which, signal)| signal.poll_recv(context).is_ready().then_some(*which));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
