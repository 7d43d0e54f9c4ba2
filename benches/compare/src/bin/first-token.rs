//! `first-token --socket PATH [--limit SECONDS] -- COMMAND...`: starts a daemon and asks on its socket until it gets a
//! token. Prints one line of JSON with the time since the start and the daemon's pid, and ends when the daemon does.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ringback_compare::args::Args;
use ringback_compare::{Outcome, client};

const PAUSE: Duration = Duration::from_micros(100);

fn main() -> Outcome {
    let args = Args::read(&["socket", "limit"], &[])?;
    let socket = Path::new(args.need("socket")?);
    let limit = Duration::from_secs(args.number("limit", 10)?);
    let (program, words) = args.rest().split_first().ok_or("no command after `--`")?;
    let began = Instant::now();
    let mut daemon = Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    loop {
        let asked = client::token(socket);
        let took = began.elapsed();
        match asked {
            Ok(_) => {
                println!("{{\"us\": {}, \"pid\": {}}}", took.as_micros(), daemon.id());
                break;
            }
            Err(error) if took > limit => {
                daemon.kill()?;
                daemon.wait()?;
                return Err(format!("no token within {limit:?}: {error}").into());
            }
            Err(_) => {}
        }
        if let Some(status) = daemon.try_wait()? {
            return Err(format!("the daemon ended early: {status}").into());
        }
        sleep(PAUSE);
    }
    let status = daemon.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the daemon ended with {status}").into()) }
}
