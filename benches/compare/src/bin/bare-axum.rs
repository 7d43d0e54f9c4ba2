//! `bare-axum --head FILE --body FILE [--tcp ADDRESS] [--unix PATH]`: a router with one route, which gives the fixed
//! reply, under `axum::serve`.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed::{self, Fixed};

fn main() -> Outcome {
    let args = Args::read(&fixed::OPTIONS, &[])?;
    let router = Router::new().route("/token", get(answer)).with_state(Fixed::read(&args)?);
    fixed::runtime()?.block_on(async {
        let (tcp, unix) = fixed::bind(&args).await?;
        let on_tcp = tcp.map(|listener| {
            let listener = listener.tap_io(|stream| {
                let _ = stream.set_nodelay(true);
            });
            tokio::spawn(axum::serve(listener, router.clone()).into_future())
        });
        let on_unix = unix.map(|listener| tokio::spawn(axum::serve(listener, router).into_future()));
        for listening in [on_tcp, on_unix].into_iter().flatten() {
            listening.await??;
        }
        Ok(())
    })
}

async fn answer(State(reply): State<Fixed>) -> (HeaderMap, Bytes) {
    (reply.headers, reply.body)
}
