//! The signals that end a process.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

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
    let mut caught = Vec::with_capacity(N);
    for which in signals {
        caught.push((which, signal(which.kind())?));
    }
    Ok(std::future::poll_fn(move |context| {
        let came = caught.iter_mut().find_map(|(which, signal)| signal.poll_recv(context).is_ready().then_some(*which));
        came.map_or(Poll::Pending, Poll::Ready)
    }))
}
