//! `bare-proxy --tcp ADDRESS --upstream http://HOST:PORT --token-file FILE [--hyper]`: the least that a reverse proxy does,
//! with axum and reqwest, or with axum and the client of hyper below it: it puts the token in place of the client's
//! `Authorization`, takes the header lines of one hop out, and passes bodies on as they come.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed;

const OF_ONE_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::TE, header::TRAILER, header::UPGRADE];

enum Client {
    Reqwest(reqwest::Client),
    Hyper(legacy::Client<HttpConnector, Body>),
}

struct Upstream {
    client: Client,
    origin: String,
    authorization: HeaderValue,
}

fn main() -> Outcome {
    let args = Args::read(&["tcp", "upstream", "token-file"], &["hyper"])?;
    let token = std::fs::read_to_string(args.need("token-file")?)?;
    let upstream = Upstream {
        client: if args.has("hyper") { hyper() } else { reqwest()? },
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

fn reqwest() -> Outcome<Client> {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).redirect(reqwest::redirect::Policy::none());
    Ok(Client::Reqwest(client.build()?))
}

fn hyper() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::Hyper(legacy::Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector))
}

async fn forward(State(to): State<Arc<Upstream>>, request: Request) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let url = format!("{}{path}", to.origin);
    pass_on(&mut head.headers);
    head.headers.remove(header::HOST);
    head.headers.insert(header::AUTHORIZATION, to.authorization.clone());
    let reply = match &to.client {
        Client::Reqwest(client) => by_reqwest(client, url, head, body).await,
        Client::Hyper(client) => by_hyper(client, url, head, body).await,
    };
    let Some(mut reply) = reply else { return StatusCode::BAD_GATEWAY.into_response() };
    pass_on(reply.headers_mut());
    reply
}

async fn by_reqwest(client: &reqwest::Client, url: String, head: Parts, body: Body) -> Option<Response<Body>> {
    let mut request = client.request(head.method, url).headers(head.headers);
    if !body.is_end_stream() {
        request = request.body(reqwest::Body::wrap(Shared(Mutex::new(body))));
    }
    Some(Response::from(request.send().await.ok()?).map(Body::new))
}

async fn by_hyper(
    client: &legacy::Client<HttpConnector, Body>,
    url: String,
    mut head: Parts,
    body: Body,
) -> Option<Response<Body>> {
    head.uri = Uri::try_from(url).ok()?;
    Some(client.request(Request::from_parts(head, body)).await.ok()?.map(Body::new))
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
