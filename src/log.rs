//! Sets up the log: to standard error, for people or as JSON. Secrets never reach it, since their types can't be
//! formatted; a panic's message might quote anything, so only its location is logged.

use std::io::{self, IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::error::Error;

/// The default filter.
pub(crate) const DEFAULT_FILTER: &str = "info";

/// What a log line looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One line of text, in colour on a terminal
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// How to log.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "log-options")]
pub(crate) struct LogOptions {
    /// What the log looks like
    #[arg(long = "log-format", value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// How much is logged: error, warn, info, debug, trace, or a filter such as `ringback::http=debug`
    #[arg(long = "log", env = "RINGBACK_LOG", hide_env_values = true, default_value = DEFAULT_FILTER, value_name = "LEVEL")]
    pub(crate) filter: String,
}

/// Starts the log for the rest of the process, panics included.
///
/// Fails with [`Error::Usage`] if the filter can't be understood, and with [`Error::Internal`] if the
/// process has a log already.
pub(crate) fn start(options: &LogOptions) -> Result<(), Error> {
    let filter = EnvFilter::builder()
        .parse(&options.filter)
        .map_err(|error| Error::Usage { what: format!("the log level `{}` is invalid: {error}", options.filter) })?;
    // Lines that can't be written (full disk, closed reader) are dropped: to report that on the same stream would
    // panic, and the hook below would panic in the panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_span_events(FmtSpan::NONE)
        .log_internal_errors(false);
    let started = match options.format {
        Format::Human => builder.with_ansi(colour()).compact().try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Error::Internal { what: format!("the log can't be started: {error}") })?;
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Whether standard error gets colours: it is a terminal, and they are not turned off (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

/// Until a log is started, and for commands without a log, a panic is one line on standard error, with its location.
/// Its message, and a backtrace, might quote a token.
pub(crate) fn hide_panics() {
    std::panic::set_hook(Box::new(|info| {
        // If this can't be written, nor can a message about it.
        let _ = writeln!(io::stderr().lock(), "ringback crashed at {}: please report it", place(info));
    }));
}

fn panicked(info: &PanicHookInfo<'_>) {
    tracing::error!("panic at {}", place(info));
}

fn place(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| "an unknown location".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a process of its own, since there is one log and one hook in each.
    #[test]
    fn a_panic_is_told_by_its_place_alone() {
        const CHILD: &str = "RINGBACK_TEST_PANIC";
        let kind = std::env::var(CHILD).unwrap_or_default();
        let filter = "trace".to_owned();
        match kind.as_str() {
            "human" => start(&LogOptions { format: Format::Human, filter }).unwrap(),
            "json" => start(&LogOptions { format: Format::Json, filter }).unwrap(),
            "none" => hide_panics(),
            _ => {
                for (kind, told) in [
                    ("human", "ERROR ringback::log: panic at src/log.rs:"),
                    ("json", r#""message":"panic at src/log.rs:"#),
                    ("none", "ringback crashed at src/log.rs:"),
                ] {
                    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
                    child.args(["--exact", "log::tests::a_panic_is_told_by_its_place_alone", "--nocapture"]);
                    let output = child.env(CHILD, kind).env("RUST_BACKTRACE", "full").output().unwrap();
                    let err = String::from_utf8(output.stderr).unwrap();
                    assert!(output.status.success() && err.contains(told), "{kind}: {err}");
                    assert!(!err.contains("canary") && err.lines().count() == 2, "{kind}: {err}");
                }
                return;
            }
        }
        let canary = std::hint::black_box("canary");
        for panic in [|canary| panic!("token {canary}"), |_| panic!("a literal canary")] as [fn(&str); 2] {
            std::thread::spawn(move || panic(canary)).join().unwrap_err();
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_a_usage_error() {
        let options = LogOptions { format: Format::Human, filter: "ringback=loud".into() };
        assert!(matches!(start(&options), Err(Error::Usage { .. })));
    }
}
