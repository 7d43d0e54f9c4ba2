//! `--fix` of `config check` and `doctor`: what is certain is shown, asked about and done; then everything is checked
//! again, so that what is said is true.

use std::process::ExitCode;

use clap::Args;

use super::arguments::DaemonChoice;
use super::command_result::CommandResult;
use super::config_change::ConfigRepair;
use super::dialogue::Dialogue;
use super::report;
use super::service::{self, outdated::OutdatedUnits};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::contract::{FixReply, FixState};
use crate::os::mode_fix::ModeFix;

/// Whether something is done about what is found.
#[derive(Args)]
pub(super) struct FixOptions {
    /// Fix what can be fixed for certain: show it, ask, do it, and check again
    #[arg(long)]
    fix: bool,

    /// With `--fix`: don't ask
    #[arg(long, requires = "fix")]
    yes: bool,
}

/// What certainly puts something right, and can be done here.
pub(super) enum Fix {
    /// A file or folder is closed to others.
    Mode(ModeFix),
    /// The config file is changed.
    Config(Box<ConfigRepair>),
    /// The units are written again.
    Units(OutdatedUnits),
}

/// Appends a fix, unless it is there already.
pub(super) fn add_mode(fixes: &mut Vec<Fix>, fix: &ModeFix) {
    if !fixes.iter().any(|other| matches!(other, Fix::Mode(other) if other == fix)) {
        fixes.push(Fix::Mode(fix.clone()));
    }
}

impl Fix {
    /// What it does, one line for each thing.
    fn what(&self) -> Vec<String> {
        match self {
            Self::Mode(fix) => vec![fix.to_string()],
            Self::Config(repair) => repair.what(),
            Self::Units(units) => vec![units.to_string()],
        }
    }

    fn show(&self) {
        match self {
            Self::Config(repair) => repair.shown().lines().for_each(report::say),
            Self::Mode(_) | Self::Units(_) => self.what().iter().for_each(|line| report::say(line)),
        }
    }

    /// Files are closed before a daemon reads the config that names them; it is restarted last.
    fn order(&self) -> u8 {
        match self {
            Self::Mode(_) => 0,
            Self::Config(_) => 1,
            Self::Units(_) => 2,
        }
    }

    /// Says so if others could change what has just been closed: what it says now should not be acted on unseen.
    fn asks_for_a_look(&self) -> bool {
        let Self::Mode(fix) = self else { return false };
        if fix.others_could_write() {
            let path = fix.path().display();
            report::say(&format!("Others could change {path}: look through it before you go on."));
        }
        fix.others_could_write()
    }

    fn is_blocked(&self) -> bool {
        matches!(self, Self::Config(repair) if repair.blocked().is_some())
    }

    fn apply(&self, reach: &DaemonChoice) -> Result<(), Failure> {
        match self {
            Self::Mode(fix) => fix.apply().map_err(|error| message::mode_unchanged(fix.path().display(), error)),
            Self::Config(repair) => repair.write(reach),
            Self::Units(units) => service::install_again(units),
        }
    }

    fn replies(&self, state: FixState, why: Option<&str>) -> impl Iterator<Item = FixReply> {
        self.what().into_iter().map(move |what| FixReply { what, state, why: why.map(str::to_owned) })
    }
}

/// What was found, as it is after the fixes.
pub(super) struct Examined<T> {
    pub(super) found: T,
    /// What can be done, and what was.
    pub(super) fixes: Vec<FixReply>,
    /// The first fix that failed, or that nobody could be asked.
    failure: Option<Failure>,
}

impl FixOptions {
    /// Whether fixes are asked for.
    pub(super) fn is_chosen(&self) -> bool {
        self.fix
    }

    /// Looks; with `--fix`, does what is certain and looks again, until nothing more can be done, or somebody has to look
    /// at what others could change.
    pub(super) fn examine<T>(
        &self,
        reach: &DaemonChoice,
        mut look: impl FnMut() -> Result<(T, Vec<Fix>), Failure>,
    ) -> Result<Examined<T>, Failure> {
        let (mut told, mut failure, mut goes_on) = (Vec::new(), None, self.fix);
        loop {
            let (found, mut fixes) = look()?;
            // One that failed is not tried again, nor one that was done.
            fixes.retain(|fix| !fix.what().iter().all(|what| told.iter().any(|told: &FixReply| told.what == *what)));
            fixes.sort_by_key(Fix::order);
            let answer = if goes_on { self.answer(&fixes)? } else { Answer::No };
            if answer != Answer::Yes {
                if self.fix && fixes.is_empty() && told.is_empty() {
                    report::say("There is nothing that can be fixed for certain.");
                }
                told.extend(fixes.iter().flat_map(|fix| fix.replies(FixState::Possible, None)));
                if answer == Answer::Nobody {
                    failure.get_or_insert_with(message::fix_unanswered);
                }
                return Ok(Examined { found, fixes: told, failure });
            }
            let mut is_changed = false;
            for fix in &fixes {
                match fix.apply(reach) {
                    Ok(()) => {
                        is_changed = true;
                        goes_on &= !fix.asks_for_a_look();
                        told.extend(fix.replies(FixState::Done, None));
                    }
                    Err(error) => {
                        let why = error.reply().error_description.clone();
                        told.extend(fix.replies(FixState::Failed, Some(&why)));
                        if failure.is_some() {
                            report::say(&why);
                        }
                        failure.get_or_insert(error);
                    }
                }
            }
            if !is_changed {
                return Ok(Examined { found, fixes: told, failure });
            }
        }
    }

    /// Shows what is certain, and asks.
    fn answer(&self, fixes: &[Fix]) -> Result<Answer, Failure> {
        if fixes.is_empty() {
            return Ok(Answer::No);
        }
        fixes.iter().for_each(Fix::show);
        // There is nothing to ask about what can't be done; trying it says why.
        if self.yes || fixes.iter().all(Fix::is_blocked) {
            return Ok(Answer::Yes);
        }
        let Some(dialogue) = Dialogue::open() else { return Ok(Answer::Nobody) };
        if dialogue.says_yes("Apply?", false)? {
            return Ok(Answer::Yes);
        }
        report::say("Nothing was changed.");
        Ok(Answer::No)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// There is no terminal.
    Nobody,
}

impl<T> Examined<T> {
    /// How the command ends after what was found has been told: with `code`, unless a fix failed or nobody could be asked.
    /// With `--json`, the object has been printed, so only people are told.
    pub(super) fn end(self, is_json: bool, code: ExitCode) -> CommandResult {
        match self.failure {
            None => Ok(code),
            Some(failure) if is_json => {
                report::say(&failure.reply().error_description);
                report::say(&failure.reply().hint);
                Ok(ExitCode::from(failure.exit()))
            }
            Some(failure) => Err(failure),
        }
    }

    /// How many can be done.
    pub(super) fn possible(&self) -> usize {
        self.fixes.iter().filter(|fix| fix.state == FixState::Possible).count()
    }
}
