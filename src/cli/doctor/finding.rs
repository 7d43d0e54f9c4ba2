//! How findings are made and told.

use std::fmt::Write as _;

use crate::cli::report::plain;
use crate::contract::{Finding, FindingState};

/// All is well.
pub(super) fn good(check: &str, what: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::Good, what: what.into(), fix: None }
}

/// Something to know, or to keep an eye on; nobody has to do anything.
pub(super) fn note(check: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::Note, what: what.into(), fix: Some(fix.into()) }
}

/// Somebody has to do something.
pub(super) fn needs_hand(check: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { check: check.into(), state: FindingState::NeedsHand, what: what.into(), fix: Some(fix.into()) }
}

/// One line for each, and what to do below it.
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
        0 => writeln!(text, "\nNothing needs a hand."),
        1 => writeln!(text, "\nOne thing needs a hand."),
        hands => writeln!(text, "\n{hands} things need a hand."),
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
             One thing needs a hand.\n"
        );
    }
}
