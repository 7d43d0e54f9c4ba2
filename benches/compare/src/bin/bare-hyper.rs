//! `bare-hyper --head FILE --body FILE [--tcp ADDRESS] [--unix PATH]`: hyper alone. It compares method and path, and
//! gives the fixed reply.

use std::convert::Infallible;

use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed::{self, Answers, Fixed};
use tokio::io::{AsyncRead, AsyncWrite};

#[derive(Clone)]
struct BareHyper(Fixed);

fn main() -> Outcome {
    let args = Args::read(&fixed::OPTIONS, &[])?;
    let server = BareHyper(Fixed::read(&args)?);
    fixed::runtime()?.block_on(fixed::accept(&args, server))
}

impl Answers for BareHyper {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| {
            let answer = answer(&request, &self.0);
            async { Ok::<_, Infallible>(answer) }
        });
        // A client that leaves in the middle is none of our business.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

fn answer(request: &Request<Incoming>, reply: &Fixed) -> Response<Full<Bytes>> {
    let found = request.method() == Method::GET && request.uri().path() == "/token";
    let mut response = Response::new(Full::new(if found { reply.body.clone() } else { Bytes::new() }));
    if found {
        response.headers_mut().clone_from(&reply.headers);
    } else {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}
