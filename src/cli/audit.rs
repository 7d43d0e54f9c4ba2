//! `ringback audit`: shows the audit log. Reads the files itself, so it works without a daemon.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::command_result::CommandResult;
use super::report::plain;
use super::{config_source, report, signals};
use crate::audit::reader::{LogLine, LogReader};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::clock::Clock;
use crate::config::nearest;
use crate::contract::{AuditEvent, AuditLine};
use crate::os::paths::Paths;

/// Show which program got which token, and which requests were refused
///
/// One line for each token that was handed out or refused, and for everything that changed who gets one. If an app or a
/// caller without a valid key repeats a request without end, only the first ones have a line each; one line a minute
/// counts the rest.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct AuditArgs {
    /// Keep printing new lines, until Ctrl-C
    #[arg(long, short)]
    follow: bool,

    /// Show only this account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,

    /// Show only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,

    /// Show only refused requests
    #[arg(long)]
    denied: bool,

    /// Show only lines that are newer than this, such as `1h`
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    since: Option<Duration>,

    /// Show only the last COUNT lines
    #[arg(long, short = 'n', value_name = "COUNT")]
    last: Option<usize>,

    /// Print the raw lines as JSON (docs/api.md)
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: config_source::ConfigSource,
}

const HELP: &str = "\
Examples:
  ringback audit -n 20
  ringback audit --follow
  ringback audit --denied --since 1d
  ringback audit --json | jq 'select(.event == \"token\") | .executable'";

/// The polling interval of `--follow`.
const GLANCE: Duration = Duration::from_millis(250);

/// Prints the log, and with `--follow` new lines as they are written.
pub(super) fn run(args: &AuditArgs) -> CommandResult {
    let folder =
        crate::config_file::load_what_works(&args.source.env()).ok().and_then(|(config, _)| config.store.folder);
    let paths = Paths::from_env(&|name| std::env::var_os(name), folder.as_deref()).map_err(message::homeless)?;
    let unread = |error: std::io::Error| message::audit_unreadable(paths.state.display(), error);
    let (mut reader, lines) = LogReader::open(&paths.state).map_err(unread)?;
    // In the format of the lines, whose texts sort chronologically.
    let since = args.since.map(|span| Clock::System.now().wall.minus(span).rfc3339());
    let meant = args.meant(&lines);
    let wanted: Vec<LogLine> = lines.into_iter().filter(|line| args.wants(line, since.as_deref())).collect();
    if let Some(meant) = meant.filter(|_| wanted.is_empty()) {
        report::say(&meant);
    }
    let first = args.last.map_or(0, |last| wanted.len().saturating_sub(last));
    let is_read = tell(wanted.get(first..).unwrap_or_default(), args.json)?;
    if !(args.follow && is_read) {
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(message::no_async_runtime)?;
    runtime.block_on(async {
        let stopped = signals::stop()?;
        tokio::select! {
            followed = follow(args, &mut reader) => match followed {
                Err(Unfollowed::Log(error)) => return Err(unread(error)),
                Err(Unfollowed::Output(failure)) => return Err(failure),
                Ok(()) => {}
            },
            () = stopped => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Why new lines are no longer shown.
enum Unfollowed {
    /// The log can't be read.
    Log(std::io::Error),
    /// Standard output can't be written.
    Output(Failure),
}

/// Returns once nobody reads standard output any more.
async fn follow(args: &AuditArgs, reader: &mut LogReader) -> Result<(), Unfollowed> {
    loop {
        tokio::time::sleep(GLANCE).await;
        let lines = reader.more().map_err(Unfollowed::Log)?;
        let lines: Vec<LogLine> = lines.into_iter().filter(|line| args.wants(line, None)).collect();
        if !tell(&lines, args.json).map_err(Unfollowed::Output)? {
            return Ok(());
        }
    }
}

impl AuditArgs {
    /// The names that were probably meant, if the log has no line with these.
    fn meant(&self, lines: &[LogLine]) -> Option<String> {
        let good = || lines.iter().filter_map(|line| if let LogLine::Good(line, _) = line { Some(line) } else { None });
        let account = similar("account", self.account.as_deref(), good().filter_map(|line| line.account.as_deref()));
        account.or_else(|| similar("app", self.app.as_deref(), good().filter_map(|line| line.app.as_deref())))
    }

    fn wants(&self, line: &LogLine, since: Option<&str>) -> bool {
        let LogLine::Good(line, _) = line else { return self.account.is_none() && self.app.is_none() };
        self.account.as_ref().is_none_or(|account| line.account.as_ref() == Some(account))
            && self.app.as_ref().is_none_or(|app| line.app.as_ref() == Some(app))
            && (!self.denied || !line.is_good())
            && since.is_none_or(|since| line.at.as_str() >= since)
    }
}

fn similar<'a>(what: &str, name: Option<&str>, logged: impl Iterator<Item = &'a str>) -> Option<String> {
    let (name, logged) = (name?, logged.collect::<BTreeSet<_>>());
    let meant = nearest(name, logged.iter().copied()).filter(|_| !logged.contains(name))?;
    Some(format!("There is no line about the {what} `{name}`. Did you mean `{meant}`?"))
}

/// Whether somebody still reads what is printed.
fn tell(lines: &[LogLine], json: bool) -> Result<bool, Failure> {
    let mut text = String::new();
    for line in lines {
        // Writing to a `String` does not fail.
        let _ = match line {
            LogLine::Good(_, raw) if json => writeln!(text, "{raw}"),
            LogLine::Good(line, _) => writeln!(text, "{}", sentence(line)),
            LogLine::Damaged if json => Ok(()),
            LogLine::Damaged => writeln!(text, "(a damaged line)"),
        };
    }
    if text.is_empty() { Ok(true) } else { report::follow(text.as_bytes()) }
}

fn sentence(line: &AuditLine) -> String {
    let mut text = format!("{}  {:<12}", line.at, <&str>::from(line.event));
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, " {name}{value}");
        }
    };
    add("", line.account.clone());
    add("", (line.result != "ok" || line.event != AuditEvent::Token).then(|| line.result.clone()));
    add("", line.method.clone());
    add("", line.path.clone());
    add("", line.status.map(|status| status.to_string()));
    add("sent=", line.sent.map(|count| count.to_string()));
    add("received=", line.received.map(|count| count.to_string()));
    add("app=", line.app.clone());
    add("from ", line.address.clone());
    add("", line.executable.clone());
    add("pid=", line.pid.map(|pid| pid.to_string()));
    add("scope=", line.scope.clone().map(|scope| format!("\"{scope}\"")));
    add("- ", line.reason.clone());
    let since = |since: &String| format!(" since {since}");
    add(
        "",
        line.more.map(|more| format!("({more} more like this{})", line.since.as_ref().map_or_else(String::new, since))),
    );
    plain(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_in_one_line_that_cannot_steer_the_terminal() {
        let mut line = AuditLine::new(AuditEvent::Token, "2026-11-25T08:00:00.000Z".into());
        line.account = Some("work".into());
        line.app = Some("editor".into());
        line.executable = Some("/tmp/\x1b[31mx".into());
        line.pid = Some(7);
        line.scope = Some("one two".into());
        assert_eq!(
            sentence(&line),
            "2026-11-25T08:00:00.000Z  token        work app=editor /tmp/[31mx pid=7 scope=\"one two\""
        );
        let mut counted = AuditLine::new(AuditEvent::Denied, "2026-11-25T08:01:00.000Z".into());
        counted.result = "not_permitted".into();
        counted.reason = Some("no key".into());
        (counted.more, counted.since) = (Some(219_990), Some("2026-11-25T08:00:00.000Z".into()));
        assert_eq!(
            sentence(&counted),
            "2026-11-25T08:01:00.000Z  denied       not_permitted - no key (219990 more like this since 2026-11-25T08:00:00.000Z)"
        );
        line.result = "login_required".into();
        line.reason = Some("nobody has logged in".into());
        assert!(sentence(&line).contains("work login_required") && sentence(&line).ends_with("- nobody has logged in"));
    }
}
