//! `spawn [--times N] -- NAME COMMAND... --- NAME COMMAND...`: times whole processes, from the start to the exit. The
//! commands take turns, so that all of them see the same machine. Prints JSON, in microseconds.

use std::process::{Command, Stdio};
use std::time::Instant;

use ringback_compare::args::Args;
use ringback_compare::{Outcome, stats};

/// Runs that are not counted: they fill the page cache.
const WARM_UP: usize = 5;

struct Timed<'a> {
    name: &'a str,
    command: &'a [String],
    times: Vec<u64>,
}

fn main() -> Outcome {
    let args = Args::read(&["times"], &[])?;
    let times: usize = args.number("times", 100)?;
    let mut commands = Vec::new();
    for words in args.rest().split(|word| word == "---") {
        let (name, command) =
            words.split_first().filter(|(_, command)| !command.is_empty()).ok_or("an empty command")?;
        commands.push(Timed { name, command, times: Vec::with_capacity(times) });
    }
    for run in 0..WARM_UP + times {
        for one in &mut commands {
            let took = once(one.command)?;
            if run >= WARM_UP {
                one.times.push(took);
            }
        }
    }
    let lines: Vec<String> = commands
        .iter_mut()
        .map(|Timed { name, times, .. }| {
            times.sort_unstable();
            let (median, p90, least) = (stats::at(times, 0.5), stats::at(times, 0.9), stats::at(times, 0.0));
            format!("  \"{name}\": {{\"median_us\": {median}, \"p90_us\": {p90}, \"min_us\": {least}}}")
        })
        .collect();
    println!("{{\n{}\n}}", lines.join(",\n"));
    Ok(())
}

/// How long one run took, in microseconds.
fn once(command: &[String]) -> Outcome<u64> {
    let (program, words) = command.split_first().ok_or("an empty command")?;
    let mut run = Command::new(program);
    run.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    let began = Instant::now();
    let status = run.status().map_err(|error| format!("{program}: {error}"))?;
    let took = began.elapsed();
    if !status.success() {
        return Err(format!("{program}: {status}").into());
    }
    Ok(u64::try_from(took.as_micros())?)
}
