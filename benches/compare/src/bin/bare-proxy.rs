//! `bare-proxy --tcp ADDRESS --upstream http://HOST:PORT --token-file FILE`: the least that a reverse proxy does, with axum
//! and reqwest: it puts the token in place of the client's `Authorization`, takes the header lines of one hop out, and passes
//! bodies on as they come.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed;

const OF_ONE_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::UPGRADE];

struct Upstream {
    client: reqwest::Client,
    origin: String,
    authorization: HeaderValue,
}

fn main() -> Outcome {
    let args = Args::read(&["tcp", "upstream", "token-file"], &[])?;
    let token = std::fs::read_to_string(args.need("token-file")?)?;
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).redirect(reqwest::redirect::Policy::none());
    let upstream = Upstream {
        client: client.build()?,
        origin: args.need("upstream")?.to_owned(),
        authorization: HeaderValue::from_str(&format!("Bearer {}", token.trim()))?,
    };
    let router = Router::new().fallback(forward).with_state(Arc::new(upstream));
    fixed::runtime()?.block_on(async {
        let (tcp, _) = fixed::bind(&args).await?;
        let listener = tcp.ok_or("--tcp is missing")?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, router).await?)
    })
}

async fn forward(State(to): State<Arc<Upstream>>, request: Request) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let url = format!("{}{path}", to.origin);
    pass_on(&mut head.headers);
    head.headers.remove(header::HOST);
    head.headers.insert(header::AUTHORIZATION, to.authorization.clone());
    let mut request = to.client.request(head.method, url).headers(head.headers);
    if !body.is_end_stream() {
        request = request.body(reqwest::Body::wrap(Shared(Mutex::new(body))));
    }
    let Ok(reply) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut reply = Response::from(reply).map(Body::new);
    pass_on(reply.headers_mut());
    reply
}

fn pass_on(headers: &mut HeaderMap) {
    for name in OF_ONE_HOP {
        headers.remove(name);
    }
}

/// A body that threads may share, as reqwest wants it. Nobody locks it.
struct Shared(Mutex<Body>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(self.0.get_mut().unwrap_or_else(PoisonError::into_inner)).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_ok_and(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().map(|body| body.size_hint()).unwrap_or_default()
    }
}
