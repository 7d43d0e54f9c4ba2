//! The page's first line: whether all is well.

use super::shown::counted;

/// What the first line goes by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) accounts: usize,
    pub(super) usable: usize,
    /// Accounts without a token that get one when a program asks.
    pub(super) idle: usize,
    /// Accounts without a token that get one without anybody's help, and have to wait for it.
    pub(super) waiting: usize,
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
        Overview { class, mark, sentence, detail: self.detail() }
    }

    /// How many accounts there are, and how many of them have a token.
    fn detail(self) -> String {
        let Self { accounts: all, usable, idle, .. } = self;
        let has = match (all, usable, idle) {
            (0, ..) => return String::new(),
            (1, 1, _) => "with a valid token".into(),
            (1, _, 1) => "which gets a token when a program asks".into(),
            (1, ..) => "without a valid token".into(),
            _ if all == usable => "all with a valid token".into(),
            _ if all == idle => "which get a token when a program asks".into(),
            (.., 0) => format!("{usable} with a valid token"),
            (.., 1) => format!("{usable} with a valid token, 1 that gets one when a program asks"),
            _ => format!("{usable} with a valid token, {idle} that get one when a program asks"),
        };
        format!("{}, {has}", counted(all, "account"))
    }

    fn first_line(self) -> (&'static str, &'static str, String) {
        let needy = self.needy + self.mistaken;
        let need = if needy == 1 { "needs" } else { "need" };
        let (questions, accounts) = (counted(self.questions, "question"), counted(needy, "account"));
        let wait = if self.questions == 1 { "waits" } else { "wait" };
        match (self.questions, needy) {
            _ if self.locked => ("bad", "✗", "The store is locked".into()),
            (0, 0) if self.refused_reload => ("notice", "!", "The config has a mistake".into()),
            (0, 0) if self.accounts == 0 => ("good", "→", "Welcome to ringback".into()),
            (0, 0) if self.waiting > 0 => {
                ("notice", "…", format!("Waiting for a token of {}", counted(self.waiting, "account")))
            }
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
            (Counts { usable: 1, waiting: 1, ..well }, "notice", "Waiting for a token of 1 account"),
            (Counts { usable: 1, idle: 1, ..well }, "good", "All is well"),
            (Counts { usable: 0, idle: 1, waiting: 1, ..well }, "notice", "Waiting for a token of 1 account"),
            (Counts { questions: 1, ..well }, "notice", "1 question waits for your answer"),
            (Counts { refused_reload: true, ..well }, "notice", "The config has a mistake"),
            (Counts { refused_reload: true, ..Counts::default() }, "notice", "The config has a mistake"),
            (
                Counts { questions: 2, needy: 1, ..well },
                "bad",
                "2 questions wait for your answer, and 1 account needs you",
            ),
        ] {
            let overview = counts.overview();
            assert_eq!((overview.class, overview.sentence.as_str()), (class, sentence), "{counts:?}");
        }
    }

    #[test]
    fn below_it_stands_how_many_accounts_have_a_token_or_get_one_on_demand() {
        for (accounts, usable, idle, detail) in [
            (0, 0, 0, ""),
            (1, 1, 0, "1 account, with a valid token"),
            (1, 0, 1, "1 account, which gets a token when a program asks"),
            (1, 0, 0, "1 account, without a valid token"),
            (2, 2, 0, "2 accounts, all with a valid token"),
            (2, 0, 2, "2 accounts, which get a token when a program asks"),
            (2, 1, 0, "2 accounts, 1 with a valid token"),
            (2, 1, 1, "2 accounts, 1 with a valid token, 1 that gets one when a program asks"),
            (4, 1, 2, "4 accounts, 1 with a valid token, 2 that get one when a program asks"),
        ] {
            let counts = Counts { accounts, usable, idle, ..Counts::default() };
            assert_eq!(counts.overview().detail, detail, "{counts:?}");
        }
    }
}
