//! What could stand at the cursor of a command line: the scripts of `ringback completions` ask this at every Tab. It
//! prints one candidate a line, with a tab and a description where there is one, and never an error.

mod names;
mod place;

use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Arg, Args, Command, ValueHint};

use super::command_result::CommandResult;
use super::definition::about;
use super::report;
use crate::cli::report::plain;
use names::{NameKind, Sources};
use place::Place;

/// Print what could stand at the cursor (for the scripts of `ringback completions`)
#[derive(Args)]
pub(super) struct CompleteArgs {
    /// The words of the command line after `ringback`, up to the cursor; the last one is not complete
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORD")]
    words: Vec<String>,
}

/// Prints the candidates for the last word, all of which begin with what is there of it.
pub(super) fn run(args: &CompleteArgs, mut program: Command) -> CommandResult {
    program.build();
    let (current, before) = args.words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let offer = offer(&Place::after(&program, before), current);
    report::answer(offer.text(current).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What the shell should offer.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    Words(Vec<Candidate>),
    /// The shell completes file names itself.
    Files,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    word: String,
    about: String,
}

impl Offer {
    fn text(self, current: &str) -> String {
        match self {
            Self::Files => ":files\n".into(),
            Self::Words(words) => {
                words.into_iter().filter(|candidate| candidate.word.starts_with(current)).map(Candidate::line).collect()
            }
        }
    }
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }

    fn line(self) -> String {
        match plain(&self.about) {
            about if about.is_empty() => format!("{}\n", plain(&self.word)),
            about => format!("{}\t{about}\n", plain(&self.word)),
        }
    }
}

fn offer(place: &Place<'_>, current: &str) -> Offer {
    if let Some(arg) = place.unfinished {
        return values(arg, place);
    }
    if place.only_positionals || !current.starts_with('-') {
        return operands(place);
    }
    if let Some((flag, _)) = current.split_once('=') {
        let Some(arg) = place.option(flag) else { return Offer::Words(Vec::new()) };
        return match values(arg, place) {
            Offer::Words(words) => Offer::Words(
                words.into_iter().map(|value| Candidate { word: format!("{flag}={}", value.word), ..value }).collect(),
            ),
            Offer::Files => Offer::Files,
        };
    }
    let flags = place.command.get_arguments().filter(|arg| !arg.is_hide_set() && !place.has(arg)).filter_map(|arg| {
        let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let long = arg.get_long().map(|long| format!("--{long}"));
        // Whoever types one dash may want a short flag; after two, only long ones fit.
        let short = arg.get_short().map(|short| format!("-{short}"));
        long.or(short).map(|word| Candidate { word, about })
    });
    Offer::Words(flags.collect())
}

/// A subcommand, or the next argument without a flag.
fn operands(place: &Place<'_>) -> Offer {
    let mut words: Vec<Candidate> = Vec::new();
    if place.positionals == 0 {
        let commands = place.command.get_subcommands().filter(|command| !command.is_hide_set());
        words.extend(commands.map(|command| Candidate::new(command.get_name(), about(command))));
    }
    match place.command.get_positionals().nth(place.positionals).map(|arg| values(arg, place)) {
        Some(Offer::Files) => Offer::Files,
        Some(Offer::Words(more)) => Offer::Words(words.into_iter().chain(more).collect()),
        None => Offer::Words(words),
    }
}

fn values(arg: &Arg, place: &Place<'_>) -> Offer {
    let possible = arg.get_possible_values();
    if !possible.is_empty() {
        return Offer::Words(possible.iter().filter(|value| !value.is_hide_set()).map(of_value).collect());
    }
    if is_path(arg) {
        return Offer::Files;
    }
    let kinds = arg.get_value_names().and_then(|names| names.first()).map_or(&[][..], |name| NameKind::of(name));
    let sources = Sources { socket: place.value_of("socket"), config: place.value_of("config") };
    let names = kinds.iter().flat_map(|kind| names::names(*kind, &sources));
    Offer::Words(names.map(|(word, about)| Candidate { word, about }).collect())
}

/// Whether the value is the path of a file or folder: so is every `PathBuf`.
fn is_path(arg: &Arg) -> bool {
    use ValueHint::{AnyPath, DirPath, ExecutablePath, FilePath};
    matches!(arg.get_value_hint(), AnyPath | DirPath | ExecutablePath | FilePath)
}

fn of_value(value: &PossibleValue) -> Candidate {
    Candidate::new(value.get_name(), value.get_help().map(ToString::to_string).unwrap_or_default())
}

#[cfg(test)]
mod tests;
