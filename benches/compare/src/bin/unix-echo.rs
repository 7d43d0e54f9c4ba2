//! `unix-echo --head FILE --body FILE --unix PATH [--tcp ADDRESS]`: no HTTP library. It reads until an empty line, and
//! writes the fixed bytes.

use std::io;

use bytes::Bytes;
use ringback_compare::Outcome;
use ringback_compare::args::Args;
use ringback_compare::fixed::{self, Answers, Fixed};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Longer than any request here.
const LONGEST: usize = 16 * 1024;

#[derive(Clone)]
struct Echo(Bytes);

fn main() -> Outcome {
    let args = Args::read(&fixed::OPTIONS, &[])?;
    let server = Echo(Fixed::read(&args)?.raw);
    fixed::runtime()?.block_on(fixed::accept(&args, server))
}

impl Answers for Echo {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // A client that leaves in the middle is none of our business.
        let _ = answer(stream, &self.0).await;
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: &[u8]) -> io::Result<()> {
    let mut request = vec![0; LONGEST];
    let mut read = 0;
    while read < request.len() {
        match stream.read(&mut request[read..]).await? {
            0 => break,
            more => read += more,
        }
        if request[..read].ends_with(b"\r\n\r\n") {
            stream.write_all(reply).await?;
            read = 0;
        }
    }
    Ok(())
}
