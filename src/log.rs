//! Sets up the log: to standard error, for people or as JSON. Secrets never reach it, since their types
//! can't be formatted; a panic's message might quote anything, so only its place is logged.

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::error::Error;

/// What is logged where nobody said otherwise.
pub const DEFAULT_FILTER: &str = "info";

/// What a log line looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line of text, in colour on a terminal
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// How to log.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "log-options")]
pub struct Options {
    /// What the log looks like
    #[arg(long = "log-format", value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    pub format: Format,

    /// How much is logged: error, warn, info, debug, trace, or a filter such as `ringback::http=debug`
    #[arg(long = "log", env = "RINGBACK_LOG", hide_env_values = true, default_value = DEFAULT_FILTER, value_name = "LEVEL")]
    pub filter: String,
}

/// Starts the log for the rest of the process, panics included.
///
/// Fails with [`Error::Usage`] if the filter can't be understood, and with [`Error::Internal`] if the
/// process has a log already.
pub fn start(options: &Options) -> Result<(), Error> {
    let filter = EnvFilter::builder().parse(&options.filter).map_err(|error| Error::Usage {
        what: format!("the log level `{}` can't be understood: {error}", options.filter),
    })?;
    // What can't be written (a full disk, a reader that went away) is dropped: telling so on the same
    // stream would panic, and the hook below would panic in the panic.
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

/// Whether standard error takes colours: a terminal, and nobody asked for none (<https://no-color.org>).
pub fn colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

fn panicked(info: &PanicHookInfo<'_>) {
    let location = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    tracing::error!(location, "panic at {location}: {}", panic_message(info.payload()));
}

/// A literal message holds no data. A formatted one can hold any, so it is withheld; the place says enough.
fn panic_message(payload: &(dyn std::any::Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(message withheld, since it may quote data)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formatted_panic_message_is_withheld() {
        let message = |panic: fn()| panic_message(&*std::panic::catch_unwind(panic).unwrap_err());
        assert_eq!(message(|| panic!("a literal")), "a literal");
        let canary = || panic!("token {}", std::hint::black_box("canary"));
        assert!(message(canary).contains("withheld"));
    }

    #[test]
    fn a_filter_that_makes_no_sense_is_a_usage_error() {
        let options = Options { format: Format::Human, filter: "ringback=loud".into() };
        assert!(matches!(start(&options), Err(Error::Usage { .. })));
    }
}
