//! The signals that end a process.

use std::io;
use std::task::Poll;

use tokio::signal::unix::{SignalKind, signal};

/// One of them.
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
    /// The exit code by which shells tell of it: 128 and its number.
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

/// Ready, with the signal that came, when the process is told to end by one of `signals`. From this call on, and not only
/// once it is polled, these no longer kill. Needs a tokio runtime around it.
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
