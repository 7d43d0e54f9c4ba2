//! Closed-loop load: each connection sends its next request when it has read the reply to the last one.
//!
//! ```text
//! load --tcp 127.0.0.1:7464 | --unix PATH   where to
//!      [--path /token] [--host NAME]        what to ask for
//!      [--header-file FILE]                 more header lines, such as the key (not in argv)
//!      [--connections N]                    at the same time (1)
//!      [--each]                             a new connection for each request
//!      [--warmup SECONDS] [--seconds S]     0.5 s that don't count, then 3 s that do
//!      [--pid PID]                          the server's, for its CPU time
//! ```
//!
//! Prints one line of JSON. One thread makes the load; its CPU time is printed too, since it shares the machine.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ringback_compare::args::Args;
use ringback_compare::{Outcome, cpu, reply, stats};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// After a connection failed, so as not to spin.
const AFTER_FAILURE: Duration = Duration::from_millis(1);
/// How long the last requests may take. Those that take longer are errors.
const GRACE: Duration = Duration::from_secs(2);
/// Longer than any reply here.
const LONGEST: usize = 64 * 1024;

#[derive(Clone)]
enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

struct Plan {
    request: Vec<u8>,
    each: bool,
    begin: Instant,
    end: Instant,
}

#[derive(Default)]
struct Counted {
    /// Nanoseconds of the requests that ended between `begin` and `end`.
    times: Vec<u32>,
    errors: u64,
    first_error: Option<String>,
}

impl Counted {
    fn failed(&mut self, what: &dyn ToString) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| what.to_string());
    }
}

fn main() -> Outcome {
    let names = ["tcp", "unix", "path", "host", "header-file", "connections", "warmup", "seconds", "pid"];
    let args = Args::read(&names, &["each"])?;
    // One thread: on two cores, it must not take more than its share.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load(&args))
}

async fn load(args: &Args) -> Outcome {
    let target = match (args.get("tcp"), args.get("unix")) {
        (Some(address), None) => Target::Tcp(address.parse()?),
        (None, Some(path)) => Target::Unix(path.into()),
        _ => return Err("one of --tcp and --unix is needed".into()),
    };
    let connections: usize = args.number("connections", 1)?;
    let seconds: f64 = args.number("seconds", 3.0)?;
    let each = args.has("each");
    let request = request(args, &target, each)?;
    let begin = Instant::now() + Duration::try_from_secs_f64(args.number("warmup", 0.5)?)?;
    let end = begin + Duration::try_from_secs_f64(seconds)?;
    let plan = Arc::new(Plan { request, each, begin, end });
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (plan, target) = (Arc::clone(&plan), target.clone());
        match target {
            Target::Tcp(address) => tasks.spawn(async move { requests(&plan, || connect_tcp(address)).await }),
            Target::Unix(path) => {
                tasks.spawn(async move { requests(&plan, || UnixStream::connect(path.clone())).await })
            }
        };
    }
    let pid = args.get("pid");
    let spent = || -> Outcome<_> { Ok((pid.map(cpu::seconds).transpose()?, cpu::seconds("self")?)) };
    sleep_until(begin).await;
    let (before, since) = (spent()?, Instant::now());
    sleep_until(end).await;
    let (after, took) = (spent()?, since.elapsed().as_secs_f64());
    let mut all = Counted::default();
    while let Some(counted) = tasks.join_next().await {
        let mut counted = counted?;
        all.times.append(&mut counted.times);
        all.errors += counted.errors;
        all.first_error = all.first_error.or(counted.first_error);
    }
    all.times.sort_unstable();
    let server = before.0.zip(after.0).map(|(before, after)| after - before);
    println!("{}", json(&all, took, server, after.1 - before.1));
    Ok(())
}

/// The bytes of a request.
fn request(args: &Args, target: &Target, each: bool) -> Outcome<Vec<u8>> {
    let host = match (args.get("host"), target) {
        (Some(host), _) => host.to_owned(),
        (None, Target::Tcp(address)) => address.to_string(),
        (None, Target::Unix(_)) => "localhost".to_owned(),
    };
    let mut text = format!("GET {} HTTP/1.1\r\nhost: {host}\r\n", args.get("path").unwrap_or("/token"));
    if each {
        text += "connection: close\r\n";
    }
    if let Some(file) = args.get("header-file") {
        for line in std::fs::read_to_string(file)?.lines().filter(|line| !line.is_empty()) {
            text += line;
            text += "\r\n";
        }
    }
    text += "\r\n";
    Ok(text.into_bytes())
}

async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends requests until the end, one after another.
async fn requests<S, F>(plan: &Plan, connect: impl Fn() -> F) -> Counted
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = io::Result<S>>,
{
    let mut counted = Counted::default();
    let mut buffer = vec![0; LONGEST];
    let mut open: Option<S> = None;
    let mut cut_off = pin!(sleep_until(plan.end + GRACE));
    loop {
        let began = Instant::now();
        if began >= plan.end {
            return counted;
        }
        let one = async {
            let mut stream = match open.take() {
                Some(stream) => stream,
                None => connect().await?,
            };
            exchange(&mut stream, &plan.request, &mut buffer).await?;
            Ok::<_, io::Error>(stream)
        };
        let done = tokio::select! {
            biased;
            done = one => done,
            () = cut_off.as_mut() => {
                counted.failed(&"no reply until after the end");
                return counted;
            }
        };
        match done {
            Ok(stream) => {
                if !plan.each {
                    open = Some(stream);
                }
                let now = Instant::now();
                if began >= plan.begin && now <= plan.end {
                    counted.times.push(u32::try_from((now - began).as_nanos()).unwrap_or(u32::MAX));
                }
            }
            Err(error) => {
                counted.failed(&error);
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// One request and its reply, which has to be a 200.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    buffer: &mut [u8],
) -> io::Result<()> {
    stream.write_all(request).await?;
    let mut read = 0;
    loop {
        let more = stream.read(&mut buffer[read..]).await?;
        if more == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read += more;
        match reply::head(&buffer[..read]).map_err(io::Error::other)? {
            Some(head) if head.status != 200 => return Err(io::Error::other(format!("status {}", head.status))),
            Some(head) if read == head.end => return Ok(()),
            Some(head) if read > head.end => return Err(io::Error::other("more than one reply")),
            _ => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
fn json(all: &Counted, took: f64, server: Option<f64>, own: f64) -> String {
    let requests = all.times.len();
    let us = |share| f64::from(stats::at(&all.times, share)) / 1000.0;
    let each = |seconds: f64| seconds * 1e6 / requests.max(1) as f64;
    let or_null = |number: Option<f64>| number.map_or("null".to_owned(), |number| format!("{number:.2}"));
    let error = all.first_error.as_deref().map_or("null".to_owned(), |text| format!("{:?}", text.replace('"', "'")));
    format!(
        "{{\"requests\": {requests}, \"per_second\": {:.1}, \"p50_us\": {:.1}, \"p99_us\": {:.1}, \"max_us\": {:.1}, \
         \"errors\": {}, \"first_error\": {error}, \"server_cpu_s\": {}, \"server_cpu_us_per_request\": {}, \
         \"load_cpu_us_per_request\": {:.2}}}",
        requests as f64 / took,
        us(0.5),
        us(0.99),
        us(1.0),
        all.errors,
        or_null(server),
        or_null(server.map(each)),
        each(own)
    )
}
