//! A temporary app: its key works as long as the connection is open by which it was requested.

use std::time::Duration;

use zeroize::Zeroize as _;

use crate::body;
use crate::contract::{AppReply, TemporaryAppMade};
use crate::error::Error;
use crate::secret::AppKey;
use crate::stream::{BodyStream, StreamRequest};
use crate::transport::DaemonAddress;

/// The daemon sends something every 60 s; a silence of this length means that it no longer works.
const SILENCE: Duration = Duration::from_secs(180);

/// An app whose key stops working when this is dropped, or when this process ends in whatever way.
pub struct TemporaryApp {
    /// The app.
    pub app: AppReply,
    /// Its key.
    pub key: AppKey,
    /// Where the key is accepted.
    pub url: String,
    stream: BodyStream,
}

impl std::fmt::Debug for TemporaryApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TemporaryApp").field("app", &self.app).field("url", &self.url).finish_non_exhaustive()
    }
}

impl TemporaryApp {
    pub(crate) fn open(daemon: &DaemonAddress, agent: &'static str, body: &[u8]) -> Result<Self, Error> {
        let (method, target) = ("POST", "/v1/temporary-apps");
        let (accept, last_event_id) = ("application/json", None);
        let asked = StreamRequest { method, target, accept, agent, last_event_id, body: Some(body) };
        let mut stream = BodyStream::open(daemon, &asked, SILENCE)?;
        let line = stream.until(b"\n")?;
        let mut made: TemporaryAppMade = body::read(&line)?;
        let key = AppKey::new(made.key.as_str());
        made.key.zeroize();
        Ok(Self { app: made.app, key, url: made.url, stream })
    }

    /// Waits until the key no longer works because the daemon has ended; returns how that showed.
    pub fn wait_for_end(&mut self) -> Error {
        loop {
            if let Err(error) = self.stream.until(b"\n") {
                return error;
            }
        }
    }
}
