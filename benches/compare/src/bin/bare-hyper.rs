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
use ringback_compare::fixed::{self, Fixed};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

fn main() -> Outcome {
    let args = Args::read(&fixed::OPTIONS, &[])?;
    let reply = Fixed::read(&args)?;
    fixed::runtime()?.block_on(async {
        let (tcp, unix) = fixed::bind(&args).await?;
        let on_tcp = tcp.map(|listener| tokio::spawn(accept_tcp(listener, reply.clone())));
        let on_unix = unix.map(|listener| tokio::spawn(accept_unix(listener, reply)));
        for listening in [on_tcp, on_unix].into_iter().flatten() {
            listening.await??;
        }
        Ok(())
    })
}

async fn accept_tcp(listener: TcpListener, reply: Fixed) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, reply.clone()));
    }
}

async fn accept_unix(listener: UnixListener, reply: Fixed) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, reply.clone()));
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, reply: Fixed) {
    let service = service_fn(|request| {
        let answer = answer(&request, &reply);
        async { Ok::<_, Infallible>(answer) }
    });
    // A client that leaves in the middle is none of our business.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
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
