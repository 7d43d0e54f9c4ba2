//! Arguments: `--name value` pairs, flags without a value, and a command after `--`.

use std::str::FromStr;

use crate::Outcome;

/// What a program was called with.
#[derive(Debug)]
pub struct Args {
    pairs: Vec<(String, String)>,
    flags: Vec<String>,
    rest: Vec<String>,
}

impl Args {
    /// Reads the arguments of this process: `names` have a value, `flags` have none.
    pub fn read(names: &[&str], flags: &[&str]) -> Outcome<Self> {
        let mut read = Self { pairs: Vec::new(), flags: Vec::new(), rest: Vec::new() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("unexpected argument: {word}"))?;
            if name.is_empty() {
                read.rest = words.collect();
                break;
            } else if flags.contains(&name) {
                read.flags.push(name.to_owned());
            } else if names.contains(&name) {
                let value = words.next().ok_or_else(|| format!("--{name} needs a value"))?;
                read.pairs.push((name.to_owned(), value));
            } else {
                return Err(format!("unknown option: {word}").into());
            }
        }
        Ok(read)
    }

    /// The value of an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of an option that has to be there.
    pub fn need(&self, name: &str) -> Outcome<&str> {
        self.get(name).ok_or_else(|| format!("--{name} is missing").into())
    }

    /// The value of an option as a number, or `default`.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Outcome<T> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| format!("--{name}: not a number: {text}").into())
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|set| set == flag)
    }

    /// What follows `--`.
    pub fn rest(&self) -> &[String] {
        &self.rest
    }
}
