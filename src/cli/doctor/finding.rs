//! Creating and printing findings.

use std::fmt::Write as _;

use crate::cli::report::plain;
use crate::config::AccountConfig;
use crate::contract::{Finding, FindingState};

/// Everything is fine.
pub(super) fn good(check: &str, what: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::Good, what: what.into(), fix: None }
}

/// Worth knowing; nothing has to be done.
pub(super) fn note(check: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::Note, what: what.into(), fix: Some(fix.into()) }
}

/// Something has to be fixed.
pub(super) fn needs_hand(check: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::NeedsHand, what: what.into(), fix: Some(fix.into()) }
}

/// An advice, followed by the command that does what is certain.
pub(super) fn with_fix(advice: &str) -> String {
    format!("{advice} `ringback doctor --fix` does this.")
}

/// The name of an account in findings.
pub(super) fn about(account: &AccountConfig) -> String {
    format!("account {}", account.name)
}

/// One line for each finding, and the fix below it.
pub(super) fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.state {
            FindingState::Good => "ok  ",
            FindingState::Note => "note",
            FindingState::NeedsHand => "FIX ",
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{mark}  {}: {}", plain(&finding.check), plain(&finding.what));
        if let Some(fix) = &finding.fix {
            let _ = writeln!(text, "      {}", plain(fix));
        }
    }
    let hands = findings.iter().filter(|finding| finding.state == FindingState::NeedsHand).count();
    let _ = match hands {
        0 => writeln!(text, "\nNothing has to be fixed."),
        1 => writeln!(text, "\nOne thing has to be fixed."),
        hands => writeln!(text, "\n{hands} things have to be fixed."),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_with_its_fix() {
        let findings =
            [good("clock", "right"), note("unit", "absent", "Install it."), needs_hand("port", "taken", "Free it.")];
        assert_eq!(
            as_text(&findings),
            "ok    clock: right\nnote  unit: absent\n      Install it.\nFIX   port: taken\n      Free it.\n\n\
             One thing has to be fixed.\n"
        );
    }
}
