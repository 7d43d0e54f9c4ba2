//! Long replies and long uploads, each on a connection of its own:
//!
//! ```text
//! stream --tcp 127.0.0.1:7464           where to
//!        --path /events                 what to ask for
//!        [--header-file FILE]           more header lines, such as the key (not in argv)
//!        [--connections N]              at the same time (1)
//!        [--times N]                    one after another on each place (1)
//!        [--seconds S]                  how long to read what has no end; 0: until its first byte (0)
//!        [--upload BYTES]               a POST with so many
//! ```
//!
//! Prints one line of JSON: the median time until the first byte of a body, counted from the first byte of the request, and
//! how many bytes arrived. A reply that breaks off, or is no 200, is an error.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringback_compare::args::Args;
use ringback_compare::{Outcome, stats};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

const CHUNK: usize = 64 * 1024;

struct Plan {
    address: SocketAddr,
    head: Vec<u8>,
    upload: usize,
    times: usize,
    reading: Duration,
}

/// What one place has seen.
#[derive(Default)]
struct Seen {
    first_bytes: Vec<u32>,
    bytes: u64,
    fewest: Option<u64>,
}

fn main() -> Outcome {
    let names = ["tcp", "path", "header-file", "connections", "times", "seconds", "upload"];
    let args = Args::read(&names, &[])?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(streams(&args))
}

async fn streams(args: &Args) -> Outcome {
    let address: SocketAddr = args.need("tcp")?.parse()?;
    let upload: usize = args.number("upload", 0)?;
    let plan = Arc::new(Plan {
        address,
        head: head(args, address, upload)?,
        upload,
        times: args.number("times", 1)?,
        reading: Duration::try_from_secs_f64(args.number("seconds", 0.0)?)?,
    });
    let mut places = JoinSet::new();
    for _ in 0..args.number("connections", 1)? {
        let plan = Arc::clone(&plan);
        places.spawn(async move {
            let mut seen = Seen::default();
            for _ in 0..plan.times {
                one(&plan, &mut seen).await?;
            }
            io::Result::Ok(seen)
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = places.join_next().await {
        let seen = seen??;
        all.first_bytes.extend(seen.first_bytes);
        all.bytes += seen.bytes;
        all.fewest = all.fewest.into_iter().chain(seen.fewest).min();
    }
    all.first_bytes.sort_unstable();
    let us = |share| f64::from(stats::at(&all.first_bytes, share)) / 1000.0;
    println!(
        "{{\"streams\": {}, \"first_byte_us\": {:.1}, \"first_byte_p99_us\": {:.1}, \"bytes\": {}, \"fewest_bytes\": {}}}",
        all.first_bytes.len(),
        us(0.5),
        us(0.99),
        all.bytes,
        all.fewest.unwrap_or_default()
    );
    Ok(())
}

fn head(args: &Args, address: SocketAddr, upload: usize) -> Outcome<Vec<u8>> {
    let method = if upload > 0 { "POST" } else { "GET" };
    let mut text = format!("{method} {} HTTP/1.1\r\nhost: {address}\r\n", args.need("path")?);
    if upload > 0 {
        text.extend(["content-length: ", &upload.to_string(), "\r\n"]);
    }
    if let Some(file) = args.get("header-file") {
        for line in std::fs::read_to_string(file)?.lines().filter(|line| !line.is_empty()) {
            text += line;
            text += "\r\n";
        }
    }
    Ok((text + "\r\n").into_bytes())
}

/// One request and what is read of its reply.
async fn one(plan: &Plan, seen: &mut Seen) -> io::Result<()> {
    let mut stream = TcpStream::connect(plan.address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; CHUNK];
    let began = Instant::now();
    stream.write_all(&plan.head).await?;
    let mut left = plan.upload;
    while left > 0 {
        let next = left.min(CHUNK);
        stream.write_all(&buffer[..next]).await?;
        left -= next;
    }
    let mut reply = Vec::new();
    let (body_at, length) = loop {
        reply.extend_from_slice(some(&mut stream, &mut buffer).await?);
        match body(&reply)? {
            Some((at, length)) if reply.len() > at => break (at, length),
            _ => {}
        }
    };
    seen.first_bytes.push(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
    let mut bytes = (reply.len() - body_at) as u64;
    let until = Instant::now() + plan.reading;
    while length.is_none_or(|length| bytes < length) {
        match timeout_at(until, some(&mut stream, &mut buffer)).await {
            Ok(part) => bytes += part?.len() as u64,
            Err(_) if length.is_none() => break,
            Err(_) => return Err(io::Error::other(format!("only {bytes} bytes in time"))),
        }
        if length.is_none() && Instant::now() >= until {
            break;
        }
    }
    seen.bytes += bytes;
    seen.fewest = seen.fewest.into_iter().chain([bytes]).min();
    Ok(())
}

async fn some<'a>(stream: &mut TcpStream, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    match stream.read(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(&buffer[..count]),
    }
}

/// Where the body begins, and its length, if that was said.
fn body(reply: &[u8]) -> io::Result<Option<(usize, Option<u64>)>> {
    let Some(end) = reply.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&reply[..end]).map_err(io::Error::other)?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(io::Error::other(head.lines().next().unwrap_or_default().to_owned()));
    }
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|(_, value)| value.trim().parse()).transpose().map_err(io::Error::other)?;
    Ok(Some((end + 4, length)))
}

#[cfg(test)]
mod tests {
    use super::body;

    #[test]
    fn a_body_begins_after_a_head_that_says_200() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx").unwrap(), Some((38, Some(5))));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\na: b\r\n\r\n").unwrap(), Some((25, None)));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\na: b\r\n").unwrap(), None);
        assert!(body(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }
}
