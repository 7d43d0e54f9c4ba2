//! Where in the command line the cursor is: which command the words before it name, and what they have given it already.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};

/// The place after some words.
pub(super) struct Place<'a> {
    /// The innermost command that is named.
    pub(super) command: &'a Command,
    /// The option whose value comes next.
    pub(super) unfinished: Option<&'a Arg>,
    /// How many arguments without a flag the command has.
    pub(super) positionals: usize,
    /// Whether `--` has been there.
    pub(super) only_positionals: bool,
    /// The options that have been there, with their values.
    given: Vec<(&'a Arg, Option<String>)>,
}

impl<'a> Place<'a> {
    /// `program` has been built, so that its commands have their `help`.
    pub(super) fn after(program: &'a Command, words: &[String]) -> Self {
        let mut place =
            Self { command: program, unfinished: None, positionals: 0, only_positionals: false, given: Vec::new() };
        for word in words {
            place.step(word);
        }
        place
    }

    fn step(&mut self, word: &str) {
        if let Some(arg) = self.unfinished.take() {
            if word == "=" {
                // bash takes `--flag=value` for three words.
                self.unfinished = Some(arg);
            } else if let Some((_, value)) = self.given.last_mut() {
                *value = Some(word.to_owned());
            }
        } else if self.only_positionals {
            self.positionals += 1;
        } else if word == "--" {
            self.only_positionals = true;
        } else if word.len() > 1 && word.starts_with('-') {
            self.flag(word);
        } else if let Some(command) = self.command.find_subcommand(word).filter(|_| self.positionals == 0) {
            self.command = command;
        } else {
            self.positionals += 1;
        }
    }

    fn flag(&mut self, word: &str) {
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        let Some(arg) = self.option(flag) else { return };
        self.given.push((arg, value.map(str::to_owned)));
        if value.is_none() && arg.get_action().takes_values() {
            self.unfinished = Some(arg);
        }
    }

    /// The option `--long`, or the last one of `-abc`.
    pub(super) fn option(&self, flag: &str) -> Option<&'a Arg> {
        let named = |arg: &&Arg| match flag.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| flag.ends_with(short)),
        };
        self.command.get_arguments().find(named)
    }

    /// Whether it has been there, and can be there only once.
    pub(super) fn has(&self, arg: &Arg) -> bool {
        let again = matches!(arg.get_action(), ArgAction::Append | ArgAction::Count);
        !again && self.given.iter().any(|(given, _)| given.get_id() == arg.get_id())
    }

    /// The value that `--ID` got.
    pub(super) fn value_of(&self, id: &str) -> Option<PathBuf> {
        let given = self.given.iter().find(|(arg, _)| arg.get_id() == id);
        given.and_then(|(_, value)| value.as_ref()).map(PathBuf::from)
    }
}
