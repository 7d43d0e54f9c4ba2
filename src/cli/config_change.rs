//! What commands that change the config file share: which mistakes are new, and what is shown; and the fixes of it that are
//! certain.

use std::fmt::Write as _;
use std::path::Path;

use super::arguments::DaemonChoice;
use super::config_source::ConfigSource;
use super::diff::{self, Side};
use super::reload::{Expected, reload};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::config::{ConfigError, ConfigFix, Sources, assemble, without_secrets};
use crate::config_file::draft::{ConfigDraft, DraftError};

/// Mistakes that the file would have and does not have now.
pub(super) fn new_mistakes(draft: &ConfigDraft) -> Vec<ConfigError> {
    let old = assemble(&draft.before()).mistakes;
    let new = assemble(&draft.after()).mistakes;
    new.iter().filter(|new| !old.iter().any(|old| old.is_same(new))).cloned().collect()
}

/// The change, line by line, without secrets.
pub(super) fn difference(draft: &ConfigDraft) -> String {
    let (old, new) = (draft.before(), draft.after());
    let shown = |sources: &Sources<'_>, with_programs| without_secrets(sources.text, with_programs);
    // A program's arguments in the new text are shown only where they are new.
    let (old_shown, new_shown) = (shown(&old, false), shown(&new, true));
    let name = old.path.display().to_string();
    diff::unified(&name, Side { text: old.text, shown: &old_shown }, Side { text: new.text, shown: &new_shown })
}

/// Why the file was not written.
pub(super) fn unwritten(path: &Path, error: &DraftError) -> Failure {
    match error {
        DraftError::Changed => message::config_changed(path.display()),
        DraftError::Io(why) => message::config_unwritable(path.display(), why),
    }
}

/// The config file with what is certain put right, not yet written.
pub(super) struct ConfigRepair {
    draft: ConfigDraft,
    fixes: Vec<ConfigFix>,
}

impl ConfigRepair {
    /// Applies one fix after the other to what the file says. One that would bring a new mistake is left out. `None` if
    /// nothing is left.
    pub(super) fn find(source: &ConfigSource) -> Option<Self> {
        // What can't be opened was told by whoever looked at it.
        let mut draft = ConfigDraft::open(&source.env()).ok()?;
        let (mut fixes, mut tried) = (Vec::new(), Vec::new());
        while let Some(fix) = next(&draft, &tried) {
            if draft.fix(&fix, |draft| new_mistakes(draft).is_empty()) {
                fixes.push(fix.clone());
            }
            tried.push(fix);
        }
        (!fixes.is_empty()).then_some(Self { draft, fixes })
    }

    /// Whether it puts right what was found.
    pub(super) fn covers(&self, found: &ConfigError) -> bool {
        found.file == self.draft.before().path && found.fix().is_some_and(|fix| self.fixes.contains(fix))
    }

    /// What it does, one line for each thing.
    pub(super) fn what(&self) -> Vec<String> {
        let path = self.draft.before().path.display();
        self.fixes.iter().map(|fix| format!("{path}: {fix}")).collect()
    }

    /// The same in detail, without secrets.
    pub(super) fn shown(&self) -> String {
        let mut text = difference(&self.draft);
        if let Some(mode) = self.draft.closes() {
            // Writing to a `String` can't fail.
            let _ = writeln!(text, "mode of {}: {mode:04o} -> 0600", self.draft.before().path.display());
        }
        text
    }

    /// Why the file is not to be replaced, if it isn't.
    pub(super) fn blocked(&self) -> Option<&str> {
        self.draft.fixed()
    }

    /// Writes the file, and tells a running daemon.
    pub(super) fn write(&self, reach: &DaemonChoice) -> Result<(), Failure> {
        let path = self.draft.before().path;
        if let Some(why) = self.blocked() {
            return Err(message::config_unfixable(path.display(), why));
        }
        self.draft.write().map_err(|error| unwritten(path, &error))?;
        if let Some(config) = assemble(&self.draft.after()).config {
            reload(reach, &config, Expected::Changed);
        }
        Ok(())
    }
}

/// The first fix of a mistake or warning in the file that was not tried yet.
fn next(draft: &ConfigDraft, tried: &[ConfigFix]) -> Option<ConfigFix> {
    let parsed = assemble(&draft.after());
    let warnings = parsed.config.iter().flat_map(|config| &config.warnings);
    let of_file = parsed.mistakes.iter().chain(warnings).filter(|found| found.file == draft.before().path);
    of_file.filter_map(ConfigError::fix).find(|fix| !tried.contains(fix)).cloned()
}
