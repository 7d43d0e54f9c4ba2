//! The HTTP server: translates between programs and browsers outside and the broker inside.
//!
//! # Floors
//! From the outside in; each knows only those below it.
//!
//! | module | job |
//! | --- | --- |
//! | [`listen`] | sockets, peers, deadlines, the cap on connections, the end |
//! | [`gate`] | one layer that every request passes: may it, and what every reply carries |
//! | `router` | joins the route table ([`crate::routes`]) with the handlers |
//! | [`api`], `apps`, [`pages`], [`fragment`] | handlers: for programs, for who owns them, for the browser |
//! | [`reject`] | how an error looks on the wire |
//!
//! None of them decides anything about tokens: that is the broker's.

pub mod api;
mod apps;
mod audited;
pub mod body;
pub mod callback_listener;
mod consent;
mod cookies;
mod events;
pub mod fragment;
pub mod gate;
mod head;
pub mod listen;
mod log_limit;
pub mod pages;
pub mod query;
mod question_page;
pub mod reject;
mod router;
pub mod session;
mod status_page;
mod waiting;

#[cfg(test)]
mod docs_test;

use tracing::Instrument as _;

use crate::apps::Apps;
use crate::apps::consent::Consents;
use crate::audit::AuditLog;
use crate::broker::handle::Broker;
use crate::clock::Clock;
use crate::error::Error;

pub use consent::show_questions;
pub use gate::Gate;
pub use log_limit::LogLimit;
use reject::Reject;
pub use router::{callback_router, router};
use session::Sessions;
pub use waiting::Waiting;

/// What the handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    /// Whom they ask.
    pub broker: Broker,
    /// Who may ask with a key.
    pub apps: Apps,
    /// Where it is written down who asked.
    pub audit: AuditLog,
    /// Whether a program may have a token, where the user is asked.
    pub consents: Consents,
    /// Sessions of the status page.
    pub sessions: Sessions,
    /// Where a browser reaches the daemon, such as `http://127.0.0.1:7464`; `None`: it can't.
    pub own_origin: Option<String>,
    /// Whether the system tells which local user is behind a TCP connection.
    pub tells_users: bool,
    /// For the spans of time that pages tell.
    pub clock: Clock,
    /// How many may wait or listen to events at once.
    pub waiting: Waiting,
}

/// Runs `work` to its end even if the caller leaves, which drops the handler: for what spends something
/// that works once, such as a code.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Reject> {
    let gone = |_| Reject(Error::Internal { what: "a request did not come to its end".into() });
    tokio::spawn(work.in_current_span()).await.map_err(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::listen::{ConnectionLimits, Server, bind_tcp};
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tower_http::catch_panic::CatchPanicLayer;

    async fn panics() {
        panic!("canary")
    }

    async fn fails() -> Reject {
        let account = "work".into();
        Reject(Error::LoginRequired { account, why: "nobody has logged in".into() })
    }

    /// Over a real socket: what hyper sends has to have the right length.
    async fn ask(path: &str) -> String {
        let inner = Router::new().route("/panics", get(panics)).route("/fails", get(fails));
        let inner = inner.layer(CatchPanicLayer::custom(reject::panicked));
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.tcp_address().unwrap();
        let _open = Server::new(ConnectionLimits::default()).spawn(
            listener,
            gate::guard(
                inner,
                Gate::new(crate::apps::tests::fresh().0, AuditLog::default(), Sessions::default(), Clock::System),
            ),
        );
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply.replace(&address.to_string(), "HOST")
    }

    #[tokio::test(start_paused = true)]
    async fn what_spends_something_goes_on_when_the_caller_leaves() {
        let second = std::time::Duration::from_secs(1);
        let (done, finished) = tokio::sync::oneshot::channel();
        let work = async move {
            tokio::time::sleep(second).await;
            done.send(()).unwrap();
        };
        assert!(tokio::time::timeout(second / 2, to_the_end(work)).await.is_err());
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn an_error_arrives_whole() {
        let reply = ask("/fails").await;
        assert!(reply.starts_with("HTTP/1.1 428 "), "{reply}");
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(body.ends_with(r#""login_url":"http://HOST/v1/accounts/work/login"}"#), "{body}");
        assert_eq!(head.matches("content-length").count(), 1, "{head}");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let reply = ask("/panics").await;
        assert!(reply.starts_with("HTTP/1.1 500 ") && reply.contains(r#""error":"internal""#), "{reply}");
        assert!(!reply.contains("canary"), "{reply}");
    }
}
