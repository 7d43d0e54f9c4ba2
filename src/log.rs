//! Sets up the log: to standard error, for people or as JSON. Secrets never reach it, since their types can't be
//! formatted; a panic's message might quote anything, so only its location is logged.

use std::io::{self, IsTerminal, Write as _};
use std::panic::PanicHookInfo;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, format::FmtSpan};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// The environment variable for how much is logged.
pub(crate) const FILTER: &str = "RINGBACK_LOG";

/// How to log.
#[derive(Debug, Clone, clap::Args)]
#[cfg_attr(test, derive(PartialEq, Eq))]
#[group(id = "log-options")]
pub(crate) struct LogOptions {
    /// What the log looks like
    #[arg(long = "log-format", value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub(crate) format: Format,

    /// How much is logged: error, warn, info, debug, trace, or a filter such as `ringback::http=debug`
    #[arg(long = "log", env = FILTER, hide_env_values = true, default_value = DEFAULT_FILTER, value_name = "LEVEL")]
    pub(crate) filter: String,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { format: Format::Human, filter: DEFAULT_FILTER.to_owned() }
    }
}

/// Starts the log for the rest of the process, panics included.
///
/// Fails with [`Error::Usage`] if the filter can't be understood, and with [`Error::Internal`] if the
/// process has a log already.
pub(crate) fn start(options: &LogOptions) -> Result<(), Error> {
    let filter = filter(&options.filter)
        .map_err(|why| Error::Usage { what: format!("the log level `{}` is invalid: {why}", options.filter) })?;
    // Lines that can't be written (full disk, closed reader) are dropped: to report that on the same stream would
    // panic, and the hook below would panic in the panic.
    let lines = fmt::layer().with_writer(io::stderr).with_span_events(FmtSpan::NONE).log_internal_errors(false);
    let log = tracing_subscriber::registry();
    let started = match options.format {
        Format::Human => log.with(lines.with_ansi(colour()).compact()).with(filter).try_init(),
        Format::Json => log.with(lines.json().flatten_event(true)).with(filter).try_init(),
    };
    started.map_err(|error| Error::Internal { what: format!("the log can't be started: {error}") })?;
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Levels and modules, separated by commas. Filters by span and by field are not understood: they need regular
/// expressions, and would be a tenth of the program.
fn filter(written: &str) -> Result<Targets, String> {
    if written.contains(['[', '{']) {
        return Err("it can name levels and modules, and nothing else".into());
    }
    let parts = written.split(',').map(str::trim).filter(|part| !part.is_empty());
    match parts.collect::<Vec<_>>().join(",") {
        nothing if nothing.is_empty() => Ok(Targets::new().with_default(LevelFilter::ERROR)),
        parts => parts.parse().map_err(|error: tracing_subscriber::filter::ParseError| error.to_string()),
    }
}

/// Whether standard error gets colours.
pub(crate) fn colour() -> bool {
    colour_on(&io::stderr())
}

/// Whether `stream` gets colours: it is a terminal, and they are not turned off (<https://no-color.org>).
pub(crate) fn colour_on(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
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
    fn a_filter_names_levels_and_modules() {
        use tracing::Level;
        let (http, broker) = ("ringback::http::gate", "ringback::broker");
        for (written, http_at, broker_at) in [
            ("debug", Level::DEBUG, Level::DEBUG),
            ("INFO", Level::INFO, Level::INFO),
            ("", Level::ERROR, Level::ERROR),
            ("info,ringback::http=debug", Level::DEBUG, Level::INFO),
            (" ringback::http=trace, warn,", Level::TRACE, Level::WARN),
            ("ringback=info,ringback::http::gate=debug", Level::DEBUG, Level::INFO),
        ] {
            let filter = filter(written).unwrap();
            for (target, at) in [(http, http_at), (broker, broker_at)] {
                assert!(filter.would_enable(target, &at), "{written}: {target}");
                let mut finer = [Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].into_iter().filter(|l| *l > at);
                assert!(!finer.any(|level| filter.would_enable(target, &level)), "{written}: {target}");
            }
        }
        for written in ["ringback=loud", "a=b=c", "ringback[request]=debug", "[{id=7}]=trace"] {
            filter(written).unwrap_err();
        }
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_a_usage_error() {
        let options = LogOptions { format: Format::Human, filter: "ringback=loud".into() };
        assert!(matches!(start(&options), Err(Error::Usage { .. })));
    }
}
