//! CPU time of a process, from `/proc`.

use crate::Outcome;

/// `USER_HZ`, which is 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of all threads so far, in seconds. `pid` may be `self`.
pub fn seconds(pid: &str) -> Outcome<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The program's name comes before, in parentheses, and may have spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("an unreadable /proc/PID/stat")?;
    let ticks = |at: usize| fields.split_whitespace().nth(at).and_then(|field| field.parse::<f64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or("an unreadable /proc/PID/stat")?;
    Ok((user + system) / TICKS_PER_SECOND)
}
