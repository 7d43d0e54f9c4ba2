//! A sandbox in a thread of its own, for tests with and without a runtime.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::options::Options;
use crate::sandbox::{Facts, bind};

/// A sandbox that answers in the background, until it is dropped.
///
/// It has a thread and a runtime of its own, so a test needs no runtime for it. Each has its own port and
/// its own state: tests that run side by side start one each.
pub struct RunningSandbox {
    address: SocketAddr,
    facts: Facts,
    /// Nothing is sent: dropping it is the signal.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RunningSandbox {
    /// Starts a sandbox. With [`Options::port`] 0, the default, it takes any free port of 127.0.0.1. It accepts
    /// connections when this returns.
    ///
    /// # Errors
    /// The port is taken, [`Options::client_secret_file`] can't be read, or the system has no thread or file
    /// descriptor left.
    pub fn start(options: &Options) -> io::Result<Self> {
        let options = options.clone();
        let (stop, stopped) = oneshot::channel();
        let (started, starting) = mpsc::channel();
        let run = move || {
            // The caller may be on a runtime already, and there `block_on` would panic.
            let bound = Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let sandbox = runtime.block_on(bind(&options))?;
                Ok((runtime, sandbox))
            });
            let told = bound.as_ref().map(|(_, sandbox)| (sandbox.address(), sandbox.facts()));
            let told = told.map_err(|error| io::Error::new(error.kind(), error.to_string()));
            if started.send(told).is_ok()
                && let Ok((runtime, sandbox)) = bound
            {
                // A failed accept loop shows up in the test's own requests.
                drop(runtime.block_on(sandbox.run(async { drop(stopped.await) })));
            }
        };
        let thread = Some(thread::Builder::new().name("ringback-sandbox".into()).spawn(run)?);
        // Without an answer, the thread panicked.
        let (address, facts) = starting.recv().map_err(io::Error::other)??;
        Ok(Self { address, facts, stop: Some(stop), thread })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings that an app needs to use it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Drop for RunningSandbox {
    /// Cuts the open connections and waits until the port is free again.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has failed a request of the test by now.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for RunningSandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSandbox").field("facts", &self.facts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn it_accepts_connections_until_it_is_dropped_and_then_the_port_is_free() {
        let sandbox = RunningSandbox::start(&Options::default()).unwrap();
        let other = RunningSandbox::start(&Options::default()).unwrap();
        let address = sandbox.address();
        assert_ne!(address, other.address());
        assert_eq!(sandbox.facts().base_url, format!("http://{address}"));
        assert!(!format!("{sandbox:?}").contains("practice-secret"), "{sandbox:?}");
        let open = TcpStream::connect(address).unwrap();
        drop(sandbox);
        assert!(TcpStream::connect(address).is_err());
        drop(open);
        assert!(TcpStream::connect(other.address()).is_ok());
    }

    #[tokio::test]
    async fn it_can_be_started_and_dropped_on_a_runtime() {
        let sandbox = RunningSandbox::start(&Options::default()).unwrap();
        assert!(tokio::net::TcpStream::connect(sandbox.address()).await.is_ok());
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let first = RunningSandbox::start(&Options::default()).unwrap();
        let options = Options { port: first.address().port(), ..Options::default() };
        assert_eq!(RunningSandbox::start(&options).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
