//! By which a TCP connection is noticed whose other end is gone without a word.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

/// How long a connection may be silent before the other end is asked for a sign of life. No packet of HTTP goes out for it.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// The time between two such questions that are not answered, and after how many the connection is given up.
const AGAIN: (Duration, u32) = (Duration::from_secs(15), 3);
/// How long what was sent may wait for its acknowledgement (`TCP_USER_TIMEOUT`, RFC 5482).
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// For all connections that `tcp` makes from now on.
pub(crate) fn notice_dead_peers<R>(tcp: &mut HttpConnector<R>) {
    let (interval, retries) = AGAIN;
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(interval));
    tcp.set_keepalive_retries(Some(retries));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}
