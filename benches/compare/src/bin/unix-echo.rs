//! `unix-echo --head FILE --body FILE --unix PATH [--tcp ADDRESS]`: no HTTP library. It reads until an empty line, and
//! writes the fixed bytes.

use std::io;

use bytes::Bytes;
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed::{self, Fixed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};

/// Longer than any request here.
const LONGEST: usize = 16 * 1024;

fn main() -> Outcome {
    let args = Args::read(&fixed::OPTIONS, &[])?;
    let reply = Fixed::read(&args)?.raw;
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

async fn accept_tcp(listener: TcpListener, reply: Bytes) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, reply.clone()));
    }
}

async fn accept_unix(listener: UnixListener, reply: Bytes) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream, reply.clone()));
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, reply: Bytes) -> io::Result<()> {
    let mut request = vec![0; LONGEST];
    let mut read = 0;
    while read < request.len() {
        match stream.read(&mut request[read..]).await? {
            0 => break,
            more => read += more,
        }
        if request[..read].ends_with(b"\r\n\r\n") {
            stream.write_all(&reply).await?;
            read = 0;
        }
    }
    Ok(())
}
