//! The page's first line: whether all is well.

use super::shown::counted;

/// What the first line goes by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) accounts: usize,
    pub(super) usable: usize,
    /// Accounts that only a person can help.
    pub(super) needy: usize,
    /// Accounts that a mistake in the config keeps out.
    pub(super) mistaken: usize,
    /// Questions of programs and of logins.
    pub(super) questions: usize,
    pub(super) locked: bool,
    pub(super) refused_reload: bool,
}

/// The first line.
pub(super) struct Overview {
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) sentence: String,
    pub(super) detail: String,
}

impl Counts {
    pub(super) fn overview(self) -> Overview {
        let (class, mark, sentence) = self.first_line();
        let detail = match self.accounts {
            0 => String::new(),
            1 => String::from(if self.usable == 1 {
                "1 account, with a valid token"
            } else {
                "1 account, without a valid token"
            }),
            all if all == self.usable => format!("{all} accounts, all with a valid token"),
            all => format!("{all} accounts, {} with a valid token", self.usable),
        };
        Overview { class, mark, sentence, detail }
    }

    fn first_line(self) -> (&'static str, &'static str, String) {
        let needy = self.needy + self.mistaken;
        let need = if needy == 1 { "needs" } else { "need" };
        let (questions, accounts) = (counted(self.questions, "question"), counted(needy, "account"));
        let wait = if self.questions == 1 { "waits" } else { "wait" };
        match (self.questions, needy) {
            _ if self.locked => ("bad", "✗", "The store is locked".into()),
            (0, 0) if self.accounts == 0 => ("good", "→", "Welcome to ringback".into()),
            (0, 0) if self.usable < self.accounts => {
                let waiting = counted(self.accounts - self.usable, "account");
                ("notice", "…", format!("Waiting for a token of {waiting}"))
            }
            (0, 0) if self.refused_reload => ("notice", "!", "The config has a mistake".into()),
            (0, 0) => ("good", "✓", "All is well".into()),
            (0, _) => ("bad", "!", format!("{accounts} {need} you")),
            (_, 0) => ("notice", "?", format!("{questions} {wait} for your answer")),
            _ => ("bad", "!", format!("{questions} {wait} for your answer, and {accounts} {need} you")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_whether_all_is_well() {
        let well = Counts { accounts: 2, usable: 2, ..Counts::default() };
        for (counts, class, sentence) in [
            (well, "good", "All is well"),
            (Counts::default(), "good", "Welcome to ringback"),
            (Counts { locked: true, ..well }, "bad", "The store is locked"),
            (Counts { usable: 1, needy: 1, ..well }, "bad", "1 account needs you"),
            (Counts { needy: 1, mistaken: 1, ..well }, "bad", "2 accounts need you"),
            (Counts { mistaken: 1, ..Counts::default() }, "bad", "1 account needs you"),
            (Counts { usable: 1, ..well }, "notice", "Waiting for a token of 1 account"),
            (Counts { questions: 1, ..well }, "notice", "1 question waits for your answer"),
            (Counts { refused_reload: true, ..well }, "notice", "The config has a mistake"),
            (
                Counts { questions: 2, needy: 1, ..well },
                "bad",
                "2 questions wait for your answer, and 1 account needs you",
            ),
        ] {
            let overview = counts.overview();
            assert_eq!((overview.class, overview.sentence.as_str()), (class, sentence), "{counts:?}");
        }
        assert_eq!(well.overview().detail, "2 accounts, all with a valid token");
        assert_eq!(Counts { usable: 1, ..well }.overview().detail, "2 accounts, 1 with a valid token");
    }
}
