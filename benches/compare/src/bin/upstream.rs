//! `upstream --tcp ADDRESS --token-file FILE`: the API behind the proxies. It wants the token as `Authorization: Bearer`, and
//! has four routes:
//!
//! ```text
//! /small       a few hundred bytes
//! /bytes/N     N bytes
//! /events      server-sent events without an end: the first at once, then one each 20 ms
//! /sink        takes a body, and says how long it was
//! ```

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed::{self, Answers};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, interval};

const BETWEEN_EVENTS: Duration = Duration::from_millis(20);
const EVENT: &[u8] = b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
/// As hyper reads and writes, roughly.
const CHUNK: &[u8] = &[b'x'; 64 * 1024];
const SMALL: usize = 300;

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

#[derive(Clone)]
struct Upstream {
    authorization: Arc<HeaderValue>,
}

fn main() -> Outcome {
    let args = Args::read(&["tcp", "token-file"], &[])?;
    let token = std::fs::read_to_string(args.need("token-file")?)?;
    let authorization = Arc::new(HeaderValue::from_str(&format!("Bearer {}", token.trim()))?);
    fixed::runtime()?.block_on(fixed::accept(&args, Upstream { authorization }))
}

impl Answers for Upstream {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| {
            let upstream = self.clone();
            async move { Ok::<_, Infallible>(upstream.answer(request).await) }
        });
        // A client that leaves in the middle of a stream is what is measured.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

impl Upstream {
    async fn answer(self, request: Request<Incoming>) -> Reply {
        if request.headers().get(header::AUTHORIZATION) != Some(&*self.authorization) {
            return status(StatusCode::UNAUTHORIZED);
        }
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/small" => reply("application/json", Full::new(Bytes::from_static(&CHUNK[..SMALL]))),
            "/events" => reply("text/event-stream", Events(interval(BETWEEN_EVENTS))),
            "/sink" => match taken(request.into_body()).await {
                Some(count) => reply("text/plain", Full::new(count.to_string().into())),
                None => status(StatusCode::BAD_REQUEST),
            },
            path => match path.strip_prefix("/bytes/").and_then(|count| count.parse().ok()) {
                Some(left) => reply("application/octet-stream", Filled { left }),
                None => status(StatusCode::NOT_FOUND),
            },
        }
    }
}

async fn taken(mut body: Incoming) -> Option<u64> {
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        count += frame.ok()?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Some(count)
}

fn reply<B>(kind: &'static str, body: B) -> Reply
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut reply = Response::new(body.boxed_unsync());
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

fn status(status: StatusCode) -> Reply {
    let mut reply = reply("text/plain", Full::new(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

/// Events without an end.
struct Events(Interval);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(cx));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(EVENT)))))
    }
}

/// So many bytes.
struct Filled {
    left: u64,
}

impl Body for Filled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = CHUNK.get(..usize::try_from(self.left).unwrap_or(usize::MAX)).unwrap_or(CHUNK);
        self.left -= next.len() as u64;
        Poll::Ready((!next.is_empty()).then(|| Ok(Frame::data(Bytes::from_static(next)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
