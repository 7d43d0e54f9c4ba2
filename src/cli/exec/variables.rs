//! The names of the variables that a program gets its tokens in. Pure.

use std::collections::BTreeSet;

use crate::cli::failure::Failure;
use crate::cli::message;
use crate::client::Token;

const TOKEN: &str = "ACCESS_TOKEN";
/// What a variable's name ends with that has a path.
const FILE: &str = "_FILE";

/// What the user says of the names.
pub(super) struct Names<'a> {
    given: &'a [String],
    files: bool,
}

/// Checks the names that are given, before anything is asked of the daemon.
pub(super) fn names(given: &[String], accounts: usize, files: bool) -> Result<Names<'_>, Failure> {
    if !given.is_empty() && given.len() != accounts {
        return Err(message::names_for_accounts(given.len(), accounts));
    }
    if let Some(name) = given.iter().find(|name| !is_variable(name)) {
        return Err(message::no_variable_name(name));
    }
    Ok(Names { given, files })
}

/// A name as POSIX has them (XBD 8.1).
fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|first: char| !first.is_ascii_digit())
}

impl Names<'_> {
    /// A name for each of `tokens`.
    pub(super) fn of(&self, tokens: &[Token]) -> Result<Vec<String>, Failure> {
        let names: Vec<String> = match (self.given, tokens) {
            ([], [_]) => vec![self.ending(TOKEN.to_owned())],
            ([], several) => several.iter().map(|token| self.ending(of_account(&token.account))).collect(),
            (given, _) => given.to_vec(),
        };
        let mut seen = BTreeSet::new();
        match names.iter().find(|name| !seen.insert(*name)) {
            Some(twice) => Err(message::variable_twice(twice)),
            None => Ok(names),
        }
    }

    fn ending(&self, name: String) -> String {
        if self.files { name + FILE } else { name }
    }
}

/// `my-work.2` is in `MY_WORK_2_ACCESS_TOKEN`.
fn of_account(account: &str) -> String {
    let word = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = account.chars().map(word).collect();
    let first = if name.starts_with(|first: char| first.is_ascii_digit()) { "_" } else { "" };
    format!("{first}{name}_{TOKEN}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::AccessToken;

    fn named(given: &[&str], files: bool, accounts: &[&str]) -> Result<Vec<String>, String> {
        let given: Vec<String> = given.iter().map(|&name| name.to_owned()).collect();
        let token = |account: &&str| Token {
            account: (*account).to_owned(),
            access_token: AccessToken::new("t"),
            scheme: "Bearer",
            expires_at: None,
        };
        let tokens: Vec<Token> = accounts.iter().map(token).collect();
        let names = names(&given, tokens.len(), files).and_then(|names| names.of(&tokens));
        names.map_err(|failure| failure.reply().error_description.clone())
    }

    #[test]
    fn each_token_has_a_variable_of_its_own() {
        for (given, files, accounts, names) in [
            (&[][..], false, &["work"][..], &["ACCESS_TOKEN"][..]),
            (&[], true, &["work"], &["ACCESS_TOKEN_FILE"]),
            (&[], false, &["my-work.2", "2nd"], &["MY_WORK_2_ACCESS_TOKEN", "_2ND_ACCESS_TOKEN"]),
            (&[], true, &["a", "b"], &["A_ACCESS_TOKEN_FILE", "B_ACCESS_TOKEN_FILE"]),
            (&["GITHUB_TOKEN"], false, &["work"], &["GITHUB_TOKEN"]),
            (&["_X1", "y"], true, &["a", "b"], &["_X1", "y"]),
        ] {
            assert_eq!(named(given, files, accounts).unwrap(), names, "{given:?} {accounts:?}");
        }
        for (given, accounts, why) in [
            (&[][..], &["a-b", "a_b"][..], "A_B_ACCESS_TOKEN"),
            (&[], &["work", "work"], "WORK_ACCESS_TOKEN"),
            (&["X"], &["a", "b"], "1 times"),
            (&["X", "X"], &["a", "b"], "`X`"),
            (&["X", "Y"], &["a"], "2 times"),
            (&["1X"], &["a"], "`1X`"),
            (&[""], &["a"], "``"),
            (&["A=B"], &["a"], "`A=B`"),
        ] {
            let told = named(given, false, accounts).unwrap_err();
            assert!(told.contains(why), "{given:?} {accounts:?}: {told}");
        }
    }
}
